//! Second factors of people, as an operator sees them: what somebody has, a reset for who has lost it all, and groups.

use super::{Desk, Refusal, users};
use crate::base::Timestamp;
pub use crate::identity::factor::Factor;
use crate::identity::recovery;
use crate::identity::users::User;
use crate::notify::{Envelope, Letter, Post, moment};
use crate::oauth::Lang;
pub use crate::store::passkeys::Passkey;
use crate::store::{audit, factor_terms, factors, outbox, passkeys};

/// Seconds in which the mail about a reset is worth sending.
const MAIL_SECONDS: i64 = 3 * 86_400;

/// The longest name of a group, in bytes.
const LONGEST_GROUP: usize = 64;

/// What a person has.
pub struct Held {
    pub user: User,
    pub factors: Vec<Factor>,
    pub passkeys: Vec<Passkey>,
    pub codes_left: usize,
    pub groups: Vec<String>,
    /// When all of it is reset, if that is planned.
    pub reset_at: Option<Timestamp>,
}

/// What becomes of a person's second factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// So many seconds from now.
    In(i64),
    /// The plan is given up.
    Cancelled,
}

/// # Errors
/// There is no such person, or storage failed.
pub async fn held(desk: &Desk, who: &str) -> Result<Held, Refusal> {
    let user = users::find(desk, who).await?;
    let mut conn = desk.db.conn();
    Ok(Held {
        factors: factors::list_for_user(&mut conn, &user.id).await?,
        passkeys: passkeys::list(&mut conn, &user.id).await?,
        codes_left: recovery::left(&mut conn, &user.id).await?.count,
        groups: factor_terms::groups(&mut conn, &user.id).await?,
        reset_at: factor_terms::reset_at(&mut conn, &user.id).await?,
        user,
    })
}

/// Plans the reset of all that a person has, or gives the plan up. The person is told by mail, and ends the plan by showing what
/// they have. Says when it happens.
///
/// # Errors
/// There is no such person, they have nothing, there is a plan already or none, or something broke.
pub async fn reset(
    desk: &Desk,
    (post, links): (&Post, &dyn Fn(&str) -> String),
    who: &str,
    wish: Reset,
) -> Result<Option<Timestamp>, Refusal> {
    let held = held(desk, who).await?;
    let now = desk.now();
    let Reset::In(seconds) = wish else {
        let (id, mut event) = desk.event("factors_reset_cancelled")?;
        event.user_id = Some(held.user.id.clone());
        let ended = desk.db.write(async move |tx| {
            let ended = factor_terms::end_reset(tx, &held.user.id).await?;
            if ended {
                audit::write(tx, &id, &event).await?;
            }
            Ok(ended)
        });
        return if ended.await? { Ok(None) } else { Err(Refusal::NotFound(format!("planned reset of {who:?}"))) };
    };
    if held.factors.is_empty() && held.passkeys.is_empty() && held.codes_left == 0 {
        return Err(Refusal::NotFound(format!("second factor of {who:?}")));
    }
    let at = now.plus(seconds);
    let mail = mail(desk, (post, links), &held.user, at)?;
    let (id, mut event) = desk.event("factors_reset_planned")?;
    event.user_id = Some(held.user.id.clone());
    event.detail = serde_json::json!({ "at": at });
    let planned = desk.db.write(async move |tx| {
        let planned = factor_terms::plan_reset(tx, &held.user.id, at).await?;
        if planned {
            if let Some(mail) = &mail {
                outbox::enqueue(tx, mail, now).await?;
            }
            audit::write(tx, &id, &event).await?;
        }
        Ok(planned)
    });
    if planned.await? { Ok(Some(at)) } else { Err(Refusal::Taken("a planned reset of this person".to_owned())) }
}

fn mail(
    desk: &Desk,
    (post, links): (&Post, &dyn Fn(&str) -> String),
    user: &User,
    at: Timestamp,
) -> Result<Option<outbox::NewMail>, Refusal> {
    let Some(email) = user.email.clone().filter(|_| post.is_on()) else { return Ok(None) };
    let claim = |name: &str| user.claims.get(name).and_then(serde_json::Value::as_str);
    let lang = claim("locale").and_then(|locale| Lang::parse(locale.get(..2)?)).unwrap_or(Lang::En);
    let when = moment(lang, at);
    let what = match lang {
        Lang::En => format!("An administrator removes your second factors on {when}. Signing in with one before then ends that."),
        Lang::De => {
            format!("Die Verwaltung entfernt Ihre zweiten Faktoren am {when}. Melden Sie sich vorher mit einem an, endet das.")
        }
    };
    let letter = Letter::FactorChanged { what, at: desk.now(), reset_link: links("/forgot-password") };
    let expires_at = desk.now().plus(MAIL_SECONDS);
    let envelope = Envelope { to: email, name: claim("name").map(str::to_owned), lang, letter, expires_at };
    Ok(Some(post.prepare(desk.new_id()?, &envelope)?))
}

/// Whether somebody comes to a group or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    Joins,
    Leaves,
}

/// Puts a person into a group, or takes them out.
///
/// # Errors
/// There is no such person, that is no name of a group, nothing changes, or something broke.
pub async fn set_group(desk: &Desk, who: &str, (group, wish): (&str, Membership)) -> Result<User, Refusal> {
    let user = users::find(desk, who).await?;
    let is_name = !group.is_empty() && group.len() <= LONGEST_GROUP && !group.chars().any(|c| c.is_control() || c == ',');
    if !is_name {
        return Err(Refusal::one("group", "must be a name of at most 64 bytes without a comma"));
    }
    let (id, mut event) = desk.event(if wish == Membership::Joins { "group_joined" } else { "group_left" })?;
    event.user_id = Some(user.id.clone());
    event.detail = serde_json::json!({ "group": group });
    let (person, name) = (user.id.clone(), group.to_owned());
    let changed = desk.db.write(async move |tx| {
        let changed = match wish {
            Membership::Joins => factor_terms::join(tx, &name, &person).await?,
            Membership::Leaves => factor_terms::leave(tx, &name, &person).await?,
        };
        if changed {
            audit::write(tx, &id, &event).await?;
        }
        Ok(changed)
    });
    match (changed.await?, wish) {
        (true, _) => Ok(user),
        (false, Membership::Joins) => Err(Refusal::Taken("a member of this name in this group".to_owned())),
        (false, Membership::Leaves) => Err(Refusal::NotFound(format!("member {who:?} of group {group:?}"))),
    }
}
