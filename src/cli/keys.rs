//! `key list|rotate|rekey|retire`.

use clap::Subcommand;
use serde_json::{Value, json};

use super::answer::{Answer, Failure, table};
use super::words::moment;
use crate::admin::Desk;
use crate::admin::keys::{self, Haste, Rekeyed, StoredKey, Turned};
use crate::app::key_policy;
use crate::config::Config;

#[derive(Subcommand)]
pub enum Verb {
    /// Show the ring.
    List,
    /// Make new keys. They are published at once and sign after `keys.publish_seconds`.
    Rotate {
        /// Sign with them at once: relying parties that keep the old key set will refuse tokens until they fetch it again.
        #[arg(long)]
        now: bool,
    },
    /// Seal everything anew under the newest line of the master key file. It may be stopped and run again. The older lines stay
    /// for an hour, after which it is run again.
    Rekey,
    /// Take a key out at once: what it signed is worth nothing from now on.
    Retire {
        /// Its `kid`.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
}

pub async fn run(verb: Verb, desk: &Desk, config: &Config) -> Result<Answer, Failure> {
    match verb {
        Verb::List => {
            let all = keys::list(desk).await?;
            let rows: Vec<_> = all.iter().map(row).collect();
            let text = table(&["KID", "ALG", "STATE", "MADE", "ACTIVE SINCE", "RETIRED"], &rows);
            Ok(Answer::new(text, all.iter().map(as_json).collect()))
        }
        Verb::Rotate { now } => {
            let haste = if now { Haste::Forced } else { Haste::WhenPublished };
            let all = keys::rotate(desk, &key_policy(config), haste).await?;
            let line = |key: &Turned| vec![key.kid.clone(), key.alg.to_string(), moment(key.active_at)];
            let text = table(&["KID", "ALG", "SIGNS FROM"], &all.iter().map(line).collect::<Vec<_>>());
            let json = |key: &Turned| json!({ "kid": key.kid, "alg": key.alg.as_str(), "active_at": key.active_at });
            Ok(Answer::new(text, all.iter().map(json).collect()))
        }
        Verb::Rekey => {
            let all = keys::rekey(desk).await?;
            let row = |one: &Rekeyed| vec![one.table.to_owned(), one.moved.to_string(), one.stood.to_string()];
            let rows = table(&["TABLE", "SEALED ANEW", "STOOD"], &all.iter().map(row).collect::<Vec<_>>());
            let text = format!("{rows}\n{LEAVE}");
            let json = |one: &Rekeyed| json!({ "table": one.table, "sealed_anew": one.moved, "stood": one.stood });
            Ok(Answer::new(text, all.iter().map(json).collect()))
        }
        Verb::Retire { kid } => {
            let retired = keys::retire(desk, &kid).await?;
            let text = match &retired.replacement {
                Some(replacement) => format!("retired {kid}; {replacement} signs in its place"),
                None => format!("retired {kid}"),
            };
            Ok(Answer::new(text, json!({ "kid": kid, "replacement": retired.replacement })))
        }
    }
}

/// A sign-in by a provider that had begun is sealed as it was, and may end in a session that is.
const LEAVE: &str = "leave the older lines in the file for an hour: sign-ins that wait are sealed under them; run this again then, \
                     before you take them out";

fn row(key: &StoredKey) -> Vec<String> {
    let at = |time: Option<_>| time.map_or_else(|| "-".to_owned(), moment);
    vec![
        key.kid.clone(),
        key.alg.to_string(),
        key.state.as_str().to_owned(),
        moment(key.created_at),
        at(key.activated_at),
        at(key.retired_at),
    ]
}

fn as_json(key: &StoredKey) -> Value {
    json!({
        "kid": key.kid,
        "alg": key.alg.as_str(),
        "state": key.state.as_str(),
        "created_at": key.created_at,
        "published_at": key.published_at,
        "activated_at": key.activated_at,
        "retired_at": key.retired_at,
    })
}
