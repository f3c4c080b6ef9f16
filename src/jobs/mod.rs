//! What happens by itself: changes are noticed within a second, keys rotate, what expired is swept away.
//!
//! The jobs run on a thread of their own. Every node runs them; what only one may do at a time takes a lease or is a
//! conditional statement.

mod logout;
mod mail;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::base::{Fault, Timestamp};
use crate::endpoints::{Provider, accounts, interaction, register, second_factor, upstreams};
use crate::identity::sessions;
use crate::keys::{self, rotation};
use crate::store::{
    changes, factor_challenges, factors, farewells, grants, logout as deliveries, outbox, tokens, trusted_devices,
};

/// How soon a change reaches every process (decision 27).
const LOOK: Duration = Duration::from_secs(1);

/// Seconds between two looks at the keys' ages.
const KEYS_SECONDS: i64 = 60;

/// Seconds between two sweeps.
const SWEEP_SECONDS: i64 = 600;

/// Seconds that a row is kept after it expired, so that clocks may differ.
const SKEW_SECONDS: i64 = 300;

/// Seconds that the row of a mail is kept after the mail expired, for whoever asks what became of it.
const MAIL_SECONDS: i64 = 86_400;

/// The work that waits for its time.
pub struct Jobs {
    provider: Arc<Provider>,
    keys: keys::Policy,
    seen: HashMap<String, i64>,
    data_version: Option<i64>,
    keys_at: Timestamp,
    sweep_at: Timestamp,
}

impl Jobs {
    pub fn new(provider: Arc<Provider>, keys: keys::Policy) -> Self {
        let now = provider.clock.now();
        Self { provider, keys, seen: HashMap::new(), data_version: None, keys_at: now.plus(KEYS_SECONDS), sweep_at: now.plus(60) }
    }

    /// Runs until `stop` says so. Mail goes beside everything else, and so does what apps are told: a server that hangs delays
    /// nothing but its own.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        let provider = Arc::clone(&self.provider);
        tokio::join!(self.look(stop.clone()), mail::deliver(&provider, stop.clone()), logout::deliver(&provider, stop));
    }

    async fn look(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                _ = stop.changed() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            if let Err(fault) = self.turn().await {
                tracing::error!(fault = %fault, "a job failed and will be tried again");
            }
        }
    }

    /// One look at everything that may be due.
    ///
    /// # Errors
    /// Storage, keys or chance failed; the next turn tries again.
    pub async fn turn(&mut self) -> Result<(), Fault> {
        self.notice_changes().await?;
        let now = self.provider.clock.now();
        if now >= self.keys_at {
            self.keys_at = now.plus(KEYS_SECONDS);
            let p = &self.provider;
            if rotation::step(&p.db, &p.vault, &p.clock, &p.random, &self.keys).await? {
                p.keys.refresh(&p.db, &p.vault, now).await?;
            }
        }
        if now >= self.sweep_at {
            self.sweep_at = now.plus(SWEEP_SECONDS);
            // A flood of sign-ups must not grow faster than it goes; nor may it hold up the other jobs.
            if self.sweep(now).await? >= accounts::REMOVED_AT_ONCE {
                self.sweep_at = now.plus(1);
            }
        }
        Ok(())
    }

    async fn notice_changes(&mut self) -> Result<(), Fault> {
        let version = self.provider.db.data_version().await?;
        if version.is_some() && version == self.data_version {
            return Ok(());
        }
        let counters = changes::read(&mut self.provider.db.conn()).await?;
        for (topic, counter) in counters {
            if self.seen.get(&topic) == Some(&counter) {
                continue;
            }
            match topic.as_str() {
                "keys" => self.provider.keys.refresh(&self.provider.db, &self.provider.vault, self.provider.clock.now()).await?,
                "upstreams" => self.provider.connected.forget(),
                _ => self.provider.registry.forget(),
            }
            self.seen.insert(topic, counter);
        }
        self.data_version = version;
        Ok(())
    }

    /// Says how many people went.
    async fn sweep(&self, now: Timestamp) -> Result<u64, Fault> {
        let before = now.plus(-SKEW_SECONDS);
        let removed = self
            .provider
            .db
            .write(async move |tx| Ok(tokens::sweep(tx, before).await? + grants::sweep(tx, before).await?))
            .await?;
        let unused = register::sweep(&self.provider, now).await?;
        let interactions = interaction::sweep(&self.provider, now).await? + upstreams::sweep(&self.provider, before).await?;
        let idle = self.provider.policy.session_idle_seconds;
        while self.provider.db.write(async move |tx| sessions::end_run_out(tx, idle, now).await).await? {}
        let sessions = self.provider.db.write(async move |tx| sessions::sweep(tx, before).await).await?;
        let guesses = self.provider.db.write(async move |tx| crate::identity::guesses::sweep(tx, before).await).await?;
        let unconfirmed = now.plus(-factors::PENDING_SECONDS);
        let pending = self.provider.db.write(async move |tx| factors::sweep(tx, unconfirmed).await).await?;
        let devices = self
            .provider
            .db
            .write(async move |tx| Ok(trusted_devices::sweep(tx, before).await? + factor_challenges::sweep(tx, before).await?))
            .await?;
        let reset = second_factor::reset_due(&self.provider, now).await?;
        let asked = self.provider.db.write(async move |tx| crate::store::passkeys::sweep(tx, before).await).await?;
        let sent = self.provider.db.write(async move |tx| crate::identity::one_time::sweep(tx, before).await).await?;
        let kept = now.plus(-MAIL_SECONDS);
        let mails = self.provider.db.write(async move |tx| outbox::sweep(tx, kept).await).await?;
        let people = accounts::remove_due(&self.provider, now).await?;
        let told = self
            .provider
            .db
            .write(async move |tx| Ok(deliveries::sweep(tx, kept).await? + farewells::sweep(tx, before).await?))
            .await?;
        tracing::debug!(
            mails,
            told,
            removed,
            unused,
            interactions,
            sessions,
            guesses,
            pending,
            devices,
            reset,
            asked,
            sent,
            people,
            "swept what expired"
        );
        Ok(people)
    }
}
