//! Other providers that people may sign in with: add, list, show, edit, remove.

use super::{Desk, Refusal};
use crate::base::{Fault, Secret};
use crate::federation::{AppleKey, Kind, Mapping, Switch, Upstream, Visibility};
use crate::identity::sessions;
use crate::identity::users::domain_key;
use crate::oauth::Problem;
use crate::store::upstreams::{self, StoredUpstream};
use crate::store::{audit, changes, upstream_sessions};

/// What an operator says of a provider; what is not said stays, or has its default.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub kind: Option<Kind>,
    pub name: Option<String>,
    pub issuer: Option<String>,
    pub client_id: Option<String>,
    pub secret: Option<Secret<String>>,
    pub scopes: Option<Vec<String>>,
    pub auto_register: Option<Switch>,
    pub refresh: Option<Switch>,
    pub trust_email: Option<Switch>,
    pub proves_email: Option<Switch>,
    pub second_factor: Option<Switch>,
    pub second_factor_acr: Option<Vec<String>>,
    pub sign_out: Option<Switch>,
    /// `TARGET=PATH,PATH…` each.
    pub mapping: Option<Vec<String>>,
    pub domains: Option<Vec<String>>,
    pub hosted_domain: Option<String>,
    pub organisations: Option<Vec<String>>,
    pub groups: Option<Vec<String>>,
    pub position: Option<i64>,
    pub visibility: Option<Visibility>,
    pub clients: Option<Vec<String>>,
    pub apple: Option<AppleKey>,
}

/// Connects a provider under an id of the operator's choice.
///
/// # Errors
/// What was given is not valid, the id is taken, or something broke.
pub async fn add(desk: &Desk, id: &str, changes: &Changes) -> Result<Upstream, Refusal> {
    let kind = changes.kind.unwrap_or(Kind::Oidc);
    let preset = kind.preset();
    let blank = Upstream {
        id: id.to_owned(),
        kind,
        name: preset.name.to_owned(),
        issuer: preset.issuer.unwrap_or_default().to_owned(),
        client_id: String::new(),
        scopes: preset.scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        auto_register: Switch::On,
        refresh: Switch::On,
        trust_email: Switch::Off,
        proves_email: None,
        second_factor: Switch::Off,
        second_factor_acr: Vec::new(),
        sign_out: Switch::Off,
        mapping: preset_mapping(kind),
        domains: Vec::new(),
        hosted_domain: None,
        organisations: Vec::new(),
        groups: Vec::new(),
        position: 0,
        visibility: Visibility::Shown,
        clients: Vec::new(),
        apple: None,
    };
    let mut problems = check_id(id);
    let upstream = applied(blank, changes, &mut problems);
    let secret = changes.secret.as_ref().filter(|secret| !secret.expose().is_empty());
    if secret.is_none() {
        problems.push(problem("client-secret-stdin", "is missing: the client secret comes on standard input"));
    }
    let (Some(secret), true) = (secret, problems.is_empty()) else { return Err(Refusal::Invalid(problems)) };
    let row = row(desk, &upstream, secret)?;
    let (event_id, mut event) = desk.event("upstream_added")?;
    event.detail = serde_json::json!({ "upstream": id, "issuer": upstream.issuer });
    let is_new = desk.db.write(async move |tx| {
        if !upstreams::insert(tx, &row).await? {
            return Ok(false);
        }
        audit::write(tx, &event_id, &event).await?;
        changes::raise(tx, changes::Topic::Upstreams).await?;
        Ok(true)
    });
    if is_new.await? { Ok(upstream) } else { Err(Refusal::Taken(format!("an upstream {id}"))) }
}

/// Microsoft says in a claim of its own that the domain's owner vouches for an address; GitHub has names of its own for all.
fn preset_mapping(kind: Kind) -> Mapping {
    let pairs: &[(&str, &[&str])] = match kind {
        Kind::Entra => &[("email_verified", &["email_verified", "xms_edov"])],
        Kind::GitHub => &[
            ("name", &["name", "login"]),
            ("preferred_username", &["login"]),
            ("picture", &["avatar_url"]),
            ("profile", &["html_url"]),
        ],
        _ => &[],
    };
    let own = |(target, paths): &(&str, &[&str])| ((*target).to_owned(), paths.iter().map(|path| (*path).to_owned()).collect());
    Mapping(pairs.iter().map(own).collect())
}

/// # Errors
/// Storage failed.
pub async fn list(desk: &Desk) -> Result<Vec<Upstream>, Fault> {
    let rows = upstreams::list(&mut desk.db.conn()).await?;
    let mut all = rows.iter().map(|row| Upstream::read(&row.definition)).collect::<Result<Vec<_>, Fault>>()?;
    all.sort_by(|a, b| (a.position, &a.id).cmp(&(b.position, &b.id)));
    Ok(all)
}

