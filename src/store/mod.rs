//! The disk: one file a table family, one SQL text for SQLite and PostgreSQL.
//!
//! It remembers and decides nothing. Every single-use fact is one conditional statement; a function that takes `&mut Conn`
//! needs one statement, one that takes `&mut Tx` is part of a larger whole.

pub mod audit;
pub mod changes;
pub mod clients;
pub mod consents;
mod db;
pub mod factor_challenges;
pub mod factor_terms;
pub mod factors;
pub mod farewells;
pub mod grants;
pub mod guesses;
pub mod identities;
pub mod interactions;
pub mod keys;
pub mod known_devices;
pub mod logout;
pub mod migrations;
pub mod one_time;
pub mod outbox;
pub mod pairwise;
pub mod passkeys;
pub mod passwords;
pub mod recovery_codes;
pub mod registrations;
pub mod resources;
pub mod sealed;
pub mod sessions;
#[cfg(test)]
mod test_db;
pub mod tokens;
pub mod trusted_devices;
pub mod upstream_attempts;
pub mod upstream_sessions;
pub mod upstreams;
pub mod users;

pub use db::{Columns, Conn, Db, Durability, Options, Row, Statement, Tx, Value, sql};
