//! Delivery of mail, beside the other jobs and never in their way.

use std::time::Duration;

use tokio::sync::watch;

use super::LOOK;
use crate::endpoints::Provider;

/// How long mail that is just being sent may hold up the end of the process. What is not done by then is sent again by the
/// next one.
const GRACE: Duration = Duration::from_secs(3);

/// Sends what is due until `stop` says so.
pub(super) async fn deliver(provider: &Provider, mut stop: watch::Receiver<bool>) {
    let mut pause = LOOK;
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let delivering = provider.post.deliver_due(&provider.db, provider.clock.now());
        let delivered = tokio::select! {
            delivered = delivering => delivered,
            () = grace(stop.clone()) => return,
        };
        pause = match delivered {
            // There may be more.
            Ok(1..) => Duration::ZERO,
            Ok(0) => LOOK,
            Err(fault) => {
                tracing::error!(%fault, "mail could not be looked after and will be tried again");
                LOOK
            }
        };
    }
}

async fn grace(mut stop: watch::Receiver<bool>) {
    let _ = stop.changed().await;
    tokio::time::sleep(GRACE).await;
}
