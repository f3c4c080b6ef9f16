//! `migrate`: brings the schema up to date, whatever `database.migrate` says.

use std::path::Path;

use serde_json::json;

use super::answer::{Answer, Failure};
use super::open;
use crate::config;
use crate::store::{Db, Options, migrations};

pub fn run(file: Option<&Path>) -> Result<Answer, Failure> {
    let config = config::load(file)?;
    let applied = open::block_on(async {
        let db = Db::open(config.database.url.expose(), &Options::default()).await?;
        Ok(migrations::migrate(&db).await?)
    })?;
    let text = match applied {
        0 => "the database is up to date".to_owned(),
        1 => "applied 1 migration".to_owned(),
        more => format!("applied {more} migrations"),
    };
    Ok(Answer::new(text, json!({ "applied": applied })))
}
