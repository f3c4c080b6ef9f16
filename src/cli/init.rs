//! `init`: a settings file that explains itself and a fresh master key. It never writes over either.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use url::Url;

use super::answer::{Answer, Failure};
use crate::base::{Issuer, Random};
use crate::config;
use crate::keys::Vault;

const CONFIG: &str = "vouchsafe.toml";
const MASTER_KEY: &str = "master.key";
const DATABASE: &str = "vouchsafe.db";

#[derive(Args)]
pub struct Init {
    /// Where to write the settings and the master key.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// The URL that relying parties will know this server by.
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// Address and port of the listener; for an http issuer on this machine its port on 127.0.0.1 by default.
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// `sqlite:///path/file.db` or `postgres://…`; an SQLite file in DIR by default.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

pub fn run(init: &Init) -> Result<Answer, Failure> {
    let issuer = Issuer::parse(&init.issuer).map_err(|why| Failure::new(format!("--issuer {why}")))?;
    let wrong = |error: std::io::Error| Failure::new(format!("{}: {error}", init.dir.display()));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&init.dir).map_err(wrong)?;
    let dir = fs::canonicalize(&init.dir).map_err(wrong)?;
    let (config, master_key) = (dir.join(CONFIG), dir.join(MASTER_KEY));
    for file in [&config, &master_key] {
        if file.exists() {
            return Err(Failure::new(format!("{}: is there already and stays as it is", file.display())));
        }
    }
    let database = init.database.clone().unwrap_or_else(|| format!("sqlite://{}", dir.join(DATABASE).display()));
    let mut values =
        vec![("issuer", quoted(&init.issuer)), ("master_key_file", quoted(MASTER_KEY)), ("database.url", quoted(&database))];
    let listen = init.listen.or_else(|| own_listener(&issuer));
    values.extend(listen.map(|listen| ("listen", quoted(&listen.to_string()))));
    write_new(&master_key, &Vault::generate_file(&Random::system())?)?;
    write_new(&config, &config::template(&values))?;
    let mut text = format!(
        "wrote {}\nwrote {} (keep a copy of it in a safe place: without it the database cannot be read)\n",
        config.display(),
        master_key.display()
    );
    if let Err(problems) = config::load_with(Some(&config), std::iter::empty()) {
        text.push_str(&format!("\nbefore it can serve: {problems}\n"));
    }
    text.push_str(&format!("\nnext:\n  vouchsafe serve --config {}\n", config.display()));
    Ok(Answer::new(text, json!({ "config": config, "master_key_file": master_key, "issuer": init.issuer })))
}

/// Where a development issuer is reached: on this machine, at the port that it names.
fn own_listener(issuer: &Issuer) -> Option<SocketAddr> {
    let port = Url::parse(issuer.as_str()).ok()?.port_or_known_default()?;
    issuer.is_development().then(|| SocketAddr::from(([127, 0, 0, 1], port)))
}

/// A TOML text; JSON's escapes are TOML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Writes a file that was not there, for its owner alone.
fn write_new(file: &Path, contents: &str) -> Result<(), Failure> {
    let opened = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let written = opened.and_then(|mut open| open.write_all(contents.as_bytes()).and_then(|()| open.sync_all()));
    written.map_err(|error| Failure::new(format!("{}: {error}", file.display())))
}
