//! The log: text for a person at a terminal, JSON for a machine, on standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use super::answer::Failure;
use crate::config::{LogFormat, LogSettings};

/// Starts it, once a process.
pub fn start(settings: &LogSettings) -> Result<(), Failure> {
    let is_json = match settings.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    // What libraries tell is of use only when something is wrong with them; `sqlx` would log statements.
    // What `webauthn_rs` calls errors are answers of strangers that do not hold.
    let filter = EnvFilter::new(format!("warn,webauthn_rs=off,webauthn_rs_core=off,vouchsafe={}", settings.level));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if is_json {
        log.json().flatten_event(true).try_init()
    } else {
        log.with_ansi(std::io::stderr().is_terminal()).try_init()
    };
    started.map_err(|error| Failure::new(format!("the log cannot be started: {error}")))
}
