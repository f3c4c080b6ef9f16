//! Who somebody is: people, passwords, the counting of guesses, sessions and what was consented to.
//!
//! It decides and lets `store` remember. It knows no HTTP, no client's rules and no token of the protocol. Whoever asks hands
//! in the time; chance is handed in where tokens are made.

mod argon;
pub mod consent;
pub mod device;
mod email;
pub mod factor;
mod foreign;
pub mod guesses;
pub mod linking;
pub mod one_time;
pub mod passkeys;
pub mod passwords;
pub mod policy;
pub mod recovery;
pub mod sessions;
pub mod sign_in;
pub mod totp;
pub mod users;
pub mod ways;

#[cfg(test)]
mod tests;
