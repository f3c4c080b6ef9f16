//! Sessions: one person in one browser, with an idle and an absolute end.
//!
//! The token is the only proof, has a new value at every change of privilege, and is stored as its hash (decisions 3 and 9). A
//! session that ended is never found again; nothing here revives one.

use crate::base::{Fault, Id, Random, Secret, Timestamp, base64url_decode, sha256_base64url};
use crate::store::logout::{self, Ending};
pub use crate::store::sessions::Session;
use crate::store::users::User;
use crate::store::{Conn, Db, Tx, grants, sessions, upstream_sessions};

/// What the token of a session begins with.
const PREFIX: &str = "ss_";

/// How old the last sign of life may be before it is written again, in seconds: pages cost no write each.
const TOUCH_SECONDS: i64 = 300;

/// Seconds within which sign-ins in one browser happen at once.
const AT_ONCE_SECONDS: i64 = 30;
/// How long apps are told of the end of a session that do not confirm it, in seconds.
pub const TOLD_SECONDS: i64 = 3600;

/// How many of many sessions are ended in one transaction: whoever else writes waits for no more than these.
const ENDED_AT_ONCE: i64 = 100;

/// What the session cookie holds.
#[derive(Clone, Debug)]
pub struct SessionToken(Secret<String>);

impl SessionToken {
    /// # Errors
    /// The random source gave nothing.
    pub fn new(random: &Random) -> Result<Self, Fault> {
        Ok(Self(Secret::new(format!("{PREFIX}{}", random.token()?))))
    }

    /// A presented token, if it has the exact shape of one.
    pub fn parse(text: &str) -> Option<Self> {
        let body = text.strip_prefix(PREFIX)?;
        let is_token = body.len() == 43 && base64url_decode(body).is_some_and(|bytes| bytes.len() == 32);
        is_token.then(|| Self(Secret::new(text.to_owned())))
    }

    /// The value for the cookie, and for nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The form in which it is stored and looked for.
    pub fn hash(&self) -> String {
        sha256_base64url(self.expose())
    }
}

/// A session as it is after a sign-in, with the hash of its new token.
#[derive(Clone, Debug)]
pub struct NewSession {
    pub id: Id,
    pub sid: String,
    pub token_hash: String,
    pub user_id: Id,
    pub browser_hash: String,
    pub auth_time: Timestamp,
    pub acr: String,
    pub amr: Vec<String>,
    pub second_at: Option<Timestamp>,
    pub device_trusted: bool,
    /// Whether `auth_time` is known to be when the person proved themselves.
    pub is_dated: bool,
    pub user_agent: String,
    pub address: String,
    pub now: Timestamp,
    pub expires_at: Timestamp,
}

impl NewSession {
    /// A session as it is, under another token: what its person may do has changed.
    pub fn renewed(session: &Session, token: &SessionToken, now: Timestamp) -> Self {
        Self {
            id: session.id.clone(),
            sid: session.sid.clone(),
            token_hash: token.hash(),
            user_id: session.user_id.clone(),
            browser_hash: session.browser_hash.clone(),
            auth_time: session.auth_time,
            acr: session.acr.clone(),
            amr: session.amr.clone(),
            second_at: session.second_at,
            device_trusted: session.device_trusted,
            is_dated: session.is_dated,
            user_agent: session.user_agent.clone(),
            address: session.address.clone(),
            now,
            expires_at: session.expires_at,
        }
    }

    /// The session that this begins.
    pub fn session(&self) -> Session {
        Session {
            id: self.id.clone(),
            sid: self.sid.clone(),
            user_id: self.user_id.clone(),
            auth_time: self.auth_time,
            acr: self.acr.clone(),
            amr: self.amr.clone(),
            second_at: self.second_at,
            device_trusted: self.device_trusted,
            is_dated: self.is_dated,
            created_at: self.now,
            last_seen_at: self.now,
            expires_at: self.expires_at,
            browser_hash: self.browser_hash.clone(),
            user_agent: self.user_agent.clone(),
            address: self.address.clone(),
        }
    }
}

/// The session of a token with its person, if it lives and they are not disabled.
///
/// # Errors
/// Storage failed.
pub async fn find(
    conn: &mut Conn,
    token: &SessionToken,
    idle_seconds: i64,
    now: Timestamp,
) -> Result<Option<(Session, User)>, Fault> {
    Ok(sessions::by_token(conn, &token.hash()).await?.filter(|found| counts(found, idle_seconds, now)))
}

