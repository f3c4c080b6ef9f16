//! A browser's `User-Agent` in words. It is what somebody claims, good enough to recognise one's own, and never trusted.

use crate::web::texts::Texts;

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
pub fn device(texts: &Texts, user_agent: &str) -> String {
    let find = |marks: &[(&str, &'static str)]| marks.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name);
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => texts.device_on.with(browser, system).to_string(),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => texts.device_unknown.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::texts::{Lang, texts};

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
            assert_eq!(device(texts(&Lang::En), user_agent), expected);
        }
    }
}
