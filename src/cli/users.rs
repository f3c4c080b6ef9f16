//! `user add|list|show|set-password|disable|enable|remove|invite|import|factors|reset-factors|join|leave`. Passwords come on standard input and are never printed.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::answer::{Answer, Failure, Form, table};
use super::import::Import;
use super::words::{moment, read_json, secret_from_stdin};
use crate::admin::Desk;
use crate::admin::factors::{self, Membership, Reset};
use crate::admin::invitations::{self, Guest, Inviter, SignUp};
use crate::admin::users::{self, About, Address, NewUser, User, Weakness};
use crate::app;
use crate::base::Id;
use crate::config::{Config, SignUpMode};
use crate::identity::one_time::CodeKey;
use crate::identity::passwords::{Capacity, Hasher};
use crate::web::texts::{Lang, texts};

#[derive(Subcommand)]
pub enum Verb {
    /// Add a person.
    Add(Add),
    /// Show people in the order in which they came.
    List {
        /// Go on after this id.
        #[arg(long, value_name = "ID")]
        after: Option<String>,
        /// How many.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
    },
    /// Show a person.
    Show(Who),
    /// Give a person another password, and sign them out everywhere.
    SetPassword {
        #[command(flatten)]
        who: Who,
        /// Read the password from standard input.
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Lock a person out and end their sessions.
    Disable(Who),
    /// Let a person in again.
    Enable(Who),
    /// Show what a person signs in with beside their password, and their groups.
    Factors(Who),
    /// Remove every second factor of a person who has lost them. It happens after a while, and they are told by mail; whoever shows
    /// their second factor until then ends it.
    ResetFactors {
        #[command(flatten)]
        who: Who,
        /// Hours until it happens.
        #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(i64).range(0..=720))]
        after_hours: i64,
        /// Give the plan up.
        #[arg(long, conflicts_with = "after_hours")]
        cancel: bool,
    },
    /// Put a person into a group.
    Join(Group),
    /// Take a person out of a group.
    Leave(Group),
    /// Remove a person with everything that hangs on them.
    Remove(Who),
    /// Invite somebody to make an account, by mail.
    Invite(Invite),
    /// Add the people of a file, with the password hashes of another house.
    Import(Import),
}

#[derive(Args)]
pub struct Who {
    /// The person, by id, sub or e-mail address.
    person: String,
}

#[derive(Args)]
pub struct Group {
    #[command(flatten)]
    who: Who,
    /// The group.
    #[arg(long, value_name = "NAME")]
    group: String,
}

#[derive(Args)]
pub struct Add {
    /// The address with which the person signs in.
    #[arg(long)]
    email: String,
    /// The person's name.
    #[arg(long)]
    name: Option<String>,
    /// The address is known to be theirs.
    #[arg(long)]
    verified: bool,
    /// A JSON file with standard claims (OpenID Connect Core section 5.1).
    #[arg(long, value_name = "FILE")]
    claims: Option<PathBuf>,
    /// Read the password from standard input.
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Args)]
pub struct Invite {
    /// The address that the mail goes to, and that the account will have.
    #[arg(long)]
    email: String,
    /// The person's name; they may choose another.
    #[arg(long)]
    name: Option<String>,
    /// The language of the mail: en or de.
    #[arg(long, default_value = "en", value_parser = lang)]
    lang: Lang,
}

fn lang(text: &str) -> Result<Lang, String> {
    Lang::parse(text).ok_or_else(|| "must be en or de".to_owned())
}

pub async fn run(verb: Verb, desk: &Desk, config: &Config, form: Form) -> Result<Answer, Failure> {
    let house = config.house.name.as_str();
    match verb {
        Verb::Add(add) => self::add(add, desk, house).await,
        Verb::List { after, limit } => list(desk, after.map(Id::from_stored).as_ref(), limit).await,
        Verb::Show(who) => {
            let user = users::find(desk, &who.person).await?;
            Ok(Answer::new(shown(&user), as_json(&user)))
        }
        Verb::SetPassword { who, .. } => {
            let password = secret_from_stdin()?;
            let user = users::find(desk, &who.person).await?;
            let about = About { email: user.email.as_deref(), name: user.claims.get("name").and_then(Value::as_str), house };
            warn(&users::weaknesses(desk, &password, &about));
            done("gave a new password to", users::set_password(desk, &hasher(desk)?, &who.person, password).await?)
        }
        Verb::Disable(who) => done("disabled", users::disable(desk, &who.person).await?),
        Verb::Enable(who) => done("enabled", users::enable(desk, &who.person).await?),
        Verb::Factors(who) => super::factors::show(desk, &who.person).await,
        Verb::ResetFactors { who, after_hours, cancel } => {
            let wish = if cancel { Reset::Cancelled } else { Reset::In(after_hours * 3600) };
            super::factors::reset(desk, config, &who.person, wish).await
        }
        Verb::Join(Group { who, group }) => {
            let user = factors::set_group(desk, &who.person, (&group, Membership::Joins)).await?;
            done(&format!("put into the group {group}:"), user)
        }
        Verb::Leave(Group { who, group }) => {
            let user = factors::set_group(desk, &who.person, (&group, Membership::Leaves)).await?;
            done(&format!("taken out of the group {group}:"), user)
        }
        Verb::Invite(invite) => self::invite(invite, desk, config).await,
        Verb::Import(import) => super::import::run(&import, desk, form).await,
        Verb::Remove(who) => done("removed", users::remove(desk, &who.person).await?),
    }
}

