//! A browser and a network in words, for people who look whether it was them. A `User-Agent` is what somebody claims, good
//! enough to recognise one's own, and never trusted.

use std::net::IpAddr;

use crate::oauth::Lang;

/// Marks in the order in which they decide: Edge and Opera say Chrome too, and Chrome says Safari.
const BROWSERS: [(&str, &str); 9] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

const SYSTEMS: [(&str, &str); 8] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
    ("FreeBSD", "FreeBSD"),
];

/// `Firefox on Linux`, or as much of it as can be read.
pub fn device(lang: Lang, user_agent: &str) -> String {
    let find = |marks: &[(&str, &'static str)]| marks.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name);
    match (find(&BROWSERS), find(&SYSTEMS), lang) {
        (Some(browser), Some(system), Lang::En) => format!("{browser} on {system}"),
        (Some(browser), Some(system), Lang::De) => format!("{browser} unter {system}"),
        (Some(name), None, _) | (None, Some(name), _) => name.to_owned(),
        (None, None, Lang::En) => "Unknown browser".to_owned(),
        (None, None, Lang::De) => "Unbekannter Browser".to_owned(),
    }
}

/// The network of an address, which is enough to recognise one's own: IPv4 by /24, IPv6 by /48.
pub fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the words by which people know their own browsers.
    #[test]
    fn browsers_in_words() {
        let cases = [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
            ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1", "Safari on iPhone"),
            ("curl/8.5.0", "curl"),
            ("<script>", "Unknown browser"),
        ];
        for (user_agent, expected) in cases {
            assert_eq!(device(Lang::En, user_agent), expected);
        }
        assert_eq!(device(Lang::De, cases[0].0), "Firefox unter Linux");
    }

    /// A network is told, a single address is not.
    #[test]
    fn networks() {
        for (address, shown) in [
            ("203.0.113.7", "203.0.113.0/24"),
            ("::ffff:203.0.113.7", "203.0.113.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ] {
            assert_eq!(network(address.parse().unwrap()), shown);
        }
    }
}
