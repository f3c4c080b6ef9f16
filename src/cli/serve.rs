//! `serve`: the server itself, until it is told to stop.

use std::path::Path;

use super::answer::{Answer, Failure};
use super::{log, open};
use crate::app::{self, App, Plugins, Running};
use crate::base::Fault;
use crate::config::{self, PluginSettings};

pub fn run(file: Option<&Path>, make: impl FnOnce(&mut PluginSettings) -> Option<Plugins>) -> Result<Answer, Failure> {
    let (config, plugins) = config::load_for(file, config::environment(), make)?;
    app::check_counts(&config, &plugins)?;
    log::start(&config.log)?;
    open::block_on_server(async {
        let issuer = config.issuer.as_str().to_owned();
        let running = App::with_plugins(open::shop(config).await?, plugins).await?.listen()?;
        tracing::info!(%issuer, address = %running.address, "serving");
        until_stopped(running).await?;
        tracing::info!("stopped");
        Ok(())
    })?;
    Ok(Answer::silent())
}

/// Serves until SIGTERM or SIGINT; requests under way are finished.
pub async fn until_stopped(running: Running) -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let wrong = || Fault::at::<std::io::Error>("cli: signals");
    let mut terminate = signal(SignalKind::terminate()).map_err(wrong())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(wrong())?;
    let handle = running.handle();
    let watching = tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if let Some(handle) = handle {
            handle.stop().await;
        }
    });
    let served = running.serve().await;
    watching.abort();
    Ok(served?)
}
