//! People of another house, a batch at a time: each row is wholly taken or wholly refused, and a batch is one transaction.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Desk;
use crate::base::{Fault, Id, Timestamp, public_id};
use crate::identity::passwords::is_verifiable;
use crate::identity::users::{self, User, email_key};
use crate::oauth::StandardClaims;
use crate::store::{Tx, audit, passwords, users as rows};

/// The longest `sub`, in ASCII characters (OpenID Connect Core section 2).
const LONGEST_SUB: usize = 255;

/// One person as the file tells of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    email: String,
    #[serde(default)]
    email_verified: Option<bool>,
    #[serde(default)]
    name: Option<String>,
    /// A hash of a known kind, within the bounds.
    #[serde(default)]
    password_hash: Option<String>,
    /// Standard claims (OpenID Connect Core section 5.1).
    #[serde(default)]
    claims: Option<Map<String, Value>>,
    /// What apps know the person by; a new one if it is not given.
    #[serde(default)]
    sub: Option<String>,
    /// Seconds since 1970-01-01T00:00:00Z.
    #[serde(default)]
    created_at: Option<i64>,
    #[serde(default)]
    disabled: Option<bool>,
}

/// What happens to a row whose address somebody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// The person stays as they are.
    Skip,
    /// The row is refused.
    Fail,
    /// The person gets what the row says, and is signed out if that is another password or a lock.
    Update,
}

/// Whether anything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Real,
    /// Only looks what would become of each row.
    Dry,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Created,
    Updated,
    Skipped,
    Failed(String),
}

/// A good row with what is to be done with it.
struct Plan {
    user: User,
    key: String,
    hash: Option<String>,
    disabled: Option<bool>,
    act: Act,
    event: (Id, audit::AuditEvent),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Create,
    Update,
}

/// Takes a batch of rows; answers what became of each, in their order.
///
/// # Errors
/// Something broke: nothing of the batch is written.
pub async fn batch(desk: &Desk, rows: Vec<Row>, on_conflict: OnConflict, mode: Mode) -> Result<Vec<Outcome>, Fault> {
    let mut outcomes = Vec::with_capacity(rows.len());
    let mut plans = Vec::new();
    // Of two rows about one person the second is a conflict, which the database would see only once the first is written.
    let mut seen = HashSet::new();
    for row in rows {
        let planned = plan(desk, row, on_conflict).await?;
        let planned = planned.and_then(|plan| {
            let is_new = seen.insert(plan.key.clone()) & seen.insert(format!("sub {}", plan.user.sub));
            if is_new { Ok(plan) } else { Err(conflict(on_conflict, "stands twice in this part of the file")) }
        });
        match planned {
            Ok(plan) => {
                outcomes.push(if plan.act == Act::Create { Outcome::Created } else { Outcome::Updated });
                plans.push((outcomes.len() - 1, plan));
            }
            Err(outcome) => outcomes.push(outcome),
        }
    }
    if mode == Mode::Dry || plans.is_empty() {
        return Ok(outcomes);
    }
    let now = desk.now();
    let lost = desk.db.write(async move |tx| {
        let mut lost = Vec::new();
        for (at, plan) in &plans {
            if !write(tx, plan, now).await? {
                lost.push(*at);
            }
        }
        Ok(lost)
    });
    for at in lost.await? {
        if let Some(outcome) = outcomes.get_mut(at) {
            *outcome = conflict(on_conflict, "was added or removed by somebody else in between");
        }
    }
    Ok(outcomes)
}

fn conflict(on_conflict: OnConflict, why: &str) -> Outcome {
    match on_conflict {
        OnConflict::Skip => Outcome::Skipped,
        OnConflict::Fail | OnConflict::Update => Outcome::Failed(format!("the person {why}")),
    }
}

/// Looks at a row and at who is there already.
async fn plan(desk: &Desk, row: Row, on_conflict: OnConflict) -> Result<Result<Plan, Outcome>, Fault> {
    let key = match checked(desk, &row) {
        Ok(key) => key,
        Err(why) => return Ok(Err(Outcome::Failed(why))),
    };
    let mut conn = desk.db.conn();
    // Who signed up here and never proved the address is nobody yet, and gives way (decision 17).
    let known = rows::by_email_key(&mut conn, &key).await?.filter(|known| known.verify_by.is_none());
    let same_sub = match &row.sub {
        Some(sub) => users::by_sub(&mut conn, sub).await?,
        None => None,
    };
    let failed = |why: &str| Ok(Err(Outcome::Failed(why.to_owned())));
    let (act, base) = match (known, on_conflict) {
        (Some(_), OnConflict::Skip) => return Ok(Err(Outcome::Skipped)),
        (Some(_), OnConflict::Fail) => return failed("email is somebody's already"),
        (Some(known), OnConflict::Update) if row.sub.as_ref().is_some_and(|sub| *sub != known.sub) => {
            return failed("sub is another one than that of the person with this address, and never changes");
        }
        (Some(known), OnConflict::Update) => (Act::Update, known),
        (None, _) if same_sub.is_some() => return failed("sub is that of somebody with another address"),
        (None, _) => (Act::Create, stranger(desk, &row)?),
    };
    let (event_id, mut event) = desk.event("user_imported")?;
    event.user_id = Some(base.id.clone());
    event.detail = json!({ "known": act == Act::Update });
    let user = merged(base, &row, desk.now());
    let plan = Plan { user, key, hash: row.password_hash, disabled: row.disabled, act, event: (event_id, event) };
    Ok(Ok(plan))
}