async fn invite(invite: Invite, desk: &Desk, config: &Config) -> Result<Answer, Failure> {
    let post = app::post(config, &desk.vault)?;
    let sign_up = match config.accounts.sign_up {
        SignUpMode::Off => SignUp::Off,
        SignUpMode::Open | SignUpMode::Invitation => SignUp::Possible,
    };
    let code_key = CodeKey::new(desk.vault.mac_key("one-time-code")?);
    let inviter = Inviter { issuer: &config.issuer, post: &post, code_key, sign_up };
    let Invite { email, name, lang } = invite;
    let shown = email.trim().to_owned();
    let expires_at = invitations::invite(desk, &inviter, Guest { email, name, lang }).await?;
    let text = format!("invited {shown}; the link is good until {}", moment(expires_at));
    Ok(Answer::new(text, json!({ "email": shown, "expires_at": expires_at })))
}

fn done(what: &str, user: User) -> Result<Answer, Failure> {
    let User { id, sub, .. } = &user;
    Ok(Answer::new(format!("{what} {id}"), json!({ "id": id, "sub": sub })))
}

async fn add(add: Add, desk: &Desk, house: &str) -> Result<Answer, Failure> {
    let mut claims = match &add.claims {
        Some(file) => match read_json(file)? {
            Value::Object(claims) => claims,
            _ => return Err(Failure::new(format!("{}: is no JSON object", file.display()))),
        },
        None => Map::new(),
    };
    claims.extend(add.name.map(|name| ("name".to_owned(), Value::String(name))));
    let password = if add.password_stdin { Some(secret_from_stdin()?) } else { None };
    if let Some(password) = &password {
        let about = About { email: Some(&add.email), name: claims.get("name").and_then(Value::as_str), house };
        warn(&users::weaknesses(desk, password, &about));
    }
    let address = if add.verified { Address::Verified } else { Address::Unverified };
    let new = NewUser { email: add.email, address, claims, password };
    done("added", users::add(desk, &hasher(desk)?, new).await?)
}

/// An operator may give a weak password, and hears it. What is too short or too long is refused, so it is not said here.
fn warn(weaknesses: &[Weakness]) {
    let t = texts(&Lang::En);
    for weakness in weaknesses.iter().filter(|one| !matches!(one, Weakness::TooShort { .. } | Weakness::TooLong { .. })) {
        let _ = writeln!(std::io::stderr(), "warning: {}", t.weakness(weakness));
    }
}

async fn list(desk: &Desk, after: Option<&Id>, limit: i64) -> Result<Answer, Failure> {
    let all = users::list(desk, after, limit).await?;
    let row = |user: &User| vec![user.id.to_string(), user.email.clone().unwrap_or_default(), name(user), state(user)];
    let rows: Vec<_> = all.iter().map(row).collect();
    Ok(Answer::new(table(&["ID", "E-MAIL", "NAME", "STATE"], &rows), all.iter().map(as_json).collect()))
}

fn name(user: &User) -> String {
    user.claims.get("name").and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn state(user: &User) -> String {
    user.disabled_at.map_or_else(|| "enabled".to_owned(), |at| format!("disabled {}", moment(at)))
}

fn shown(user: &User) -> String {
    let verified = if user.email_verified { "verified" } else { "not verified" };
    let claims = Value::Object(user.claims.clone());
    format!(
        "id       {}\nsub      {}\ne-mail   {} ({verified})\nstate    {}\nsince    {}\nclaims   {claims}",
        user.id,
        user.sub,
        user.email.as_deref().unwrap_or("-"),
        state(user),
        moment(user.created_at),
    )
}

fn as_json(user: &User) -> Value {
    json!({
        "id": user.id,
        "sub": user.sub,
        "email": user.email,
        "email_verified": user.email_verified,
        "claims": user.claims,
        "disabled_at": user.disabled_at,
        "created_at": user.created_at,
    })
}

/// One password is hashed here at a time.
pub fn hasher(desk: &Desk) -> Result<Hasher, Failure> {
    Ok(Hasher::start(&desk.random, Capacity { threads: 1, waiting: 1 })?)
}
