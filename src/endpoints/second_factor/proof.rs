//! What the transaction of a second factor uses up: the one place where codes of every kind become good once.

use super::trust::NewDevice;
use crate::base::{Fault, Id, Secret, Timestamp};
use crate::endpoints::upstreams::Origin;
use crate::endpoints::{Provider, Visit, audit_at};
use crate::identity::factor::Factor;
use crate::identity::guesses::{self, Subject};
use crate::identity::recovery;
use crate::identity::users::{self, User};
use crate::store::audit::{self as audits, AuditEvent};
use crate::store::outbox::{self, NewMail};
use crate::store::{Tx, factor_challenges, factor_terms, factors, passkeys, passwords, trusted_devices, users as people};

/// A second factor that was right, with everything that is stored because of it.
pub(in crate::endpoints) struct SecondProof {
    ground: Ground,
    used: Used,
    /// What the guess was charged to.
    subjects: Vec<Subject>,
    told: Option<NewMail>,
    record: Option<(Id, AuditEvent)>,
    /// The browser, if it is to be remembered.
    device: Option<NewDevice>,
}

/// What the first proof rested on.
#[derive(Default)]
pub(super) struct Ground {
    /// Its password; it has to stand still.
    pub password: Option<String>,
    /// The other provider by which it was given.
    pub origin: Option<Origin>,
    /// The generation of those who came in as the person; it has to be the same still.
    pub generation: Option<i64>,
}

/// What is used up.
pub(super) enum Used {
    /// A step of time of a factor.
    Step {
        factor: Id,
        step: i64,
    },
    RecoveryCode(Id),
    /// What an authenticator signed.
    Passkey {
        challenge: String,
        id: Id,
        signed: passkeys::Signed,
    },
    /// The first code of something new, which counts from now on.
    Confirmed {
        factor: Box<Factor>,
        step: i64,
        /// How many of its kind anybody may have.
        most: usize,
    },
    /// A code that was sent, for a factor or to the address of the account.
    Challenge {
        id: Id,
        factor: Option<Id>,
    },
    /// The first code that was sent for something new, which counts from now on.
    ConfirmedBy {
        factor: Box<Factor>,
        challenge: Id,
        /// How many of its kind anybody may have.
        most: usize,
    },
    /// Nothing: the person has time until then.
    Postponed(Timestamp),
}

impl SecondProof {
    pub(super) fn new(ground: Ground, used: Used, subjects: Vec<Subject>) -> Self {
        Self { ground, used, subjects, told: None, record: None, device: None }
    }

    pub(super) fn postponed(ground: Ground, until: Timestamp) -> Self {
        Self::new(ground, Used::Postponed(until), Vec::new())
    }

    /// With a mail to the person, and a row in the audit log.
    pub(super) fn told(
        mut self,
        provider: &Provider,
        (kind, detail, mail): (&str, serde_json::Value, Option<NewMail>),
        (user, visit): (&User, &Visit),
    ) -> Result<Self, Fault> {
        let mut record = audit_at(kind, user.id.as_str(), visit);
        record.user_id = Some(user.id.clone());
        record.detail = detail;
        self.told = mail;
        self.record = Some((provider.new_id()?, record));
        Ok(self)
    }

    /// With this browser remembered from now on.
    pub(super) fn remembered(self, device: Option<NewDevice>) -> Self {
        Self { device, ..self }
    }

    /// What the browser keeps, if it is remembered.
    pub(in crate::endpoints) fn device_token(&self) -> Option<Secret<String>> {
        self.device.as_ref().map(|device| device.token.clone())
    }

    /// Where the session comes from that begins now.
    pub(in crate::endpoints) const fn origin(&self) -> Option<&Origin> {
        self.ground.origin.as_ref()
    }

    /// Uses it up. False if it was used before, or what it rests on is gone: then nothing of it stays.
    pub(in crate::endpoints) async fn take(&self, tx: &mut Tx, user: &Id, now: Timestamp) -> Result<bool, Fault> {
        users::hold(tx, user).await?;
        let stands = match &self.ground.password {
            Some(phc) => passwords::stands(tx, user, phc).await?,
            None => passwords::may_be_here(tx, user).await?,
        };
        let is_known_there = match &self.ground.origin {
            Some(origin) => origin.stands(tx, user).await?,
            None => true,
        };
        let is_no_stranger = match self.ground.generation {
            Some(given) => people::generation(tx, user).await? == Some(given),
            None => true,
        };
        if !stands || !is_known_there || !is_no_stranger || !self.use_up(tx, user, now).await? {
            return Ok(false);
        }
        guesses::succeed(tx, &self.subjects).await?;
        if let Some(device) = &self.device {
            device.store(tx, user).await?;
        }
        if let Some(mail) = &self.told {
            outbox::enqueue(tx, mail, now).await?;
        }
        if let Some((id, record)) = &self.record {
            audits::write(tx, id, record).await?;
        }
        Ok(true)
    }

    async fn use_up(&self, tx: &mut Tx, user: &Id, now: Timestamp) -> Result<bool, Fault> {
        let is_used = match &self.used {
            Used::Step { factor, step } => factors::take_step(tx, factor, user, *step, now).await?,
            Used::RecoveryCode(id) => recovery::consume(tx, id, user, now).await?,
            Used::Passkey { challenge, id, signed } => {
                passkeys::answer(tx, challenge, now).await? && passkeys::signed(tx, id, signed, now).await?
            }
            Used::Confirmed { factor, step, most } => {
                has_room(tx, factor, *most).await? && factors::confirm(tx, factor, *step, now).await?
            }
            Used::Challenge { id, factor } => {
                factor_challenges::consume(tx, id, user, now).await?
                    && match factor {
                        Some(factor) => factors::note_use(tx, factor, user, now).await?,
                        None => true,
                    }
            }
            Used::ConfirmedBy { factor, challenge, most } => {
                has_room(tx, factor, *most).await?
                    && factor_challenges::consume(tx, challenge, user, now).await?
                    && factors::confirm(tx, factor, 0, now).await?
            }
            Used::Postponed(until) => {
                factor_terms::set_due(tx, user, *until).await?;
                true
            }
        };
        match &self.used {
            // Whoever shows what they have has not lost it.
            Used::Step { .. } | Used::Challenge { .. } | Used::Passkey { .. } if is_used => {
                factor_terms::end_reset(tx, user).await?;
            }
            Used::RecoveryCode(_) if is_used => {
                factor_terms::end_reset(tx, user).await?;
                trusted_devices::forget_for_user(tx, user).await?;
            }
            Used::Confirmed { .. } | Used::ConfirmedBy { .. } if is_used => {
                trusted_devices::forget_for_user(tx, user).await?;
            }
            _ => {}
        }
        Ok(is_used)
    }
}

/// Whether the person may have one more of this kind; the person is held.
async fn has_room(tx: &mut Tx, factor: &Factor, most: usize) -> Result<bool, Fault> {
    let others = factors::other_kinds(tx, &factor.user_id, &factor.id).await?;
    Ok(others.iter().filter(|kind| **kind == factor.kind).count() < most)
}
