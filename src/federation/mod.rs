//! Other parties that speak the protocol: today the demo's own relying party, later upstream providers.

pub mod demo_rp;
