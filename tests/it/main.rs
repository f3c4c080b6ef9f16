//! The integration tests: the real provider, on SQLite, and on PostgreSQL where `TEST_DATABASE_URL` names a server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    dead_code,
    reason = "a test that finds something unexpected stops by panicking"
)]

mod architecture;
mod fuzz_corpus;
mod support;

mod account_address;
mod account_api;
mod account_data;
mod account_deletion;
mod account_pages;
mod attacks;
mod axe;
mod axe_factors;
mod backchannel_logout;
mod bad_input;
mod browser;
mod browser_accounts;
mod browser_factors;
mod browser_logout;
mod browser_passkeys;
mod browser_upstreams;
mod cli;
mod csrf_headers;
mod discovery;
mod encryption;
mod federation;
mod federation_breaker;
mod federation_claims;
mod federation_cli;
mod federation_cost;
mod federation_edges;
mod federation_factors;
mod federation_fresh;
mod federation_keys;
mod federation_kinds;
mod federation_protocol;
mod federation_real;
mod federation_ways;
mod frontchannel_logout;
mod guard;
mod in_turn;
mod interactions;
mod invitations;
mod jwks_uri;
mod keys;
mod limits;
mod login;
mod mail;
mod mail_smtp;
mod master_key;
mod oidc_core;
mod oidcc_core;
mod oidcc_dynamic;
mod openidconnect_rp;
mod pairwise;
mod passkeys;
mod passkeys_factor;
mod passkeys_own;
mod plugin_example;
mod races;
mod readme;
mod recovery;
mod redis;
mod rfc6749_authorize;
mod rfc6749_client_auth;
mod rfc6749_code;
mod rfc6749_refresh;
mod rfc6749_token;
mod rfc7591_registration;
mod rfc7592_management;
mod rfc7662_rfc7009;
mod rfc8707_resources;
mod rfc9068_jwt;
mod rfc9101_request_objects;
mod rp_initiated_logout;
mod second_factor;
mod second_factor_api;
mod second_factor_attacks;
mod second_factor_devices;
mod second_factor_policy;
mod second_factor_recovery;
#[cfg(feature = "plugins")]
mod second_factor_sms;
mod session_management;
mod sessions;
mod sign_in_by_mail;
mod sign_up;
mod sign_up_input;
mod soak;
mod sql;
mod storage;
mod two_nodes;
mod user_import;
mod userinfo;
