//! The one form in which e-mail addresses are compared.
//!
//! Two spellings of one mailbox get the same key, and nothing gets the key of an address that only looks like it: a
//! character that would turn into an ASCII letter on the way is refused, not converted.

use std::iter::once;

use unicode_normalization::UnicodeNormalization as _;
use url::Host;

/// The longest address (RFC 5321 section 4.5.3.1.3, less the angle brackets), in bytes.
const LONGEST: usize = 254;

/// The longest part before the `@` (RFC 5321 section 4.5.3.1.1), in bytes.
const LONGEST_LOCAL: usize = 64;

/// The key under which an address is stored and found: NFKC and lower case before the `@`, IDNA (UTS 46) behind it. `None` if
/// this is no address that anybody may have here.
pub fn email_key(address: &str) -> Option<String> {
    let address = address.trim();
    if address.len() > LONGEST || address.chars().any(is_refused) {
        return None;
    }
    let (local, domain) = address.split_once('@')?;
    let local: String = local.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    if local.is_empty() || local.len() > LONGEST_LOCAL || !local.chars().all(|c| is_local(c) && !is_refused(c)) {
        return None;
    }
    let key = format!("{local}@{}", domain_key(domain)?);
    (key.len() <= LONGEST).then_some(key)
}

/// Controls, invisible and direction characters, and whatever would become ASCII: `ﬁ`, `＠`, the Kelvin sign, `İ`.
fn is_refused(c: char) -> bool {
    let invisible = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{ffff}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}');
    let becomes_ascii = || !c.is_ascii() && once(c).nfkc().flat_map(char::to_lowercase).any(|to| to.is_ascii());
    c.is_control() || c.is_whitespace() || invisible || becomes_ascii()
}

/// What a local part is made of without quotes (RFC 5322 section 3.2.3, RFC 6531 section 3.3); dots stand anywhere, as some
/// providers hand them out.
fn is_local(c: char) -> bool {
    !c.is_ascii() || c.is_ascii_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c)
}

/// The key of a domain: its A-labels in lower case (IDNA by UTS 46). `None` if no address can have it.
pub fn domain_key(domain: &str) -> Option<String> {
    // `Host` would undo percent-encoding, as it reads URLs.
    if domain.contains(['%', '@', '[']) {
        return None;
    }
    let Ok(Host::Domain(key)) = Host::parse(domain) else { return None };
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    key.split('.').all(is_label).then_some(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Protects one account from having two: every spelling of a mailbox has the same key.
    #[test]
    fn spellings() {
        for (address, key) in [
            ("ana@example.com", "ana@example.com"),
            (" Ana@EXAMPLE.com\n", "ana@example.com"),
            ("a.n.a+x@sub.example.com", "a.n.a+x@sub.example.com"),
            ("J\u{fc}rgen@example.com", "j\u{fc}rgen@example.com"),
            ("ju\u{308}rgen@example.com", "j\u{fc}rgen@example.com"),
            ("ana@B\u{dc}CHER.example", "ana@xn--bcher-kva.example"),
            ("ana@xn--bcher-kva.example", "ana@xn--bcher-kva.example"),
            ("\u{3b1}\u{3bd}\u{3b1}@example.com", "\u{3b1}\u{3bd}\u{3b1}@example.com"),
            ("ana@localhost", "ana@localhost"),
            ("ana.@example.com", "ana.@example.com"),
        ] {
            assert_eq!(email_key(address).as_deref(), Some(key), "{address:?}");
        }
    }

    /// PW-17 and the GitHub dotless-i takeover: junk and look-alikes have no key at all.
    #[test]
    fn refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        let longer = format!("a@{}.com", "a.".repeat(130));
        for address in [
            "",
            "ana",
            "@",
            "@example.com",
            "ana@",
            "ana@@example.com",
            "ana@b@example.com",
            "ana@example..com",
            "ana@.example.com",
            "ana@example.com.",
            "ana@-example.com",
            "ana@127.0.0.1",
            "ana@[::1]",
            "ana@0x7f000001",
            "ana@exa%6dple.com",
            "ana@exa_mple.com",
            "a na@example.com",
            "\"ana\"@example.com",
            "<ana@example.com>",
            "ana,eve@example.com",
            "an\0a@example.com",
            "an\r\nBcc: eve@example.com",
            "ana\u{202e}@example.com",
            "an\u{200b}a@example.com",
            "ana\u{ff20}example.com",
            "\u{ff41}na@example.com",
            "\u{212a}ana@example.com",
            "\u{130}ana@example.com",
            "\u{fb01}@example.com",
            "ana@e\u{ff58}ample.com",
            "ana@example\u{3002}com\u{0}",
            "ana@exa\u{fffd}mple.com",
            &long,
            &longer,
        ] {
            assert_eq!(email_key(address), None, "{address:?}");
        }
    }

    proptest! {
        /// A key is its own key, and no input makes a panic.
        #[test]
        fn stable(address in "\\PC{0,20}@[a-z\u{e4}-\u{fc}A-Z0-9.-]{1,12}") {
            if let Some(key) = email_key(&address) {
                prop_assert_eq!(email_key(&key), Some(key.clone()));
                prop_assert_eq!(key.matches('@').count(), 1);
            }
        }
    }
}
