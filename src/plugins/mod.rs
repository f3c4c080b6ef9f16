//! What is added to the house from outside its own rooms: kinds of second factors and channels for messages. Each file is one plugin
//! and implements traits of `identity` and `notify`; `app` alone knows them. Without the Cargo feature `plugins` the rest of the house
//! is the same. README, "Write a plugin", says how one is made.

pub mod sms;
