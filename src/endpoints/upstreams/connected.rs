//! The providers that the operator connected, opened when first needed and read again when the store says that they changed. A
//! miss reads the row before anybody is refused (decision 27).

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;

use crate::base::{Fault, Secret, Timestamp};
use crate::endpoints::Provider;
use crate::endpoints::interaction::Found;
use crate::federation::{
    self, Answer, Breaker, Connector, Departure, Ended, Health, Kind, Parting, Pass, Trouble, Upstream, UpstreamIdentity, Wish,
};
use crate::identity::ways::OpenWays;
use crate::store::upstreams::{self, StoredUpstream};

/// How long a provider may keep a person waiting, all its answers together.
const DEADLINE: Duration = Duration::from_secs(5);

/// A provider with what is known of it in this process.
pub struct Connected {
    pub upstream: Upstream,
    row: StoredUpstream,
    connector: Box<dyn Connector>,
    breaker: Breaker,
    /// Whoever finds out whether it is well, one at a time.
    asking: tokio::sync::Mutex<()>,
}

/// All of them, as far as this process has seen.
#[derive(Default)]
pub struct Upstreams(RwLock<Seen>);

#[derive(Default)]
struct Seen {
    all: Option<Arc<Vec<Arc<Connected>>>>,
    /// What was there before it was forgotten: whatever has not changed goes on with what it fetched, and with its health.
    before: Arc<Vec<Arc<Connected>>>,
    /// Counts what was forgotten, so that what was read before a change is not kept after it.
    epoch: u64,
}

/// A button on the sign-in page.
pub struct Button {
    pub id: String,
    pub name: String,
    pub kind: Kind,
    pub health: Health,
}

impl Upstreams {
    /// Reads the rows again when they are needed next: the store changed.
    pub fn forget(&self) {
        let mut seen = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(all) = seen.all.take() {
            seen.before = all;
        }
        seen.epoch += 1;
    }
}

/// What comes of a call, or that it took too long.
async fn by<T>(until: Instant, call: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    tokio::time::timeout_at(until, call).await.unwrap_or(Err(Trouble::Down("it took too long")))
}

impl Connected {
    /// # Errors
    /// Why the person cannot go there.
    pub(super) async fn depart(&self, wish: &Wish, now: Timestamp) -> Result<Departure, Trouble> {
        let until = Instant::now() + DEADLINE;
        match self.breaker.pass(now) {
            Pass::Go => {}
            Pass::Rest => return Err(Trouble::Down("it failed a moment ago, and is left alone")),
            Pass::Trial(trial) => match self.told(by(until, self.connector.probe(now)).await) {
                Ok(()) => trial.passed(now),
                Err(trouble) => {
                    trial.failed(now);
                    return Err(trouble);
                }
            },
        }
        self.blamed(by(until, self.connector.depart(wish, now)).await, now)
    }

    /// Whoever is on the way back is let through, however the provider is: what they bring is good once, and they show that it is well
    /// again.
    ///
    /// # Errors
    /// Why nobody came back.
    pub(super) async fn arrive(&self, answer: &Answer, now: Timestamp) -> Result<UpstreamIdentity, Trouble> {
        let until = Instant::now() + DEADLINE;
        let outcome = self.told(by(until, self.connector.arrive(answer, now)).await);
        if outcome.is_ok() {
            self.breaker.succeeded();
        } else if outcome.as_ref().is_err_and(Trouble::is_fault) && self.is_unwell(until, now).await {
            self.breaker.failed(now);
        }
        outcome
    }

    /// Whether it fails in a call of ours as well: a 5xx may be all that it has for a code that a stranger made up. One asks at a time, and
    /// the others say nothing, or a crowd that waits in line for the same answer would run out of time.
    async fn is_unwell(&self, until: Instant, now: Timestamp) -> bool {
        if Instant::now() >= until {
            return true;
        }
        let Ok(_asking) = self.asking.try_lock() else { return false };
        by(until, self.connector.probe(now)).await.is_err_and(|trouble| trouble.is_fault())
    }

    /// Where the browser goes to be signed out there, if there is such a place and it can be found out. Nobody stays signed in here
    /// because there is none.
    pub(super) async fn sign_out(&self, parting: &Parting, now: Timestamp) -> Option<String> {
        if self.breaker.health(now) == Health::Resting {
            return None;
        }
        let outcome = by(Instant::now() + DEADLINE, self.connector.sign_out(parting, now)).await;
        self.told(outcome).ok().flatten()
    }

    /// Anybody can send a token, so what comes of it says nothing of the provider.
    ///
    /// # Errors
    /// Why a logout token is not taken.
    pub(super) async fn heard(&self, token: &str, now: Timestamp) -> Result<Ended, Trouble> {
        self.told(by(Instant::now() + DEADLINE, self.connector.heard(token, now)).await)
    }

