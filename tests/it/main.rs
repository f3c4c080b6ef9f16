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

mod rfc6749_code;