/// One of them, with its secret.
///
/// # Errors
/// There is none, or something broke.
pub async fn show(desk: &Desk, id: &str) -> Result<(Upstream, Secret<String>), Refusal> {
    let row = stored(desk, id).await?;
    let secret = desk.vault.open("upstreams", "sealed_secret", id, &row.sealed_secret)?;
    let secret = String::from_utf8(secret).map_err(|_| Fault::corrupt("upstreams", "sealed_secret"))?;
    Ok((Upstream::read(&row.definition)?, Secret::new(secret)))
}

async fn stored(desk: &Desk, id: &str) -> Result<StoredUpstream, Refusal> {
    let found = upstreams::find(&mut desk.db.conn(), id).await?;
    found.ok_or_else(|| Refusal::NotFound(format!("upstream {id}")))
}

/// Changes what is named.
///
/// # Errors
/// There is none, what was given is not valid, somebody else changed it in between, or something broke.
pub async fn edit(desk: &Desk, id: &str, changes: &Changes) -> Result<Upstream, Refusal> {
    let before = stored(desk, id).await?;
    let (upstream, old_secret) = show(desk, id).await?;
    let mut problems = Vec::new();
    if changes.kind.is_some_and(|kind| kind != upstream.kind) {
        problems.push(problem("kind", "cannot be changed; remove it and add another"));
    }
    let upstream = applied(upstream, changes, &mut problems);
    if !problems.is_empty() {
        return Err(Refusal::Invalid(problems));
    }
    let secret = changes.secret.as_ref().unwrap_or(&old_secret);
    let after = StoredUpstream { created_at: before.created_at, ..row(desk, &upstream, secret)? };
    let (event_id, mut event) = desk.event("upstream_edited")?;
    event.detail = serde_json::json!({ "upstream": id });
    let done = desk.db.write(async move |tx| {
        if !upstreams::replace(tx, &before, &after).await? {
            return Ok(false);
        }
        audit::write(tx, &event_id, &event).await?;
        changes::raise(tx, changes::Topic::Upstreams).await?;
        Ok(true)
    });
    if done.await? { Ok(upstream) } else { Err(Refusal::Changed) }
}

/// Removes one. The accounts of people stay, and so do their identities: they come back with the provider. The sessions that came by
/// it end, and the apps are told. Says how many those were.
///
/// They end in portions, after the provider is gone. Should that be stopped, the same again ends those that are left.
///
/// # Errors
/// There is none, and no session that came by it; or something broke.
pub async fn remove(desk: &Desk, id: &str) -> Result<usize, Refusal> {
    let left = upstream_sessions::count_by(&mut desk.db.conn(), id).await?;
    let (event_id, mut event) = desk.event("upstream_removed")?;
    event.detail = serde_json::json!({ "upstream": id, "sessions": left });
    let row = id.to_owned();
    let is_known = desk.db.write(async move |tx| {
        if !upstreams::remove(tx, &row).await? && left == 0 {
            return Ok(false);
        }
        audit::write(tx, &event_id, &event).await?;
        changes::raise(tx, changes::Topic::Upstreams).await?;
        Ok(true)
    });
    if !is_known.await? {
        return Err(Refusal::NotFound(format!("upstream {id}")));
    }
    Ok(end_sessions(desk, id).await?)
}

async fn end_sessions(desk: &Desk, upstream: &str) -> Result<usize, Fault> {
    let (mut count, mut last, now) = (0, None, desk.now());
    loop {
        let (of, after) = (upstream.to_owned(), last.clone());
        let ended = desk.db.write(async move |tx| sessions::end_some_by(tx, &of, after.as_ref(), now).await).await?;
        count += ended.len();
        last = ended.into_iter().next_back();
        if last.is_none() {
            return Ok(count);
        }
    }
}

fn row(desk: &Desk, upstream: &Upstream, secret: &Secret<String>) -> Result<StoredUpstream, Fault> {
    let now = desk.now();
    Ok(StoredUpstream {
        id: upstream.id.clone(),
        definition: upstream.write()?,
        sealed_secret: desk.vault.seal("upstreams", "sealed_secret", &upstream.id, secret.expose().as_bytes())?,
        created_at: now,
        updated_at: now,
    })
}

fn problem(field: &'static str, why: impl Into<String>) -> Problem {
    Problem { field, why: why.into() }
}

/// It is part of a URL and of an element's id.
fn check_id(id: &str) -> Vec<Problem> {
    let is_plain = id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if (1..=32).contains(&id.len()) && is_plain && !id.starts_with('-') {
        return Vec::new();
    }
    vec![problem("id", "must have 1 to 32 small letters, digits and hyphens, and not begin with one")]
}

