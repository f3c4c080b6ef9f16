//! `upstream add|list|show|test|edit|remove`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::answer::{Answer, Failure, Verdict, table};
use super::words::{all_from_stdin, secret_from_stdin};
use crate::admin::Desk;
use crate::admin::upstreams::{self, Changes};
use crate::app;
use crate::config::Config;
use crate::federation::{self, AppleKey, Kind, Switch, Upstream, Visibility};

#[derive(Subcommand)]
pub enum Verb {
    /// Connect a provider and print the callback URL to register there.
    Add {
        /// A name of your own for it: small letters, digits and hyphens.
        #[arg(long)]
        id: String,
        /// oidc, google, github, entra, gitlab, apple, okta, auth0, keycloak or vouchsafe.
        #[arg(long, value_parser = kind)]
        kind: Kind,
        #[command(flatten)]
        about: About,
    },
    /// Show all.
    List,
    /// Show one, with its callback URL.
    Show {
        /// Its id.
        id: String,
    },
    /// Walk through what a sign-in needs, and say what is wrong.
    Test {
        /// Its id.
        id: String,
    },
    /// Change one; what is not named stays as it is.
    Edit {
        /// Its id.
        id: String,
        #[command(flatten)]
        about: About,
    },
    /// Remove one; accounts stay, and the sessions that came by it end.
    Remove {
        /// Its id.
        id: String,
    },
}

#[derive(Args)]
pub struct About {
    /// What stands on its button.
    #[arg(long)]
    name: Option<String>,
    /// The provider's issuer, exactly as it writes it; for GitHub the address of an Enterprise server.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// What the provider calls us.
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// Read the client secret (for Apple the .p8 key) from standard input.
    #[arg(long)]
    client_secret_stdin: bool,
    /// What is asked of the provider, separated by spaces.
    #[arg(long)]
    scope: Option<String>,
    /// Whether whoever comes for the first time gets an account.
    #[arg(long, value_name = "on|off", value_parser = switch)]
    auto_register: Option<Switch>,
    /// Whether the profile is taken over at each sign-in.
    #[arg(long, value_name = "on|off", value_parser = switch)]
    refresh: Option<Switch>,
    /// Whether an address counts as verified of which the provider says nothing: its silence is a yes.
    #[arg(long, value_name = "on|off", value_parser = switch)]
    trust_email: Option<Switch>,
    /// Whether a verified address of this provider is as good as one that a mail of ours proved. If not, the first mail of ours
    /// that its owner answers takes away what was attached to the account before. On for google, github and apple.
    #[arg(long, value_name = "on|off", value_parser = switch)]
    proves_email: Option<Switch>,
    /// Whether a second factor there is one here.
    #[arg(long, value_name = "on|off", value_parser = switch)]
    second_factor: Option<Switch>,
    /// A value of `acr` that says so, beside `mfa` in `amr`; may be given several times.
    #[arg(long = "second-factor-acr", value_name = "VALUE")]
    second_factor_acr: Vec<String>,
    /// Whether signing out here signs out there.
    #[arg(long, value_name = "on|off", value_parser = switch)]
    sign_out: Option<Switch>,
    /// Where a claim comes from: TARGET=PATH,PATH…; may be given several times.
    #[arg(long = "map", value_name = "TARGET=PATHS")]
    map: Vec<String>,
    /// Only addresses of this domain may come in; may be given several times, empty for any.
    #[arg(long = "domain", value_name = "DOMAIN")]
    domain: Vec<String>,
    /// Google: only accounts of this Workspace domain; empty for any.
    #[arg(long, value_name = "DOMAIN")]
    hosted_domain: Option<String>,
    /// GitHub: only members of this organisation, or ORGANISATION/TEAM; may be given several times, empty for anybody.
    #[arg(long = "organisation", value_name = "NAME")]
    organisation: Vec<String>,
    /// Only members of this group there, by the claim `groups` or what is mapped to it; may be given several times.
    #[arg(long = "group", value_name = "NAME")]
    group: Vec<String>,
    /// Its place among the buttons; small numbers come first.
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    order: Option<i64>,
    /// shown: on the sign-in page; hinted: only where an app asks for it by idp_hint.
    #[arg(long, value_name = "shown|hinted", value_parser = visibility)]
    visibility: Option<Visibility>,
    /// Only for this app (client id); may be given several times, empty for all.
    #[arg(long = "client", value_name = "ID")]
    client: Vec<String>,
    /// Apple: the id of your team.
    #[arg(long, value_name = "ID", requires = "apple_key_id")]
    apple_team: Option<String>,
    /// Apple: the id of the key.
    #[arg(long, value_name = "ID", requires = "apple_team")]
    apple_key_id: Option<String>,
}

fn kind(text: &str) -> Result<Kind, String> {
    let all = || Kind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
    Kind::parse(text).ok_or_else(|| format!("is none of {}", all()))
}

fn switch(text: &str) -> Result<Switch, String> {
    Switch::parse(text).ok_or_else(|| "must be on or off".to_owned())
}

fn visibility(text: &str) -> Result<Visibility, String> {
    Visibility::parse(text).ok_or_else(|| "must be shown or hinted".to_owned())
}

