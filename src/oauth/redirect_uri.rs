//! A registered redirect URI, and whether a presented one is it (RFC 9700 section 4.1.3, RFC 8252 section 7).
//!
//! The comparison is byte by byte; nothing is normalised, decoded or matched by a pattern. The one exception is the port
//! of a loopback IP literal.

use std::fmt;

use url::{Host, Url};

use super::words::serde_as_string;

/// The longest URI that can be registered, in bytes.
const LONGEST: usize = 2048;

/// The loopback literals whose port may change, as they stand in a URI (RFC 8252 section 7.3).
const ANY_PORT: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

/// An absolute URI to which answers may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUri {
    text: String,
    url: Url,
}

serde_as_string!(RedirectUri, "not a redirect URI");

impl RedirectUri {
    /// Checks what an operator or a client wants to register.
    ///
    /// # Errors
    /// A sentence that says what is wrong, to stand after the name of the field.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > LONGEST {
            return Err("must not be longer than 2048 characters");
        }
        if text.contains('#') {
            return Err("must have no fragment");
        }
        if text.contains('*') {
            return Err("must not have a wildcard; write out each URI");
        }
        if !text.bytes().all(is_uri_byte) || text.split('%').skip(1).any(|rest| !begins_with_hex(rest)) {
            return Err("holds a character that a URI may not have; write it percent-encoded");
        }
        let url = Url::parse(text).map_err(|_| "is not an absolute URI; write it like https://app.example.com/callback")?;
        let uri = Self { text: text.to_owned(), url };
        uri.check_scheme()?;
        uri.check_authority()?;
        Ok(uri)
    }

    fn check_scheme(&self) -> Result<(), &'static str> {
        let scheme = self.url.scheme();
        match self.text.strip_prefix(scheme).and_then(|rest| rest.strip_prefix(':')) {
            None => Err("must have its scheme in lower case"),
            Some(rest) if matches!(scheme, "https" | "http") => {
                if rest.starts_with("///") || !rest.starts_with("//") {
                    Err("must have a host after two slashes")
                } else if scheme == "http" && !self.is_loopback() {
                    Err("must be https; http is only for localhost, 127.0.0.1 and [::1]")
                } else {
                    Ok(())
                }
            }
            Some(_) if !is_reverse_domain(scheme) => {
                Err("must be https, or a scheme in reverse-domain form such as com.example.app:/callback")
            }
            Some(rest) if !rest.starts_with('/') => Err("must have a slash after its scheme"),
            Some(_) => Ok(()),
        }
    }

    /// The host must stand as the parser reads it, so that nobody reads another one (no `0x7f.1`, no upper case).
    fn check_authority(&self) -> Result<(), &'static str> {
        let after = self.text.split_once("://").map_or("", |(_, rest)| rest);
        let authority = after.split(['/', '?']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err("must have no user name or password in it");
        }
        let as_read = match (self.url.host_str(), self.url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => String::new(),
        };
        if authority == as_read {
            Ok(())
        } else {
            Err("must have its host in normal form: lower case, no default port, addresses written plainly")
        }
    }

    /// Whether a presented URI is this one: byte-equal, or equal but for the port of a loopback IP literal.
    pub fn accepts(&self, presented: &str) -> bool {
        if self.text == presented {
            return true;
        }
        match (without_port(&self.text), without_port(presented)) {
            (Some(own), Some(other)) => own == other,
            _ => false,
        }
    }

    /// Whether the answer stays on the person's own machine, where any program may be listening.
    pub fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Domain(name)) => !self.is_custom_scheme() && (name == "localhost" || name.ends_with(".localhost")),
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        }
    }

    /// Whether an app on the device claims the scheme, which any app can do (RFC 8252 section 8.6).
    pub fn is_custom_scheme(&self) -> bool {
        !matches!(self.url.scheme(), "https" | "http")
    }

    /// Scheme, host and port as a browser sends them in `Origin`; `None` for a custom scheme.
    pub fn origin(&self) -> Option<String> {
        (!self.is_custom_scheme()).then(|| self.url.origin().ascii_serialization())
    }

    /// The host, for a person to recognise; `None` for a custom scheme without one.
    pub fn host(&self) -> Option<&str> {
        self.url.host_str()
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The two parts around the port of a loopback literal: what must be equal.
fn without_port(text: &str) -> Option<(&str, &str)> {
    let host = ANY_PORT.into_iter().find(|host| text.starts_with(host))?;
    let rest = text.get(host.len()..)?;
    let after_colon = rest.strip_prefix(':').unwrap_or(rest);
    let path = after_colon.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = after_colon.strip_suffix(path)?;
    let is_port = digits.len() <= 5 && digits.parse::<u16>().is_ok_and(|port| port > 0);
    let has_port = rest.len() != after_colon.len();
    // A host that goes on (`127.0.0.1.evil.test`) or a user name (`127.0.0.1:1@evil.test`) is another place.
    let ends_there = path.is_empty() || path.starts_with(['/', '?']);
    let is_fine = if has_port { is_port } else { digits.is_empty() };
    (is_fine && ends_there).then_some((host, path))
}

/// At least two labels, as in `com.example.app` (RFC 8252 section 7.1).
fn is_reverse_domain(scheme: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && !label.starts_with('-') && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    scheme.contains('.') && scheme.split('.').all(is_label)
}

/// Unreserved, reserved and `%` (RFC 3986 section 2).
const fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'/' | b':' | b';' | b'=' | b'?' | b'@' | b'[' | b']' | b'_' | b'~')
}