/// Whether a row can be stored: its address in the form that is compared, or everything that is wrong with it.
fn checked(desk: &Desk, row: &Row) -> Result<String, String> {
    let mut problems = Vec::new();
    let key = email_key(&row.email);
    if key.is_none() {
        problems.push("email must be an e-mail address".to_owned());
    }
    if let Err(wrong) = StandardClaims::check(claims_of(row)) {
        problems.extend(wrong.iter().map(ToString::to_string));
    }
    if row.name.is_some() && row.claims.as_ref().is_some_and(|claims| claims.contains_key("name")) {
        problems.push("name stands in claims as well".to_owned());
    }
    if row.password_hash.as_deref().is_some_and(|hash| !is_verifiable(hash)) {
        problems.push("password_hash is of no known kind, or asks for more than the bounds allow".to_owned());
    }
    let is_sub = |sub: &String| (1..=LONGEST_SUB).contains(&sub.len()) && sub.bytes().all(|b| b.is_ascii_graphic());
    if row.sub.as_ref().is_some_and(|sub| !is_sub(sub)) {
        problems.push("sub must be 1 to 255 visible ASCII characters".to_owned());
    }
    if row.created_at.is_some_and(|at| !(0..=desk.now().unix()).contains(&at)) {
        problems.push("created_at must be seconds since 1970, and not in the future".to_owned());
    }
    match key {
        Some(key) if problems.is_empty() => Ok(key),
        _ => Err(problems.join("; ")),
    }
}

fn claims_of(row: &Row) -> Map<String, Value> {
    let mut claims = row.claims.clone().unwrap_or_default();
    claims.extend(row.name.clone().map(|name| ("name".to_owned(), Value::String(name))));
    claims
}

/// Somebody of whom nothing is known but the address.
fn stranger(desk: &Desk, row: &Row) -> Result<User, Fault> {
    let now = desk.now();
    Ok(User {
        id: desk.new_id()?,
        sub: match &row.sub {
            Some(sub) => sub.clone(),
            None => public_id(&desk.random)?,
        },
        email: Some(row.email.trim().to_owned()),
        email_verified: false,
        address_proved_here: false,
        claims: Map::new(),
        disabled_at: row.disabled.unwrap_or_default().then_some(now),
        verify_by: None,
        delete_at: None,
        created_at: row.created_at.map_or(now, Timestamp::from_unix),
        updated_at: now,
    })
}

/// What the row does not tell stays as it is.
fn merged(base: User, row: &Row, now: Timestamp) -> User {
    let claims = match (&row.claims, &row.name) {
        (None, None) => base.claims.clone(),
        (None, Some(_)) => base.claims.clone().into_iter().chain(claims_of(row)).collect(),
        (Some(_), _) => claims_of(row),
    };
    User {
        email_verified: row.email_verified.unwrap_or(base.email_verified),
        // The operator's word is as good as a mail of ours.
        address_proved_here: row.email_verified.unwrap_or(base.address_proved_here),
        claims,
        updated_at: now,
        ..base
    }
}

/// Writes one person; false if the plan no longer fits.
async fn write(tx: &mut Tx, plan: &Plan, now: Timestamp) -> Result<bool, Fault> {
    let id = &plan.user.id;
    let done = match plan.act {
        Act::Create => {
            rows::remove_unproved(tx, &plan.key).await?;
            rows::insert_known(tx, &plan.user, &plan.key).await?
        }
        Act::Update => rows::update_known(tx, &plan.user).await?,
    };
    if !done {
        return Ok(false);
    }
    match (&plan.hash, plan.act) {
        (Some(hash), Act::Create) => passwords::put(tx, id, hash, now).await?,
        (Some(hash), Act::Update) => users::set_password(tx, id, hash, now).await?,
        (None, _) => {}
    }
    if plan.act == Act::Update {
        match plan.disabled {
            Some(true) => drop(users::disable(tx, id, now).await?),
            Some(false) => drop(users::enable(tx, id).await?),
            None => {}
        }
    }
    let (event_id, event) = &plan.event;
    audit::write(tx, event_id, event).await?;
    Ok(true)
}