/// The provider with what was said of it.
fn applied(mut upstream: Upstream, changes: &Changes, problems: &mut Vec<Problem>) -> Upstream {
    let c = changes.clone();
    set(&mut upstream.name, c.name.map(|name| name.trim().to_owned()));
    set(&mut upstream.issuer, c.issuer);
    set(&mut upstream.client_id, c.client_id);
    set(&mut upstream.scopes, c.scopes);
    set(&mut upstream.auto_register, c.auto_register);
    set(&mut upstream.refresh, c.refresh);
    set(&mut upstream.trust_email, c.trust_email);
    set(&mut upstream.proves_email, c.proves_email.map(Some));
    set(&mut upstream.second_factor, c.second_factor);
    set(&mut upstream.second_factor_acr, c.second_factor_acr);
    set(&mut upstream.sign_out, c.sign_out);
    set(&mut upstream.domains, c.domains.map(|all| all.iter().map(|domain| canonical(domain, problems)).collect()));
    set(&mut upstream.hosted_domain, c.hosted_domain.map(|domain| Some(domain).filter(|domain| !domain.is_empty())));
    set(&mut upstream.organisations, c.organisations);
    set(&mut upstream.groups, c.groups);
    set(&mut upstream.position, c.position);
    set(&mut upstream.visibility, c.visibility);
    set(&mut upstream.clients, c.clients);
    set(&mut upstream.apple, c.apple.map(Some));
    for text in c.mapping.unwrap_or_default() {
        match Mapping::parse_one(&text) {
            Ok((target, paths)) => drop(upstream.mapping.0.insert(target, paths)),
            Err(why) => problems.push(problem("map", format!("{text:?} {why}"))),
        }
    }
    problems.extend(check(&upstream));
    upstream
}

/// A domain as those of addresses are compared: in A-labels (RFC 5890 section 2.3.2.1).
fn canonical(domain: &str, problems: &mut Vec<Problem>) -> String {
    domain_key(domain.trim()).unwrap_or_else(|| {
        problems.push(problem("domain", format!("{domain:?} is no name of a domain, like example.com")));
        String::new()
    })
}

fn set<T>(to: &mut T, from: Option<T>) {
    if let Some(value) = from {
        *to = value;
    }
}

fn check(upstream: &Upstream) -> Vec<Problem> {
    let mut problems = Vec::new();
    let kind = upstream.kind;
    if !(1..=60).contains(&upstream.name.chars().count()) || upstream.name.chars().any(char::is_control) {
        problems.push(problem("name", "must have 1 to 60 characters"));
    }
    if !(1..=512).contains(&upstream.client_id.len()) || !upstream.client_id.bytes().all(|byte| byte.is_ascii_graphic()) {
        problems.push(problem("client-id", "must have 1 to 512 characters, as the provider shows it"));
    }
    let like = kind.preset().issuer_like;
    if upstream.issuer.is_empty() {
        problems.push(problem("issuer", format!("is missing; for {kind} it is like {like}")));
    } else if let Some(why) = wrong_issuer(&upstream.issuer) {
        problems.push(problem("issuer", why));
    } else if kind == Kind::Entra
        && ["/common/", "/organizations/", "/consumers/"].iter().any(|part| upstream.issuer.contains(part))
    {
        // Their tokens name the tenant of each person as the issuer.
        problems.push(problem("issuer", "needs the id of your tenant: common, organizations and consumers are many issuers"));
    }
    if kind != Kind::GitHub && !upstream.scopes.iter().any(|scope| scope == "openid") {
        problems.push(problem("scope", "must contain openid"));
    }
    if upstream.scopes.iter().any(|scope| scope.is_empty() || !scope.bytes().all(|byte| byte.is_ascii_graphic())) {
        problems.push(problem("scope", "must be words, separated by spaces"));
    }
    if kind == Kind::Apple && upstream.apple.is_none() {
        problems
            .push(problem("apple-team", "Apple needs --apple-team and --apple-key-id; the secret is the key in the .p8 file"));
    }
    if upstream.hosted_domain.is_some() && kind != Kind::Google {
        problems.push(problem("hosted-domain", "is for Google alone; use --domain"));
    }
    if !upstream.organisations.is_empty() && kind != Kind::GitHub {
        problems.push(problem("organisation", "is for GitHub alone"));
    }
    problems
}

/// What is wrong with an issuer (Discovery section 3). One by http is refused by the guarded client unless the operator opened this
/// machine's own addresses to it.
fn wrong_issuer(text: &str) -> Option<&'static str> {
    let no_url = "must be an https URL (http on this machine), exactly as the provider writes it";
    let Ok(url) = url::Url::parse(text) else { return Some(no_url) };
    let is_loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    let is_safe = url.scheme() == "https" || url.scheme() == "http" && is_loopback;
    let is_plain = text.len() <= 512 && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_safe || !is_plain {
        Some(no_url)
    } else if !url.username().is_empty() || url.password().is_some() || text.contains('@') {
        Some("must not contain a name or a password; the client secret comes on standard input")
    } else if text.contains(['?', '#']) {
        Some("must not contain a query or a fragment")
    } else {
        None
    }
}