fn begins_with_hex(text: &str) -> bool {
    text.get(..2).is_some_and(|escape| escape.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn uri(text: &str) -> RedirectUri {
        RedirectUri::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    /// RFC 8252 section 7 and protocol A4: what can be registered.
    #[test]
    fn registrations() {
        for good in [
            "https://app.test/cb",
            "https://app.test",
            "https://app.test:8443/cb?a=b&c=%20d",
            "http://127.0.0.1/cb",
            "http://127.0.0.1:4711/cb",
            "http://[::1]:1/cb",
            "http://localhost:3000/cb",
            "com.example.app:/cb",
            "com.example.app://cb/x",
            "https://[2001:db8::1]/cb",
        ] {
            assert_eq!(uri(good).as_str(), good);
        }
        let long = format!("https://app.test/{}", "x".repeat(LONGEST));
        for bad in [
            "",
            "/cb",
            "app.test/cb",
            "//app.test/cb",
            "http://app.test/cb",
            "http://127.0.0.1.evil.test/cb",
            "http://10.0.0.1/cb",
            "https://app.test/cb#",
            "https://app.test/cb#x",
            "https://*.app.test/cb",
            "https://app.test/*",
            "https://u@app.test/cb",
            "https://u:p@app.test/cb",
            "https://@app.test/cb",
            "https:app.test/cb",
            "https:/app.test/cb",
            "https:///app.test/cb",
            "https://",
            "https:\\\\app.test\\cb",
            "https://app.test\\@evil.test",
            "https://app.test/a b",
            "https://app.test/\n",
            " https://app.test/",
            "https://app.test/\t",
            "https://app.test/%zz",
            "https://app.test/%",
            "https://App.test/cb",
            "HTTPS://app.test/cb",
            "https://app.test:443/cb",
            "https://bücher.test/cb",
            "http://0x7f.1/cb",
            "http://2130706433/cb",
            "http://127.1/cb",
            "myapp:/cb",
            "myapp://cb",
            "javascript:alert(1)",
            "data:text/html,x",
            "com.example.app:cb",
            "com..app:/cb",
            "com.example.:/cb",
            "com.example.app://u@h/",
            "urn:ietf:wg:oauth:2.0:oob",
            "https://app.test/\0",
            &long,
        ] {
            assert!(RedirectUri::parse(bad).is_err(), "{bad}");
        }
    }

    /// AZ-02: only the byte-identical string is the registered one.
    #[test]
    fn nothing_else_is_accepted() {
        let own = uri("https://app.test/cb");
        assert!(own.accepts("https://app.test/cb"));
        for other in [
            "",
            "https://app.test.evil.test/cb",
            "https://app.test@evil.test/cb",
            "https://a@b@app.test/cb",
            "https://evil.test\\@app.test/cb",
            "https://app.test/cb/../x",
            "https://app.test/%2e%2e/",
            "https://app.test/..;/cb",
            "//app.test/cb",
            "https://app.test:443/cb",
            "https://app.test./cb",
            "HTTPS://app.test/cb",
            "https://APP.test/cb",
            "https://app.test/CB",
            "https://app.test/cb/",
            "https://app.test/cb?x",
            "https://app.test/cb#",
            "https://app.test/cb\0",
            "https://app.test/cb\t",
            "https://app.test/cb\n",
            "https://аpp.test/cb",
            "https://appXtest/cb",
            "https://app.test/%63b",
            "https://app.test//cb",
            " https://app.test/cb",
            "http://app.test/cb",
            "https://app.test:8443/cb",
            "https://app.test/c",
            "https://app.test/cbb",
        ] {
            assert!(!own.accepts(other), "{other:?}");
        }
    }

    /// AZ-04, RFC 8252 section 7.3: the port of a loopback IP literal, and nothing but the port.
    #[test]
    fn loopback_ports() {
        for own in ["http://127.0.0.1/cb", "http://127.0.0.1:8080/cb", "http://[::1]:5/cb"] {
            let own = uri(own);
            let host = if own.as_str().contains('[') { "[::1]" } else { "127.0.0.1" };
            let path = own.url.path().trim_end_matches('/');
            assert!(own.accepts(&format!("http://{host}:49152{path}")), "{own}");
            assert!(own.accepts(&format!("http://{host}{path}")), "{own}");
        }
        let own = uri("http://127.0.0.1:4711/cb");
        for other in [
            "http://localhost:4711/cb",
            "http://127.0.0.1:1/other",
            "http://127.0.0.1:1/cb?x=1",
            "http://127.0.0.1.evil.test/cb",
            "http://127.0.0.1.evil.test:4711/cb",
            "http://[::ffff:127.0.0.1]/cb",
            "https://127.0.0.1:4711/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1:000001/cb",
            "http://127.0.0.1:1@evil.test/cb",
            "http://127.0.0.1@evil.test/cb",
            "http://127.0.0.12/cb",
            "http://127.0.0.1:+1/cb",
            "http://[::1]:4711/cb",
            "http://127.0.0.1:1\\/cb",
        ] {
            assert!(!own.accepts(other), "{other}");
        }
        assert!(!uri("http://localhost:3000/cb").accepts("http://localhost:3001/cb"));
        assert!(!uri("https://127.0.0.1:3000/cb").accepts("https://127.0.0.1:3001/cb"));
    }

    /// Decision 13 and 22: whose address it is, and what a browser calls it.
    #[test]
    fn kinds() {
        for (text, is_loopback, is_custom, origin, host) in [
            ("https://app.test:8443/cb", false, false, Some("https://app.test:8443"), Some("app.test")),
            ("http://127.0.0.1:1/cb", true, false, Some("http://127.0.0.1:1"), Some("127.0.0.1")),
            ("http://localhost:1/cb", true, false, Some("http://localhost:1"), Some("localhost")),
            ("com.example.app:/cb", false, true, None, None),
        ] {
            let own = uri(text);
            assert_eq!((own.is_loopback(), own.is_custom_scheme()), (is_loopback, is_custom), "{text}");
            assert_eq!((own.origin().as_deref(), own.host()), (origin, host), "{text}");
            assert_eq!(serde_json::from_str::<RedirectUri>(&serde_json::to_string(&own).unwrap()).unwrap(), own);
        }
    }

    proptest! {
        /// No input makes the parser fail in another way than by a refusal; what passes has the properties of a good one.
        #[test]
        fn any_text(text in "(https|http|com\\.app|[a-z]{1,5})?:?/{0,3}[ -~]{0,40}") {
            if let Ok(own) = RedirectUri::parse(&text) {
                prop_assert!(own.accepts(&text) && !text.contains(['#', '*', '\\', ' ']));
                prop_assert!(own.is_custom_scheme() || text.starts_with("https://") || own.is_loopback());
            }
        }

        /// Whatever is accepted and not byte-equal goes to the same loopback address, path and query.
        #[test]
        fn one_exception(tail in "[ -~]{0,20}") {
            let own = uri("http://127.0.0.1:4711/cb");
            let other = format!("http://127.0.0.1{tail}");
            if own.accepts(&other) {
                let url = Url::parse(&other).unwrap();
                prop_assert_eq!((url.scheme(), url.host_str(), url.path(), url.query()), ("http", Some("127.0.0.1"), "/cb", None));
            }
            let longer = format!("https://app.test/cb{tail}");
            prop_assert_eq!(uri("https://app.test/cb").accepts(&longer), tail.is_empty());
        }
    }
}
