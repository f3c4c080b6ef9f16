//! `session list|revoke`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::answer::{Answer, Failure, table};
use super::words::moment;
use crate::admin::Desk;
use crate::admin::sessions::{self, Session};

#[derive(Subcommand)]
pub enum Verb {
    /// Show where a person is signed in.
    List {
        /// The person, by id, sub or e-mail address.
        #[arg(long, value_name = "PERSON")]
        user: String,
    },
    /// End one session, or all of a person.
    Revoke(Which),
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// The session's public id.
    sid: Option<String>,
    /// Every session of this person.
    #[arg(long, value_name = "PERSON")]
    user: Option<String>,
}

pub async fn run(verb: Verb, desk: &Desk) -> Result<Answer, Failure> {
    match verb {
        Verb::List { user } => {
            let all = sessions::list(desk, &user).await?;
            let row = |s: &Session| {
                vec![s.sid.clone(), moment(s.auth_time), moment(s.last_seen_at), s.address.clone(), s.user_agent.clone()]
            };
            let rows: Vec<_> = all.iter().map(row).collect();
            let text = table(&["ID", "SIGNED IN", "LAST SEEN", "FROM", "BROWSER"], &rows);
            Ok(Answer::new(text, all.iter().map(as_json).collect()))
        }
        Verb::Revoke(Which { sid: Some(sid), .. }) => {
            sessions::revoke(desk, &sid).await?;
            Ok(Answer::new(format!("ended {sid}"), json!({ "ended": 1 })))
        }
        Verb::Revoke(Which { user, .. }) => {
            let ended = sessions::revoke_all(desk, &user.unwrap_or_default()).await?;
            Ok(Answer::new(format!("ended {ended}"), json!({ "ended": ended })))
        }
    }
}

fn as_json(session: &Session) -> Value {
    json!({
        "id": session.sid,
        "auth_time": session.auth_time,
        "last_seen_at": session.last_seen_at,
        "expires_at": session.expires_at,
        "address": session.address,
        "user_agent": session.user_agent,
    })
}
