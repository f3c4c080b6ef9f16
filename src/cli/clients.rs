//! `client add|list|show|edit|rotate-secret|remove`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::answer::{Answer, Failure, table};
use super::client_args::ClientArgs;
use super::paste::{self, For};
use super::words::moment;
use crate::admin::Desk;
use crate::admin::clients::{self, Done, NewClient, State};
use crate::admin::registration;
use crate::config::{Config, RegistrationMode};
use crate::oauth::Client;

/// Seconds that a secret goes on beside its successor.
const OVERLAP_SECONDS: i64 = 86_400;

#[derive(Subcommand)]
pub enum Verb {
    /// Register an application and print what to paste into it.
    Add(Add),
    /// Show all.
    List,
    /// Show one.
    Show {
        /// Its client id.
        id: String,
    },
    /// Change one; what is not named stays as it is.
    Edit(Edit),
    /// Give one a new secret.
    RotateSecret {
        /// Its client id.
        id: String,
        /// How long the secret before goes on.
        #[arg(long, value_name = "SECONDS", default_value_t = OVERLAP_SECONDS, value_parser = clap::value_parser!(i64).range(0..=31_536_000))]
        overlap: i64,
    },
    /// Make a token with which an application may register itself, where `registration.mode` is `token`.
    RegistrationToken {
        /// How long it is good for.
        #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(i64).range(1..=3650))]
        days: i64,
        /// How many applications may register with it; any number by default.
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
        uses: Option<i64>,
    },
    /// Remove one, with everything that it was granted.
    Remove {
        /// Its client id.
        id: String,
    },
}

#[derive(Args)]
pub struct Add {
    /// Its name, shown to people.
    #[arg(long)]
    name: String,
    /// Its client id; a random one by default.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Print the lines for grafana, oauth2-proxy, openid-client, spring or generic; may be given several times.
    #[arg(long = "for", value_name = "WHAT", value_parser = For::parse)]
    lines: Vec<For>,
    #[command(flatten)]
    about: ClientArgs,
}

#[derive(Args)]
pub struct Edit {
    /// Its client id.
    id: String,
    /// Its name, shown to people.
    #[arg(long)]
    name: Option<String>,
    /// It may not be used for now.
    #[arg(long, conflicts_with = "enable")]
    disable: bool,
    /// It may be used again.
    #[arg(long)]
    enable: bool,
    #[command(flatten)]
    about: ClientArgs,
}

pub async fn run(verb: Verb, desk: &Desk, config: &Config) -> Result<Answer, Failure> {
    match verb {
        Verb::Add(add) => {
            let new = NewClient { client_id: add.id, secret: None };
            let done = clients::add(desk, new, &add.about.changes(Some(add.name))?).await?;
            let lines = paste::lines(config.issuer.as_str(), &done, &add.lines);
            Ok(Answer::new(format!("{}\n\n{lines}", credentials(&done)), as_json(&done)))
        }
        Verb::List => {
            let all = clients::list(desk).await?;
            let row = |c: &Client| vec![c.client_id.clone(), c.name.clone(), c.auth_method.to_string(), state(c).to_owned()];
            let rows: Vec<_> = all.iter().map(row).collect();
            let json = all.iter().map(|client| json!(client)).collect();
            Ok(Answer::new(table(&["ID", "NAME", "AUTHENTICATION", "STATE"], &rows), json))
        }
        Verb::Show { id } => show(desk, &id).await,
        Verb::Edit(edit) => {
            let mut changes = edit.about.changes(edit.name)?;
            changes.state = match (edit.enable, edit.disable) {
                (true, _) => Some(State::Enabled),
                (_, true) => Some(State::Disabled),
                _ => None,
            };
            let done = clients::edit(desk, &edit.id, &changes).await?;
            Ok(Answer::new(credentials(&done), as_json(&done)))
        }
        Verb::RotateSecret { id, overlap } => {
            let done = clients::rotate_secret(desk, &id, overlap).await?;
            let mut text = credentials(&done);
            if overlap > 0 {
                text.push_str(&format!("\nthe secret before goes on for {overlap} seconds"));
            }
            Ok(Answer::new(text, as_json(&done)))
        }
        Verb::RegistrationToken { days, uses } => registration_token(desk, config, days * 86_400, uses).await,
        Verb::Remove { id } => {
            clients::remove(desk, &id).await?;
            Ok(Answer::new(format!("removed {id}"), json!({ "client_id": id })))
        }
    }
}

async fn registration_token(desk: &Desk, config: &Config, seconds: i64, uses: Option<i64>) -> Result<Answer, Failure> {
    let handed = registration::hand_out(desk, seconds, uses).await?;
    let token = handed.token.expose();
    let mut text = format!("registration token  {token}   (shown this once)\ngood until          {}", moment(handed.expires_at));
    if config.registration.mode != RegistrationMode::Token {
        text.push_str("\n`registration.mode` is not `token`: nothing asks for it yet");
    }
    Ok(Answer::new(text, json!({ "registration_token": token, "expires_at": handed.expires_at, "uses": uses })))
}

const fn state(client: &Client) -> &'static str {
    if client.disabled { "disabled" } else { "enabled" }
}

/// Id and, this once, the new secret.
fn credentials(done: &Done) -> String {
    let id = format!("client_id      {}", done.client.client_id);
    match &done.secret {
        Some(secret) => format!("{id}\nclient_secret  {}   (shown this once)", secret.expose()),
        None => id,
    }
}

fn as_json(done: &Done) -> Value {
    let mut json = json!({ "client_id": done.client.client_id });
    if let (Some(secret), Some(members)) = (&done.secret, json.as_object_mut()) {
        members.insert("client_secret".to_owned(), secret.expose().as_str().into());
    }
    json
}

async fn show(desk: &Desk, id: &str) -> Result<Answer, Failure> {
    let (stored, secrets) = clients::show(desk, id).await?;
    let definition = json!(stored.client);
    let mut text: String = definition
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !is_empty(value))
        .fold(String::new(), |text, (name, value)| text + format!("{name:<32} {}\n", plain(value)).as_str());
    for secret in &secrets {
        let end = secret.expires_at.map_or_else(|| "has no end".to_owned(), |end| format!("ends {}", moment(end)));
        text.push_str(&format!("{:<32} made {}, {end}\n", "secret", moment(secret.created_at)));
    }
    let secrets: Vec<_> = secrets.iter().map(|s| json!({ "created_at": s.created_at, "expires_at": s.expires_at })).collect();
    let mut json = definition;
    if let Some(members) = json.as_object_mut() {
        members.insert("created_at".to_owned(), json!(stored.created_at));
        members.insert("updated_at".to_owned(), json!(stored.updated_at));
        members.insert("secrets".to_owned(), secrets.into());
    }
    Ok(Answer::new(text, json))
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_string) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}