    fn blamed<T>(&self, outcome: Result<T, Trouble>, now: Timestamp) -> Result<T, Trouble> {
        if outcome.as_ref().is_err_and(Trouble::is_fault) {
            self.breaker.failed(now);
        }
        self.told(outcome)
    }

    /// The log hears why.
    fn told<T>(&self, outcome: Result<T, Trouble>) -> Result<T, Trouble> {
        if let Err(trouble) = &outcome {
            tracing::warn!(upstream = self.upstream.id, %trouble, "a sign-in by an upstream did not succeed");
        }
        outcome
    }
}

impl Provider {
    /// Every connected provider, in the order of their buttons. One whose row does not open is told to the log and left out: the
    /// others, and passwords, still work.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn upstreams(&self) -> Result<Arc<Vec<Arc<Connected>>>, Fault> {
        let (before, epoch) = {
            let seen = self.connected.0.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(all) = &seen.all {
                return Ok(Arc::clone(all));
            }
            (Arc::clone(&seen.before), seen.epoch)
        };
        let mut all = Vec::new();
        for row in upstreams::list(&mut self.db.conn()).await? {
            if let Some(same) = before.iter().find(|connected| connected.row == row) {
                all.push(Arc::clone(same));
                continue;
            }
            let id = row.id.clone();
            match self.connect(row) {
                Ok(connected) => all.push(Arc::new(connected)),
                Err(fault) => tracing::error!(upstream = id, %fault, "an upstream cannot be opened"),
            }
        }
        all.sort_by(|a, b| (a.upstream.position, &a.upstream.id).cmp(&(b.upstream.position, &b.upstream.id)));
        let all = Arc::new(all);
        let mut seen = self.connected.0.write().unwrap_or_else(PoisonError::into_inner);
        if seen.epoch == epoch {
            seen.all = Some(Arc::clone(&all));
        }
        Ok(all)
    }

    fn connect(&self, row: StoredUpstream) -> Result<Connected, Fault> {
        let upstream = Upstream::read(&row.definition)?;
        let secret = self.vault.open("upstreams", "sealed_secret", &row.id, &row.sealed_secret)?;
        let secret = String::from_utf8(secret).map_err(|_| Fault::corrupt("upstreams", "sealed_secret"))?;
        let connector = federation::connect(&upstream, Secret::new(secret), self.outbound.clone());
        Ok(Connected { upstream, row, connector, breaker: Breaker::default(), asking: tokio::sync::Mutex::default() })
    }

    /// One of them.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn upstream(&self, id: &str) -> Result<Option<Arc<Connected>>, Fault> {
        let find = |all: &[Arc<Connected>]| all.iter().find(|connected| connected.upstream.id == id).cloned();
        if let Some(found) = find(&self.upstreams().await?) {
            return Ok(Some(found));
        }
        // Nobody has such an id, and a database may take no NUL in a text.
        if id.contains('\0') || upstreams::find(&mut self.db.conn(), id).await?.is_none() {
            return Ok(None);
        }
        self.connected.forget();
        Ok(find(&self.upstreams().await?))
    }

    /// Whether passwords are taken: always where there is no other provider to sign in by. Which buttons a page happens to show does
    /// not matter, or an app without one would be a way around what the operator wants.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn takes_passwords(&self) -> Result<bool, Fault> {
        Ok(self.policy.accounts.password || self.upstreams().await?.is_empty())
    }

    /// The ways that lead into an account here today.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn open_ways(&self) -> Result<OpenWays, Fault> {
        // One without a button on the house's own page leads to some app, and not to the account.
        let all = self.upstreams().await?;
        let has_button = all.iter().filter(|connected| connected.upstream.is_shown_for(None));
        let issuers = has_button.map(|connected| connected.upstream.issuer.clone()).collect();
        Ok(OpenWays { password: self.takes_passwords().await?, passkeys: self.passkeys.is_some(), issuers })
    }

    /// The buttons on the sign-in page of an interaction.
    ///
    /// # Errors
    /// Storage failed.
    pub async fn upstream_buttons(&self, found: &Found, now: Timestamp) -> Result<Vec<Button>, Fault> {
        let client = found.client.as_ref().map(|client| client.client.client_id.as_str());
        let all = self.upstreams().await?;
        let shown = all.iter().filter(|connected| connected.upstream.is_shown_for(client));
        Ok(shown.map(|connected| connected.button(now)).collect())
    }
}

impl Connected {
    pub(super) fn button(&self, now: Timestamp) -> Button {
        let Upstream { id, name, kind, .. } = &self.upstream;
        Button { id: id.clone(), name: name.clone(), kind: *kind, health: self.breaker.health(now) }
    }
}
