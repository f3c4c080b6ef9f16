//! What strangers chose, made harmless for a mail: no line breaks, nothing that turns the direction of writing, and nothing
//! that a mail program would make a link of.

use std::net::IpAddr;

use ipnet::IpNet;

/// The longest name that a mail shows, in characters.
const LONGEST: usize = 60;

/// The longest subject or sentence, in characters.
const LONGEST_LINE: usize = 300;

/// A name of a person, an app or a device. Its letters stay; what makes an address of it does not: `https://evil.test/x` comes
/// out as `https evil. test x`.
pub fn name(text: &str) -> String {
    shortened(&unlinked(text), LONGEST)
}

fn unlinked(text: &str) -> String {
    let mut clean = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            // The dots that a mail program or a browser takes for one in a host name.
            '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}' | '\u{2024}' => {
                clean.push('.');
                if letters.peek().is_some_and(|next| !next.is_whitespace()) {
                    clean.push(' ');
                }
            }
            ':' | '/' | '\\' | '@' | '<' | '>' | '\u{ff1a}' | '\u{ff0f}' | '\u{ff20}' | '\u{2044}' | '\u{2215}' => {
                clean.push(' ')
            }
            _ if is_unseen(letter) => clean.push(' '),
            _ => clean.push(letter),
        }
    }
    clean
}

/// An address or a range of addresses; a dash for anything else.
pub(super) fn network(text: &str) -> String {
    let is_one = text.parse::<IpNet>().is_ok() || text.parse::<IpAddr>().is_ok();
    if is_one { text.to_owned() } else { "–".to_owned() }
}

/// An e-mail address: it was checked when it was stored, so only what no address shows is taken out.
pub(super) fn address(text: &str) -> String {
    let seen = |letter: &char| !is_unseen(*letter) && !letter.is_whitespace() && !matches!(letter, '/' | '\\' | '<' | '>');
    text.chars().filter(seen).take(254).collect()
}

/// A subject, or a sentence of ours: one line. Whoever puts a name into a sentence cleans it with [`name`].
pub(super) fn line(text: &str) -> String {
    let clean: String = text.chars().map(|letter| if is_unseen(letter) { ' ' } else { letter }).collect();
    shortened(&clean, LONGEST_LINE)
}

/// Control characters, separators of lines, and what is written but not seen: marks of direction, joiners, fillers.
fn is_unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Single spaces, and at most so many characters.
fn shortened(text: &str, longest: usize) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    let text = words.join(" ");
    if text.chars().count() <= longest {
        return text;
    }
    let mut cut: String = text.chars().take(longest - 1).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Battery EM-14: a name is no link, no header and no trick of direction; a good name stays as it is.
    #[test]
    fn names() {
        for (text, clean) in [
            ("Ana María O'Neill-Łuczak", "Ana María O'Neill-Łuczak"),
            ("Dr. Ana", "Dr. Ana"),
            ("J.R.R. Tolkien", "J. R. R. Tolkien"),
            ("https://evil.test/x", "https evil. test x"),
            ("www.evil.test", "www. evil. test"),
            ("evil\u{3002}test", "evil. test"),
            ("ana@evil.test", "ana evil. test"),
            ("Ana\r\nBcc: mallory@evil.test", "Ana Bcc mallory evil. test"),
            ("<b>Ana</b>", "b Ana b"),
            ("a\u{202e}b\u{200b}c\u{2028}d", "a b c d"),
            ("  ", ""),
            ("\0", ""),
        ] {
            assert_eq!(name(text), clean, "{text:?}");
        }
        assert_eq!(name(&"ä".repeat(500)).chars().count(), LONGEST);
        assert_eq!(name(&"ä".repeat(LONGEST)), "ä".repeat(LONGEST));
    }

    /// The same for the other kinds.
    #[test]
    fn figures_and_lines() {
        assert_eq!(network("2001:db8::/64"), "2001:db8::/64");
        assert_eq!(network("203.0.113.7"), "203.0.113.7");
        assert_eq!(network("203.0.113.0/24 <a href=x>"), "–");
        assert_eq!(address("ana+x@example.com\r\n <b>"), "ana+x@example.comb");
        assert_eq!(line("Added: 24 November 2026, 14:05 UTC (a/b)."), "Added: 24 November 2026, 14:05 UTC (a/b).");
        assert_eq!(line("Sign in\r\nBcc: x\u{85}y"), "Sign in Bcc: x y");
    }
}
