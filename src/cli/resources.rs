//! `resource add|list|remove`.

use clap::Subcommand;
use serde_json::{Value, json};

use super::answer::{Answer, Failure, table};
use crate::admin::Desk;
use crate::admin::resources::{self, Resource};

#[derive(Subcommand)]
pub enum Verb {
    /// Register an API.
    Add {
        /// Its identifier, an absolute URI (RFC 8707).
        #[arg(long, value_name = "URI")]
        id: String,
        /// Its name, shown to people.
        #[arg(long)]
        name: String,
        /// What tokens for it may allow, separated by spaces.
        #[arg(long, default_value = "")]
        scope: String,
    },
    /// Show all.
    List,
    /// Remove one.
    Remove {
        /// Its identifier.
        id: String,
    },
}

pub async fn run(verb: Verb, desk: &Desk) -> Result<Answer, Failure> {
    match verb {
        Verb::Add { id, name, scope } => {
            let resource = resources::add(desk, &id, &name, &scope).await?;
            Ok(Answer::new(format!("added {id}"), as_json(&resource)))
        }
        Verb::List => {
            let all = resources::list(desk).await?;
            let rows: Vec<_> = all.iter().map(|r| vec![r.uri.clone(), r.name.clone(), r.scope.to_string()]).collect();
            Ok(Answer::new(table(&["ID", "NAME", "SCOPE"], &rows), all.iter().map(as_json).collect()))
        }
        Verb::Remove { id } => {
            resources::remove(desk, &id).await?;
            Ok(Answer::new(format!("removed {id}"), json!({ "id": id })))
        }
    }
}

fn as_json(resource: &Resource) -> Value {
    json!({ "id": resource.uri, "name": resource.name, "scope": resource.scope })
}
