//! Delivery: takes what is due, sends a few at once, and notes how it went. `jobs` calls it again and again.

use std::path::Path;
use std::sync::atomic::Ordering;

use lettre::Address;
use tokio::task::JoinSet;

use super::message::message;
use super::trouble::{Hope, Stage, Trouble};
use super::{Caught, Out, Post, Rendered};
use crate::base::{Fault, Timestamp};
use crate::store::Db;
use crate::store::outbox::{self, Taken};

/// Mails that are sent at the same time; one that hangs holds up none of the others for long.
const AT_ONCE: i64 = 8;

/// Seconds that a taken mail is its worker's: longer than all deadlines of a dialogue together.
const LEASE_SECONDS: i64 = 180;

/// Seconds until the next try, by the number of tries; the last one repeats.
const BACKOFF: [i64; 5] = [5, 30, 120, 600, 3600];

/// Seconds between a failed try and the next one.
fn backoff(attempt: i64) -> i64 {
    let index = usize::try_from(attempt - 1).unwrap_or_default().min(BACKOFF.len() - 1);
    BACKOFF.get(index).copied().unwrap_or(3600)
}

impl Post {
    /// Sends a few of the mails that are due. It answers how many went out: while some do, there may be more.
    ///
    /// # Errors
    /// Storage failed. A mail that was sent and could not be noted is sent again when its lease ends.
    pub async fn deliver_due(&self, db: &Db, now: Timestamp) -> Result<usize, Fault> {
        if !self.is_on() {
            return Ok(0);
        }
        let waiting = outbox::waiting(&mut db.conn()).await?;
        self.0.counts.waiting.store(waiting.mails, Ordering::Relaxed);
        if waiting.first_at.is_none_or(|first| first > now) {
            return Ok(0);
        }
        let lease = now.plus(LEASE_SECONDS);
        let take = async move |tx: &mut crate::store::Tx| {
            let too_old = outbox::give_up(tx, now).await?;
            Ok((too_old, outbox::claim_due(tx, AT_ONCE, lease, now).await?))
        };
        let (too_old, taken) = db.write(take).await?;
        if too_old > 0 {
            self.0.counts.failed.fetch_add(too_old, Ordering::Relaxed);
            tracing::warn!(mails = too_old, "gave up mail that could not be sent in time");
        }
        let mut under_way = JoinSet::new();
        for mail in taken {
            let post = self.clone();
            under_way.spawn(async move {
                let outcome = post.send(&mail, now).await;
                (mail, outcome)
            });
        }
        // What cannot be noted must not end the dialogues of the others: they would be sent twice.
        let (mut sent, mut noted) = (0, Ok(()));
        while let Some(done) = under_way.join_next().await {
            let one = match done {
                Ok((mail, outcome)) => {
                    sent += usize::from(outcome.is_ok());
                    self.note(db, mail, outcome, now).await
                }
                Err(panicked) => Err(Fault::new("notify: deliver", panicked)),
            };
            noted = noted.and(one);
        }
        noted.map(|()| sent)
    }

    /// Reaches the mail server and signs in there, without sending anything; the answer says what was found.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub async fn try_out(&self) -> Result<String, String> {
        match &self.0.out {
            Out::Off => Ok("off: `mail.url` is not set, and what needs mail is not offered".to_owned()),
            Out::Console => Ok("printed to the log".to_owned()),
            Out::Memory(_) => Ok("kept in memory".to_owned()),
            Out::Folder(folder) if folder.is_dir() => Ok(format!("written to {}", folder.display())),
            Out::Folder(folder) => Err(format!("{} is no folder", folder.display())),
            Out::Smtp(smtp) => match smtp.try_out().await {
                Ok(()) => Ok("the mail server answers".to_owned()),
                Err(trouble) => Err(format!("{}: {}", trouble.stage.as_str(), trouble.cause)),
            },
        }
    }

    async fn send(&self, mail: &Taken, now: Timestamp) -> Result<(), Trouble> {
        let contents = self.open(&mail.id, &mail.body).map_err(|fault| Trouble::lasting(Stage::Opening, fault.to_string()))?;
        let writing = |fault: Fault| Trouble::lasting(Stage::Writing, fault.to_string());
        let words = self.0.templates.render(&contents, &self.0.house, mail.expires_at).map_err(writing)?;
        let to: Address = mail.recipient.parse().map_err(|_| Trouble::lasting(Stage::Recipient, "is no address"))?;
        let message = message(&self.0.from, &to, &mail.id, &words, now).map_err(writing)?;
        match &self.0.out {
            Out::Off => Err(Trouble::new(Stage::Connection, "mail is off")),
            Out::Console => {
                let Rendered { subject, text, .. } = &words;
                tracing::info!("mail to {}\n\n{subject}\n\n{text}", mail.recipient);
                Ok(())
            }
            Out::Memory(inbox) => {
                let raw = String::from_utf8_lossy(&message.bytes).into_owned();
                inbox.put(Caught { to: mail.recipient.clone(), words, raw, at: now });
                Ok(())
            }
            Out::Folder(folder) => {
                let written = write(&folder.join(format!("{}-{}.eml", now.unix(), mail.id)), &message.bytes);
                written.map_err(|error| Trouble::new(Stage::Folder, error.to_string()))
            }
            Out::Smtp(smtp) => smtp.send(&message).await,
        }
    }

    async fn note(&self, db: &Db, mail: Taken, outcome: Result<(), Trouble>, now: Timestamp) -> Result<(), Fault> {
        let Taken { id, kind, attempt, expires_at, .. } = mail;
        let counts = &self.0.counts;
        let trouble = match outcome {
            Ok(()) => {
                counts.sent.fetch_add(1, Ordering::Relaxed);
                tracing::info!(kind, attempt, "a mail was sent");
                return db.write(async move |tx| outbox::sent(tx, &id, attempt, now).await).await.map(drop);
            }
            Err(trouble) => trouble,
        };
        let (stage, cause) = (trouble.stage.as_str(), trouble.cause);
        if trouble.hope == Hope::Lasting {
            counts.failed.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(kind, attempt, stage, cause, "a mail cannot be sent");
            return db.write(async move |tx| outbox::fail(tx, &id, attempt, stage, now).await).await.map(drop);
        }
        tracing::warn!(kind, attempt, stage, cause, "a mail could not be sent yet");
        let next = now.plus(backoff(attempt)).min(expires_at);
        db.write(async move |tx| outbox::retry_at(tx, &id, attempt, stage, next).await).await.map(drop)
    }
}

/// A file for its owner alone, since links and codes stand in it.
fn write(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long a mail waits after each failed try.
    #[test]
    fn tries_get_rarer() {
        let waits: Vec<_> = (1..=7).map(backoff).collect();
        assert_eq!(waits, [5, 30, 120, 600, 3600, 3600, 3600]);
        assert_eq!(backoff(0), 5);
    }
}
