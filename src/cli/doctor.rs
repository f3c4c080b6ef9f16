//! `config check` and `doctor`: what is wrong, before somebody else finds out.

use std::net::{TcpListener, TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::answer::{Answer, Failure, Verdict, table};
use super::open;
use crate::app::{self, Plugins};
use crate::base::Fault;
use crate::config::{self, Config, PluginSettings};
use crate::keys::{Vault, rekey};
use crate::store::{Db, Options, keys, migrations};

const DEADLINE: Duration = Duration::from_secs(2);

/// Names every problem of the settings; without any it says so.
pub fn config_check(file: Option<&Path>, make: impl FnOnce(&mut PluginSettings) -> Option<Plugins>) -> Result<Answer, Failure> {
    let loaded = config::load_for(file, config::environment(), make);
    match loaded.and_then(|(config, plugins)| app::check_counts(&config, &plugins)) {
        Ok(()) => Ok(Answer::new("the configuration is good", json!({ "problems": [] }))),
        Err(problems) => {
            let list: Vec<_> =
                problems.0.iter().map(|p| json!({ "setting": p.setting, "why": p.why, "remedy": p.remedy })).collect();
            Ok(Answer { text: problems.to_string(), json: json!({ "problems": list }), verdict: Verdict::Bad })
        }
    }
}

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    verdict: Verdict,
    note: String,
}

impl Finding {
    fn new(what: &'static str, found: Result<String, String>) -> Self {
        match found {
            Ok(note) => Self { what, verdict: Verdict::Good, note },
            Err(note) => Self { what, verdict: Verdict::Bad, note },
        }
    }
}

/// Looks at everything that a server needs; changes nothing.
pub fn run(file: Option<&Path>, make: impl FnOnce(&mut PluginSettings) -> Option<Plugins>) -> Result<Answer, Failure> {
    let (config, _) = config::load_for(file, config::environment(), make)?;
    let mut findings = vec![
        Finding::new("settings", Ok("good".to_owned())),
        listener(&config),
        proxies(&config),
        passkeys(&config),
        outbound(&config),
    ];
    findings.extend(redis(&config));
    findings.push(open::block_on(async { Ok(mail(&config).await) })?);
    findings.extend(open::block_on(async { Ok(database(&config).await) })?);
    let is_bad = findings.iter().any(|finding| finding.verdict == Verdict::Bad);
    let word = |finding: &Finding| if finding.verdict == Verdict::Good { "ok" } else { "BAD" };
    let rows: Vec<_> = findings.iter().map(|f| vec![f.what.to_owned(), word(f).to_owned(), f.note.clone()]).collect();
    let list: Vec<_> =
        findings.iter().map(|f| json!({ "what": f.what, "ok": f.verdict == Verdict::Good, "note": f.note })).collect();
    Ok(Answer {
        text: table(&["WHAT", "STATE", "NOTE"], &rows),
        json: json!({ "ok": !is_bad, "findings": list }),
        verdict: if is_bad { Verdict::Bad } else { Verdict::Good },
    })
}

/// A listener of ours that runs already is as good as a free port.
fn listener(config: &Config) -> Finding {
    let note = match TcpListener::bind(config.listen) {
        Ok(_) => Ok(format!("{} is free", config.listen)),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Ok(format!("something serves at {}", config.listen)),
        Err(error) => Err(format!("{}: {error}", config.listen)),
    };
    Finding::new("listen", note)
}

fn proxies(config: &Config) -> Finding {
    let note = match (&config.tls, config.trusted_proxies.len()) {
        (Some(_), _) => "TLS is ours",
        (None, 0) => "no TLS and no proxy: for this machine alone",
        (None, _) => "TLS is the proxy's",
    };
    Finding::new("tls", Ok(note.to_owned()))
}

/// A host that is an address has none, which is easily overlooked.
fn passkeys(config: &Config) -> Finding {
    let note = match app::passkeys(config) {
        Some(own) => format!("belong to {}", own.rp_id()),
        None => format!("are not possible: {} is an address and no name", config.issuer.host()),
    };
    Finding::new("passkeys", Ok(note))
}

/// Decision 32: holes in the guard are always said.
fn outbound(config: &Config) -> Finding {
    let allowed: Vec<_> = config.outbound_allow.iter().map(ToString::to_string).collect();
    let note = match (allowed.is_empty(), config.outbound_ca_file.is_some()) {
        (true, false) => "public addresses only".to_owned(),
        (true, true) => "public addresses only, with further certificate authorities".to_owned(),
        (false, _) => format!("private addresses are allowed: {}", allowed.join(", ")),
    };
    Finding::new("outbound", Ok(note))
}

fn redis(config: &Config) -> Option<Finding> {
    let url = url::Url::parse(config.redis_url.as_ref()?.expose()).ok();
    let place = url.and_then(|url| Some((url.host_str()?.to_owned(), url.port().unwrap_or(6379))));
    let reached =
        place.and_then(|place| place.to_socket_addrs().ok()?.find_map(|at| TcpStream::connect_timeout(&at, DEADLINE).ok()));
    Some(Finding::new("redis", reached.map(|_| "answers".to_owned()).ok_or_else(|| "cannot be reached".to_owned())))
}

/// Says hello to the mail server and signs in there; sends nothing.
async fn mail(config: &Config) -> Finding {
    let post = Vault::open_file(config.master_key.expose()).and_then(|vault| app::post(config, &vault));
    Finding::new(
        "mail",
        match post {
            Ok(post) => post.try_out().await,
            Err(fault) => Err(fault.to_string()),
        },
    )
}

/// Database, schema, and whether this master key opens what is in it.
async fn database(config: &Config) -> Vec<Finding> {
    let text = |fault: Fault| fault.to_string();
    // Looking must not leave a new file behind.
    let file = config.database.url.expose().strip_prefix("sqlite://").map(Path::new);
    if file.is_some_and(|file| !file.exists()) {
        return vec![Finding::new("database", Ok("is not there yet; `serve` makes it".to_owned()))];
    }
    let db = match Db::open(config.database.url.expose(), &Options::default()).await {
        Ok(db) => db,
        Err(fault) => return vec![Finding::new("database", Err(text(fault)))],
    };
    let state = migrations::state(&db).await;
    let schema = match &state {
        Ok(migrations::State::Current) => Ok("answers, its schema is up to date".to_owned()),
        Ok(migrations::State::Behind(missing)) => Ok(format!("answers, {missing} migrations are to come")),
        Err(fault) => Err(fault.to_string()),
    };
    let mut findings = vec![Finding::new("database", schema)];
    if matches!(state, Ok(migrations::State::Current)) {
        findings.push(Finding::new("keys", signing_keys(config, &db).await.map_err(text)));
        findings.push(Finding::new("sealed", sealed(config, &db).await.map_err(text)));
    }
    findings
}

async fn signing_keys(config: &Config, db: &Db) -> Result<String, Fault> {
    let vault = Vault::open_file(config.master_key.expose())?;
    let all = keys::live(&mut db.conn()).await?;
    for key in &all {
        vault.open("signing_keys", "sealed", key.id.as_str(), &key.sealed)?;
    }
    Ok(match all.len() {
        0 => "none yet; `serve` makes them".to_owned(),
        count => format!("{count}, and the master key opens them"),
    })
}

/// One value under a key that is not there is somebody's factor, or a provider that nobody signs in with.
async fn sealed(config: &Config, db: &Db) -> Result<String, Fault> {
    let vault = Vault::open_file(config.master_key.expose())?;
    Ok(format!("{} values, and the master key opens them", rekey::try_all(db, &vault).await?))
}
