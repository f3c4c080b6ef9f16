//! From settings to a desk, and the runtime in which it is used.

use std::path::{Path, PathBuf};

use super::answer::{Answer, Failure};
use crate::admin::Desk;
use crate::app::Shop;
use crate::base::{Clock, Fault, Random};
use crate::config::{self, Config};

/// The file that is read when none is named.
const DEFAULT_FILE: &str = "vouchsafe.toml";

/// The settings file to read: the one that was named, or the one of this folder if it is there.
pub fn settings_file(named: Option<PathBuf>) -> Option<PathBuf> {
    named.or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|file| file.is_file()))
}

/// Runs asynchronous work to its end on this thread.
pub fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Fault::at("cli: runtime"))?;
    runtime.block_on(work)
}

/// The database and the master key of these settings.
pub async fn shop(config: Config) -> Result<Shop, Failure> {
    Ok(Shop::open(config, Clock::system(), Random::system()).await?)
}

/// Opens a desk and does one thing at it.
pub fn at_desk(file: Option<&Path>, act: impl AsyncFnOnce(&Desk, &Config) -> Result<Answer, Failure>) -> Result<Answer, Failure> {
    let config = config::load(file)?;
    block_on(async {
        let shop = shop(config).await?;
        act(&shop.desk(), &shop.config).await
    })
}

/// The same for a server, whose workers have threads of their own.
pub fn block_on_server<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Fault::at("cli: runtime"))?;
    tokio::task::LocalSet::new().block_on(&runtime, work)
}
