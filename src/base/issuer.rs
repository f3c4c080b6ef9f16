//! The issuer identifier (OpenID Connect Discovery section 3): every absolute URL of ours begins with it.

use url::{Host, Url};

/// A checked issuer: https, or http on a loopback name or address (development mode); no query, fragment or userinfo.
#[derive(Clone, Debug)]
pub struct Issuer {
    text: String,
    url: Url,
}

impl Issuer {
    /// # Errors
    /// A sentence that says what is wrong with `text`, for the person who wrote the setting.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "is not a URL; write it like https://id.example.com")?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err("must have no query and no fragment");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must have no user name or password in it");
        }
        if text.ends_with('/') {
            return Err("must not end with a slash");
        }
        let issuer = Self { text: text.to_owned(), url };
        match issuer.url.scheme() {
            "https" => {}
            "http" if issuer.is_loopback() => {}
            "http" => return Err("must be https; http is only for localhost, 127.0.0.1 and [::1]"),
            _ => return Err("must begin with https://"),
        }
        if issuer.url.as_str().trim_end_matches('/') != text {
            return Err("must be written in its normal form: lower-case host, no default port, no dot segments");
        }
        Ok(issuer)
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port, as a browser sends it in `Origin`.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Host and port as they stand in a `Host` header.
    pub fn authority(&self) -> &str {
        self.url.authority()
    }

    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The path before every route of ours: empty, or like `/tenant`.
    pub fn path(&self) -> &str {
        self.url.path().trim_end_matches('/')
    }

    /// The absolute URL of one of our paths, which begins with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Development mode is exactly this: http on a loopback name or address.
    pub fn is_development(&self) -> bool {
        !self.is_https()
    }

    fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OpenID Connect Discovery section 3: what may be an issuer, and development mode of decision 6.
    #[test]
    fn issuers() {
        for good in [
            "https://id.test",
            "https://id.test/a/b",
            "http://localhost:80801".trim_end_matches('1'),
            "http://127.0.0.1:1",
            "http://[::1]:9",
        ] {
            assert!(Issuer::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "id.test",
            "http://id.test",
            "https://id.test/",
            "https://id.test?x",
            "https://id.test#x",
            "https://u@id.test",
            "https://ID.test",
            "https://id.test:443",
            "https://id.test/a/../b",
            "ftp://id.test",
            "http://127.0.0.1.evil.test",
        ] {
            assert!(Issuer::parse(bad).is_err(), "{bad}");
        }
    }
}