/// The person of a session by its own id, if it lives and they are not disabled.
///
/// # Errors
/// Storage failed.
pub async fn person(conn: &mut Conn, id: &Id, idle_seconds: i64, now: Timestamp) -> Result<Option<User>, Fault> {
    Ok(sessions::by_id(conn, id).await?.filter(|found| counts(found, idle_seconds, now)).map(|(_, user)| user))
}

fn counts((session, user): &(Session, User), idle_seconds: i64, now: Timestamp) -> bool {
    lives(session, idle_seconds, now) && user.is_open()
}

/// The session with this public id, if it was not ended.
///
/// # Errors
/// Storage failed.
pub async fn by_sid(conn: &mut Conn, sid: &str) -> Result<Option<Session>, Fault> {
    sessions::by_sid(conn, sid).await
}

/// The living sessions of a person, last used first.
///
/// # Errors
/// Storage failed.
pub async fn list_for_user(conn: &mut Conn, user: &Id, idle_seconds: i64, now: Timestamp) -> Result<Vec<Session>, Fault> {
    let mut found = sessions::list_for_user(conn, user).await?;
    found.retain(|session| lives(session, idle_seconds, now));
    Ok(found)
}

/// Both ends are the first second at which the session is over (SE-16).
fn lives(session: &Session, idle_seconds: i64, now: Timestamp) -> bool {
    now < session.expires_at && now < session.last_seen_at.plus(idle_seconds)
}

/// Begins a session.
///
/// # Errors
/// Storage failed.
pub async fn start(tx: &mut Tx, new: &NewSession) -> Result<(), Fault> {
    sessions::insert(tx, &new.session(), &new.token_hash).await
}

/// The same person proved themselves again: the session keeps its ids and gets another token; the last one is worth nothing.
///
/// # Errors
/// Storage failed, or the session ended in the meantime: then the whole sign-in is void and may be tried again.
pub async fn reauthenticate(tx: &mut Tx, new: &NewSession) -> Result<(), Fault> {
    if sessions::renew(tx, &new.session(), &new.token_hash).await? {
        return Ok(());
    }
    Err(Fault::new("sessions: reauthenticate", "the session ended in the meantime"))
}

/// Notes that a session was used, at most every five minutes. It never moves the absolute end.
///
/// # Errors
/// Storage failed.
pub async fn touch(db: &Db, session: &Session, now: Timestamp) -> Result<(), Fault> {
    if now.since(session.last_seen_at) < TOUCH_SECONDS {
        return Ok(());
    }
    let session = session.clone();
    db.write(async move |tx| {
        sessions::touch(tx, &session.id, now).await?;
        end_left_behind(tx, (&session.user_id, &session.browser_hash), &session.id, now).await
    })
    .await
}

/// Gives a transaction up if its session ended since the request was read: a request that was under way when the person
/// signed out leaves nothing behind.
///
/// # Errors
/// The session ended, or storage failed.
pub async fn still_open(tx: &mut Tx, id: &Id, now: Timestamp) -> Result<(), Fault> {
    if sessions::is_open(tx, id, now).await? { Ok(()) } else { Err(Fault::new("session", "it ended in the meantime")) }
}

/// Notes that the person of a session has just shown a second factor that they added: what matters may be done with it from now on.
/// What the session reached for apps stays as it is.
///
/// # Errors
/// Storage failed.
pub async fn note_second(tx: &mut Tx, id: &Id, now: Timestamp) -> Result<(), Fault> {
    sessions::note_second(tx, id, now).await
}

/// Ends what a person left behind in one browser when they signed in there again, all but `kept`. Two tabs, or a double click, may
/// sign in at once, and nobody knows which answer's cookie the browser keeps: so the last half minute is left alone.
///
/// # Errors
/// Storage failed.
pub async fn end_left_behind(tx: &mut Tx, (user, browser_hash): (&Id, &str), kept: &Id, now: Timestamp) -> Result<(), Fault> {
    for left in sessions::of_browser(tx, user, browser_hash, now.plus(-AT_ONCE_SECONDS)).await? {
        if left != *kept {
            end(tx, &left, now).await?;
        }
    }
    Ok(())
}

