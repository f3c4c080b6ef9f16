//! Telling apps that a session ended, beside the other jobs and never in their way: an app that hangs takes one of a few places
//! for five seconds, and the others go on in the rest.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::LOOK;
use crate::base::Fault;
use crate::endpoints::Provider;
use crate::endpoints::backchannel::{self, Outcome};
use crate::store::logout::{AT_ONCE, Taken};

/// How long tellings that are under way may hold up the end of the process. What is not done by then is told again by the next
/// one.
const GRACE: Duration = Duration::from_secs(3);

/// What is under way, and whom it keeps busy.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<(Taken, Result<Outcome, Fault>)>,
    busy: Vec<String>,
}

/// Tells what is due until `stop` says so.
pub(super) async fn deliver(provider: &Arc<Provider>, mut stop: watch::Receiver<bool>) {
    let mut under_way = UnderWay::default();
    loop {
        if let Err(fault) = under_way.fill(provider).await {
            tracing::error!(%fault, "sign-outs could not be looked after and will be tried again");
        }
        tokio::select! {
            _ = stop.changed() => break,
            Some(done) = under_way.tasks.join_next() => under_way.note(provider, done).await,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    drop(tokio::time::timeout(GRACE, under_way.finish(provider)).await);
}

impl UnderWay {
    /// Takes as many as there are places.
    async fn fill(&mut self, provider: &Arc<Provider>) -> Result<(), Fault> {
        // Nobody knows whose a task was that panicked: its place is free again when all others are done.
        if self.tasks.is_empty() {
            self.busy.clear();
        }
        let free = AT_ONCE.saturating_sub(self.busy.len());
        for taken in backchannel::take_due(provider, free, &self.busy).await? {
            self.busy.push(taken.client_id.clone());
            let provider = Arc::clone(provider);
            self.tasks.spawn(async move {
                let outcome = backchannel::tell(&provider, &taken).await;
                (taken, outcome)
            });
        }
        Ok(())
    }

    /// Notes how one went. What cannot be noted is told again when its lease ends.
    async fn note(&mut self, provider: &Provider, done: Result<(Taken, Result<Outcome, Fault>), tokio::task::JoinError>) {
        let noted = match done {
            Ok((taken, outcome)) => {
                self.busy.retain(|client| *client != taken.client_id);
                // Whatever broke breaks again: it is tried later and later, as for an app that does not answer.
                let outcome = outcome.unwrap_or_else(|fault| {
                    tracing::error!(%fault, "an app could not be told of a sign-out");
                    Outcome::Failed("something broke on our side".to_owned())
                });
                backchannel::note(provider, taken, outcome).await
            }
            Err(panicked) => Err(Fault::new("jobs: logout", panicked)),
        };
        if let Err(fault) = noted {
            tracing::error!(%fault, "what became of a sign-out could not be noted; it will be told again");
        }
    }

    async fn finish(&mut self, provider: &Provider) {
        while let Some(done) = self.tasks.join_next().await {
            self.note(provider, done).await;
        }
    }
}