impl About {
    fn changes(self, kind: Kind) -> Result<Changes, Failure> {
        let secret = match (self.client_secret_stdin, kind) {
            (true, Kind::Apple) => Some(all_from_stdin()?),
            (true, _) => Some(secret_from_stdin()?),
            (false, _) => None,
        };
        // One empty word empties a list.
        let list = |words: Vec<String>| {
            Some(words).filter(|words| !words.is_empty()).map(|words| words.into_iter().filter(|word| !word.is_empty()).collect())
        };
        let apple = self.apple_team.zip(self.apple_key_id).map(|(team, key_id)| AppleKey { team, key_id });
        Ok(Changes {
            kind: Some(kind),
            name: self.name,
            issuer: self.issuer,
            client_id: self.client_id,
            secret,
            scopes: self.scope.map(|scope| scope.split_whitespace().map(str::to_owned).collect()),
            auto_register: self.auto_register,
            refresh: self.refresh,
            trust_email: self.trust_email,
            proves_email: self.proves_email,
            second_factor: self.second_factor,
            second_factor_acr: list(self.second_factor_acr),
            sign_out: self.sign_out,
            mapping: Some(self.map),
            domains: list(self.domain),
            hosted_domain: self.hosted_domain,
            organisations: list(self.organisation),
            groups: list(self.group),
            position: self.order,
            visibility: self.visibility,
            clients: list(self.client),
            apple,
        })
    }
}

pub async fn run(verb: Verb, desk: &Desk, config: &Config) -> Result<Answer, Failure> {
    match verb {
        Verb::Add { id, kind, about } => {
            let upstream = upstreams::add(desk, &id, &about.changes(kind)?).await?;
            let text = format!("added {id}\nregister this callback URL there:\n{}", callback(config, &upstream));
            Ok(Answer::new(text, as_json(config, &upstream)))
        }
        Verb::List => {
            let all = upstreams::list(desk).await?;
            let row = |u: &Upstream| vec![u.id.clone(), u.kind.to_string(), u.name.clone(), u.issuer.clone()];
            let rows: Vec<_> = all.iter().map(row).collect();
            let json = all.iter().map(|upstream| as_json(config, upstream)).collect();
            Ok(Answer::new(table(&["ID", "KIND", "NAME", "ISSUER"], &rows), json))
        }
        Verb::Show { id } => {
            let (upstream, _) = upstreams::show(desk, &id).await?;
            let json = as_json(config, &upstream);
            Ok(Answer::new(lines(&json), json))
        }
        Verb::Test { id } => test(desk, config, &id).await,
        Verb::Edit { id, about } => {
            // A key from Apple has several lines.
            let (before, _) = upstreams::show(desk, &id).await?;
            let upstream = upstreams::edit(desk, &id, &about.changes(before.kind)?).await?;
            Ok(Answer::new(format!("changed {id}"), as_json(config, &upstream)))
        }
        Verb::Remove { id } => {
            let sessions = upstreams::remove(desk, &id).await?;
            Ok(Answer::new(
                format!("removed {id}, and ended {sessions} sessions"),
                json!({ "id": id, "sessions_ended": sessions }),
            ))
        }
    }
}

fn callback(config: &Config, upstream: &Upstream) -> String {
    config.issuer.join(&upstream.callback_path())
}

/// Its definition with the addresses to register at the provider. The secret is not part of it.
fn as_json(config: &Config, upstream: &Upstream) -> Value {
    let mut json = json!(upstream);
    if let Some(members) = json.as_object_mut() {
        members.insert("callback_url".to_owned(), callback(config, upstream).into());
        let proves_email = if upstream.proves_email() { Switch::On } else { Switch::Off };
        members.insert("proves_email".to_owned(), proves_email.as_str().into());
    }
    json
}

fn lines(json: &Value) -> String {
    let is_empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    let members = json.as_object().into_iter().flatten().filter(|(_, value)| !is_empty(value));
    members.fold(String::new(), |text, (name, value)| {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Array(items) if items.iter().all(Value::is_string) => {
                items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
            }
            other => other.to_string(),
        };
        text + format!("{name:<20} {value}\n").as_str()
    })
}

async fn test(desk: &Desk, config: &Config, id: &str) -> Result<Answer, Failure> {
    let (upstream, secret) = upstreams::show(desk, id).await?;
    let callback = callback(config, &upstream);
    let steps = federation::examine(&upstream, secret, app::outbound(config), &callback, desk.clock.now()).await;
    let is_good = steps.iter().all(|step| step.is_good);
    let mark = |good| if good { "ok   " } else { "WRONG" };
    let text = steps.iter().map(|step| format!("{} {:<12} {}\n", mark(step.is_good), step.name, step.words)).collect::<String>();
    let json = steps.iter().map(|step| json!({ "step": step.name, "ok": step.is_good, "words": step.words })).collect::<Vec<_>>();
    let mut answer = Answer::new(text, json!({ "id": id, "ok": is_good, "callback_url": callback, "steps": json }));
    answer.verdict = if is_good { Verdict::Good } else { Verdict::Bad };
    Ok(answer)
}