/// Ends a session with what was not meant to outlive it, and notes which apps have to be told; says whether it was not ended
/// before. Every end of one session comes by here.
///
/// # Errors
/// Storage failed.
pub async fn end(tx: &mut Tx, id: &Id, now: Timestamp) -> Result<bool, Fault> {
    logout::enqueue(tx, Ending::Session(id), now.plus(TOLD_SECONDS), now).await?;
    let is_new = sessions::end(tx, id, now).await?;
    grants::revoke_for_session(tx, id, now).await?;
    Ok(is_new)
}

/// Ends every session of a person, and notes which apps have to be told; says how many there were. It comes before the person
/// is removed. Their grants are the caller's to revoke.
///
/// # Errors
/// Storage failed.
pub async fn end_all_for_user(tx: &mut Tx, user: &Id, now: Timestamp) -> Result<u64, Fault> {
    logout::enqueue(tx, Ending::Person(user), now.plus(TOLD_SECONDS), now).await?;
    sessions::end_all_for_user(tx, user, now).await
}

/// Ends the sessions of a person but one.
///
/// # Errors
/// Storage failed.
pub async fn end_others(tx: &mut Tx, user: &Id, keep: &Id, now: Timestamp) -> Result<(), Fault> {
    for other in sessions::others(tx, user, keep).await? {
        end(tx, &other, now).await?;
    }
    Ok(())
}

/// Ends some of the sessions that ran out, as a sign-out would; says whether there may be more.
///
/// # Errors
/// Storage failed.
pub async fn end_run_out(tx: &mut Tx, idle_seconds: i64, now: Timestamp) -> Result<bool, Fault> {
    let found = sessions::run_out(tx, now, now.plus(-idle_seconds), ENDED_AT_ONCE).await?;
    for id in &found {
        end(tx, id, now).await?;
    }
    Ok(i64::try_from(found.len()).is_ok_and(|found| found >= ENDED_AT_ONCE))
}

/// Ends some of the sessions that came by a provider, those after `last`, and says which those were: none if there are no more.
///
/// # Errors
/// Storage failed.
pub async fn end_some_by(tx: &mut Tx, upstream: &str, last: Option<&Id>, now: Timestamp) -> Result<Vec<Id>, Fault> {
    let found = upstream_sessions::some_by(tx, upstream, last.map_or("", Id::as_str), ENDED_AT_ONCE).await?;
    for id in &found {
        end(tx, id, now).await?;
    }
    Ok(found)
}

/// Removes what ended and would have expired before `before`.
///
/// # Errors
/// Storage failed.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    sessions::sweep(tx, before).await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SE-02: only the exact shape of a token is looked for at all; its value never shows in a log.
    #[test]
    fn tokens() {
        let token = SessionToken::new(&Random::seeded(1)).unwrap();
        assert_eq!(SessionToken::parse(token.expose()).unwrap().hash(), token.hash());
        assert_eq!(token.hash().len(), 43);
        assert!(!format!("{token:?}").contains("ss_"));
        let body = token.expose().trim_start_matches(PREFIX).to_owned();
        for bad in ["", "ss_", &body, &format!("at_{body}"), &format!("ss_{body}A"), &format!("ss_{}=", &body[..42])] {
            assert!(SessionToken::parse(bad).is_none(), "{bad}");
        }
    }

    /// SE-16: idle and absolute end at t-1, t, t+1; use does not move the absolute end.
    #[test]
    fn ends() {
        let at = Timestamp::from_unix;
        let session = |seen: i64| {
            let new = NewSession {
                id: Id::from_stored("s"),
                sid: "sid".into(),
                token_hash: "h".into(),
                user_id: Id::from_stored("u"),
                browser_hash: "b".into(),
                auth_time: at(0),
                acr: "aal1".into(),
                amr: vec![],
                second_at: None,
                device_trusted: false,
                is_dated: true,
                user_agent: String::new(),
                address: String::new(),
                now: at(seen),
                expires_at: at(5000),
            };
            new.session()
        };
        for (seen, now, alive) in
            [(0, 999, true), (0, 1000, false), (0, 1001, false), (4500, 4999, true), (4500, 5000, false), (4999, 5001, false)]
        {
            assert_eq!(lives(&session(seen), 1000, at(now)), alive, "seen {seen}, now {now}");
        }
    }
}
