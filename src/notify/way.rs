//! How mail leaves the house, as the setting `mail.url` says it.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

use super::Inbox;
use crate::base::Secret;

/// Where mail goes.
#[derive(Clone, Debug)]
pub enum Way {
    /// Nowhere: the house sends none.
    Off,
    /// To the log, for development.
    Console,
    /// To whoever holds the inbox, for the demo and for tests.
    Memory(Inbox),
    /// One file a mail.
    Folder(PathBuf),
    Smtp(Place),
}

/// A mail server and how to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub credentials: Option<(String, Secret<String>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314 section 3.3).
    Tls,
    /// STARTTLS (RFC 3207) before anything is said; without it nothing is sent.
    StartTls,
    /// None, on this machine alone.
    Plain,
}

impl Way {
    /// Understands `mail.url`.
    ///
    /// # Errors
    /// What is wrong with it, in words that follow the name of the setting.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text == "console:" {
            return Ok(Self::Console);
        }
        let url = Url::parse(text).map_err(|_| "is no URL")?;
        match url.scheme() {
            "file" => url.to_file_path().map(Self::Folder).map_err(|()| "names no folder of this machine"),
            "smtps" => place(&url, 465, Security::Tls).map(Self::Smtp),
            "smtp" => {
                let wish = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
                let security = match wish.as_deref() {
                    None if is_loopback(&url) => Security::Plain,
                    None | Some("required") => Security::StartTls,
                    Some(_) => return Err("knows no other `tls` than `required`"),
                };
                place(&url, 587, security).map(Self::Smtp)
            }
            _ => Err("begins with none of smtps:, smtp:, file: and console:"),
        }
    }
}

fn place(url: &Url, port: u16, security: Security) -> Result<Place, &'static str> {
    let host = match url.host() {
        Some(Host::Ipv6(ip)) => ip.to_string(),
        Some(host) if !host.to_string().is_empty() => host.to_string(),
        _ => return Err("names no mail server"),
    };
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err("has more behind the mail server's port than belongs there");
    }
    let decoded =
        |text: &str| percent_decode_str(text).decode_utf8().map(String::from).map_err(|_| "has a user that is not UTF-8");
    let credentials = match (url.username(), url.password()) {
        ("", None) => None,
        ("", Some(_)) | (_, None) => return Err("has a user without a password, or the other way round"),
        (user, Some(password)) => Some((decoded(user)?, Secret::new(decoded(password)?))),
    };
    Ok(Place { host, port: url.port().unwrap_or(port), security, credentials })
}

fn is_loopback(url: &Url) -> bool {
    // A scheme that no browser knows has its host as plain text, so an address is looked for in it.
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost") || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What may be written, and what it means: without TLS nothing leaves the machine.
    #[test]
    fn urls() {
        for (text, host, port, security) in [
            ("smtps://mail.example.com", "mail.example.com", 465, Security::Tls),
            ("smtps://mail.example.com:4650", "mail.example.com", 4650, Security::Tls),
            ("smtp://mail.example.com", "mail.example.com", 587, Security::StartTls),
            ("smtp://mail.example.com:25/?tls=required", "mail.example.com", 25, Security::StartTls),
            ("smtp://10.0.0.1", "10.0.0.1", 587, Security::StartTls),
            ("smtp://127.0.0.1:1025", "127.0.0.1", 1025, Security::Plain),
            ("smtp://[::1]:1025", "::1", 1025, Security::Plain),
            ("smtp://localhost:1025", "localhost", 1025, Security::Plain),
            ("smtp://localhost:1025?tls=required", "localhost", 1025, Security::StartTls),
            ("smtp://127.0.0.1.evil.test:1025", "127.0.0.1.evil.test", 1025, Security::StartTls),
        ] {
            let Ok(Way::Smtp(place)) = Way::parse(text) else { panic!("{text}") };
            assert_eq!((place.host.as_str(), place.port, place.security), (host, port, security), "{text}");
            assert_eq!(place.credentials, None);
        }
        let Ok(Way::Smtp(place)) = Way::parse("smtps://ana%40example.com:p%3Aw%2Fd@mail.example.com") else { panic!() };
        assert_eq!(place.credentials, Some(("ana@example.com".to_owned(), Secret::new("p:w/d".to_owned()))));
        assert!(!format!("{place:?}").contains("p:w/d"));
        assert!(matches!(Way::parse("file:///tmp/mail"), Ok(Way::Folder(folder)) if folder.ends_with("tmp/mail")));
        assert!(matches!(Way::parse("console:"), Ok(Way::Console)));
        for bad in [
            "",
            "mail.example.com",
            "https://mail.example.com",
            "smtp:",
            "smtp://",
            "smtp://mail.example.com/x",
            "smtp://user@mail.example.com",
            "smtp://:password@mail.example.com",
            "smtp://mail.example.com?tls=off",
            "memory:",
        ] {
            assert!(Way::parse(bad).is_err(), "{bad}");
        }
    }
}
