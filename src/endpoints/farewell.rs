//! After signing out: what the one browser that did is shown. Each app of the session with how far it has been told, and the frames
//! that tell apps in this browser (OpenID Connect Front-Channel Logout 1.0) before it goes back to the app that asked.
//!
//! Nothing of it comes from a request: the apps are those of the sessions that ended, their addresses those that are registered.

use serde::{Deserialize, Serialize};

use super::logout::Farewell;
use super::{Provider, Visit};
use crate::base::{Fault, Id};
use crate::identity::sessions::Session;
use crate::oauth::Client;
use crate::store::logout::{self, Progress};
use crate::store::{Tx, clients, farewells};

/// Seconds for which the page may be looked at again.
const SHOWN_SECONDS: i64 = 900;

/// Where a browser goes once it is signed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parting {
    /// Straight back to the app.
    Redirect(String),
    /// To our page, which shows this farewell, if there is anything to show.
    Page(Option<Id>),
}

impl Parting {
    /// Where a browser goes that nobody was signed in in.
    pub fn of(farewell: &Farewell) -> Self {
        farewell.redirect.clone().map_or(Self::Page(None), Self::Redirect)
    }
}

/// What is kept of a farewell.
#[derive(Serialize, Deserialize)]
struct Detail {
    /// The sessions that ended; the first one was this browser's.
    sessions: Vec<Id>,
    /// The public id of the first one.
    sid: String,
    farewell: Farewell,
}

/// Decides where the browser goes once these sessions have ended, this browser's first. The row goes into the transaction that
/// ends them.
///
/// # Errors
/// Storage or chance failed.
pub(super) async fn prepare(
    provider: &Provider,
    sessions: Vec<Session>,
    farewell: &Farewell,
    visit: &Visit,
) -> Result<(Parting, Option<farewells::Farewell>), Fault> {
    if !is_needed(provider, &sessions, farewell).await? {
        return Ok((Parting::of(farewell), None));
    }
    let row = row(provider, sessions, farewell, visit)?;
    Ok((row.as_ref().map_or_else(|| Parting::of(farewell), |row| Parting::Page(Some(row.id.clone()))), row))
}

/// Whether the page has anything to show.
async fn is_needed(provider: &Provider, sessions: &[Session], farewell: &Farewell) -> Result<bool, Fault> {
    let Some(own) = sessions.first() else { return Ok(false) };
    let mut conn = provider.db.conn();
    let apps = clients::of_session(&mut conn, &own.id).await?;
    let has_frames = apps.iter().any(|client| client.frontchannel_logout_uri.is_some());
    let mut has_apps = !apps.is_empty();
    for other in sessions.iter().skip(1) {
        has_apps = has_apps || !clients::of_session(&mut conn, &other.id).await?.is_empty();
    }
    // Who is on the way back to an app stops here only if other apps have to be told in this browser.
    Ok(has_frames || (farewell.redirect.is_none() && has_apps))
}

/// The row of a farewell to these sessions.
///
/// # Errors
/// Chance failed.
pub(super) fn row(
    provider: &Provider,
    sessions: Vec<Session>,
    farewell: &Farewell,
    visit: &Visit,
) -> Result<Option<farewells::Farewell>, Fault> {
    let Some(own) = sessions.first() else { return Ok(None) };
    let sid = own.sid.clone();
    let detail = Detail { sid, sessions: sessions.into_iter().map(|session| session.id).collect(), farewell: farewell.clone() };
    Ok(Some(farewells::Farewell {
        id: provider.new_id()?,
        browser_hash: visit.browser_hash.clone(),
        detail: serde_json::to_string(&detail).map_err(Fault::at("farewell: detail"))?,
        expires_at: visit.now.plus(SHOWN_SECONDS),
    }))
}

/// Stores it, if there is anything to show.
///
/// # Errors
/// Storage failed.
pub(super) async fn keep(tx: &mut Tx, row: Option<&farewells::Farewell>) -> Result<(), Fault> {
    match row {
        Some(row) => farewells::insert(tx, row).await,
        None => Ok(()),
    }
}

/// How far an app knows that the person signed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Confirmed,
    Waiting,
    GivenUp,
    /// By a frame in this browser, which nobody can look into.
    InBrowser,
    Unsupported,
}

/// One app of the sessions that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub name: String,
    pub told: Told,
}

/// A frame to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutFrame {
    pub url: String,
    pub origin: String,
}

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct Goodbye {
    pub receipts: Vec<Receipt>,
    pub frames: Vec<LogoutFrame>,
    /// Where the person goes from here, with the name of the app.
    pub onward: Option<(String, String)>,
}

/// The farewell of this browser with that id; an empty one if there is none.
///
/// # Errors
/// Storage failed.
pub async fn find(provider: &Provider, id: &Id, visit: &Visit) -> Result<Goodbye, Fault> {
    let mut conn = provider.db.conn();
    let Some(detail) = farewells::find(&mut conn, id, &visit.browser_hash, visit.now).await? else {
        return Ok(Goodbye::default());
    };
    let Detail { sessions, sid, farewell } = serde_json::from_str(&detail).map_err(|_| Fault::corrupt("farewells", "detail"))?;
    let (mut apps, mut frames): (Vec<(Client, Told)>, Vec<LogoutFrame>) = (Vec::new(), Vec::new());
    for (at, session) in sessions.iter().enumerate() {
        for (client, progress) in logout::of_session(&mut conn, session).await? {
            // Other browsers' sessions are nothing that a frame in this one could end.
            let frame = (at == 0).then(|| client.frontchannel_logout(provider.issuer.as_str(), &sid)).flatten();
            let told = told(progress, frame.is_some());
            frames.extend(frame.map(|(url, origin)| LogoutFrame { url, origin }));
            match apps.iter_mut().find(|(known, _)| known.client_id == client.client_id) {
                Some((_, known)) => *known = worse(*known, told),
                None => apps.push((client, told)),
            }
        }
    }
    let receipts = apps.into_iter().map(|(client, told)| Receipt { name: client.name, told }).collect();
    let onward = match (farewell.redirect, farewell.client_id) {
        (Some(url), Some(client_id)) => {
            let client = provider.registry.client(&provider.db, &client_id).await?;
            client.map(|client| (url, client.client.name.clone()))
        }
        _ => None,
    };
    Ok(Goodbye { receipts, frames, onward })
}

const fn told(progress: Progress, has_frame: bool) -> Told {
    match progress {
        Progress::Confirmed => Told::Confirmed,
        Progress::Waiting => Told::Waiting,
        Progress::GivenUp => Told::GivenUp,
        Progress::Unwanted if has_frame => Told::InBrowser,
        Progress::Unwanted => Told::Unsupported,
    }
}

/// Of two sessions at one app, what is less sure counts.
fn worse(one: Told, other: Told) -> Told {
    let order = [Told::Confirmed, Told::InBrowser, Told::Unsupported, Told::GivenUp, Told::Waiting];
    let place = |told| order.iter().position(|known| *known == told);
    if place(one) < place(other) { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One app in two sessions has one line, and it promises no more than is known of both.
    #[test]
    fn the_less_sure_counts() {
        assert_eq!(worse(Told::Confirmed, Told::Waiting), Told::Waiting);
        assert_eq!(worse(Told::GivenUp, Told::Confirmed), Told::GivenUp);
        assert_eq!(worse(Told::Confirmed, Told::Confirmed), Told::Confirmed);
        assert_eq!(told(Progress::Unwanted, true), Told::InBrowser);
        assert_eq!(told(Progress::Unwanted, false), Told::Unsupported);
    }
}
