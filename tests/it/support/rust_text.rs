//! Reads Rust source as text, as far as `architecture.rs` needs: which rooms a file uses, and how long its functions are.

use std::fmt;
use std::path::PathBuf;

/// One file under `src/`.
pub struct Source {
    path: PathBuf,
    pub text: String,
    /// The text without its tests, comments and strings blanked, lines kept.
    pub code: String,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src/{}", self.path.display())
    }
}

impl Source {
    pub fn new(path: PathBuf, text: String) -> Source {
        let blanked = blank(&text);
        let tests = blanked.find("#[cfg(test)]\nmod ").unwrap_or(blanked.len());
        Source { path, code: blanked[..tests].to_owned(), text }
    }

    /// The words of the path: `web/pages/error.rs` gives web, pages, error.
    pub fn words_of_path(&self) -> Vec<&str> {
        let parts = self.path.iter().filter_map(|part| part.to_str());
        parts.map(|part| part.strip_suffix(".rs").unwrap_or(part)).collect()
    }

    /// The top-level module that this file belongs to.
    pub fn room(&self) -> &str {
        self.words_of_path()[0]
    }

    /// Each first word after the crate's root that a path names, with its line.
    pub fn rooms_used(&self) -> Vec<(String, usize)> {
        let words = self.words_of_path();
        let depth = words.len() - usize::from(words.last() == Some(&"mod"));
        let mut used = vec![];
        for root in ["crate::".to_owned(), "vouchsafe::".to_owned(), "super::".repeat(depth)] {
            for (at, _) in self.code.match_indices(&root) {
                let before = &self.code[..at];
                if !before.ends_with("::") && !before.ends_with(is_word) {
                    let line = line_of(&self.code, at);
                    used.extend(first_words(&self.code[at + root.len()..]).into_iter().map(|word| (word, line)));
                }
            }
        }
        used
    }
}

/// The lines on which the code names a path into this library, or uses it whole.
pub fn word_paths(code: &str, library: &str) -> Vec<usize> {
    let hits = code.match_indices(library).filter(|(at, _)| {
        let (before, after) = (&code[..*at], &code[at + library.len()..]);
        let whole = !before.ends_with(is_word) && !after.starts_with(is_word);
        whole && (after.starts_with("::") || before.ends_with("use ") || before.ends_with("extern crate "))
    });
    hits.map(|(at, _)| line_of(code, at)).collect()
}

pub struct Function {
    pub name: String,
    pub line: usize,
    pub lines: usize,
    pub parameters: usize,
}

/// Every function with a body.
pub fn functions(code: &str) -> Vec<Function> {
    let mut found = vec![];
    for (at, _) in code.match_indices("fn ") {
        let name: String = code[at + 3..].chars().take_while(|c| is_word(*c)).collect();
        if code[..at].ends_with(is_word) || name.is_empty() {
            continue;
        }
        let Some(open) = parameters_open(code, at + 3 + name.len()) else { continue };
        let Some(close) = closing(code, open) else { continue };
        let Some(body) = code[close..].find(['{', ';']).map(|offset| close + offset) else { continue };
        if code[body..].starts_with(';') {
            continue;
        }
        let end = closing(code, body).unwrap_or(code.len());
        let line = line_of(code, at);
        found.push(Function { name, line, lines: line_of(code, end) - line + 1, parameters: parameters(&code[open + 1..close]) });
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// `a::b` gives a; `{a::b, c::{d}}` gives a and c.
fn first_words(path: &str) -> Vec<String> {
    let word = |text: &str| text.trim_start().chars().take_while(|c| is_word(*c)).collect::<String>();
    let Some(group) = path.strip_prefix('{') else { return vec![word(path)] };
    let group = &group[..closing(path, 0).map_or(group.len(), |end| end - 1)];
    let (mut words, mut depth, mut start) = (vec![], 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                words.push(word(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    words.push(word(&group[start..]));
    words
}

/// The opening bracket of the parameters: the first one outside the generics.
fn parameters_open(code: &str, from: usize) -> Option<usize> {
    let mut depth = 0;
    let mut last = ' ';
    for (at, c) in code[from..].char_indices() {
        match c {
            '<' => depth += 1,
            '>' if last != '-' => depth -= 1,
            '(' if depth == 0 => return Some(from + at),
            '{' | ';' if depth == 0 => return None,
            _ => {}
        }
        last = c;
    }
    None
}

/// The bracket that closes the one at `open`.
fn closing(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in code[open..].char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(open + at);
        }
    }
    None
}

/// How many parameters stand between these brackets, `self` not counted.
fn parameters(inside: &str) -> usize {
    let (mut pieces, mut depth, mut last) = (vec![String::new()], 0, ' ');
    for c in inside.chars() {
        match c {
            '(' | '[' | '{' | '<' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            '>' if last != '-' => depth -= 1,
            _ => {}
        }
        last = c;
        match pieces.last_mut() {
            Some(piece) if c != ',' || depth > 0 => piece.push(c),
            _ => pieces.push(String::new()),
        }
    }
    let counts = |piece: &&String| !piece.trim().is_empty() && piece.trim().rsplit([' ', '&']).next() != Some("self");
    pieces.iter().filter(counts).count()
}

/// The text with comments, strings and characters blanked, lines kept.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut last = ' ';
    while let Some(c) = rest.chars().next() {
        let skipped = skipped(rest, last);
        let taken = if skipped == 0 { c.len_utf8() } else { skipped };
        let (head, tail) = rest.split_at(taken);
        match skipped {
            0 => out.push(c),
            _ => out.extend(head.chars().map(|c| if c == '\n' { '\n' } else { ' ' })),
        }
        last = head.chars().next_back().unwrap_or(' ');
        rest = tail;
    }
    out
}

/// How many bytes of a comment or literal begin here.
fn skipped(rest: &str, last: char) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return rest.find("*/").map_or(rest.len(), |end| end + 2);
    }
    if let Some(literal) = rest.strip_prefix('"') {
        return 1 + unescaped(literal, '"');
    }
    if rest.starts_with('r') && !is_word(last) || rest.starts_with('r') && last == 'b' {
        let hashes = rest[1..].chars().take_while(|c| *c == '#').count();
        if rest[1 + hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let body = 2 + hashes;
            return rest[body..].find(&end).map_or(rest.len(), |at| body + at + end.len());
        }
    }
    // A character, not a lifetime: 'x' or an escape.
    let mut after = rest.strip_prefix('\'').unwrap_or_default().chars();
    match (after.next(), after.next()) {
        (Some('\\'), _) => 1 + unescaped(&rest[1..], '\''),
        (Some(c), Some('\'')) => 2 + c.len_utf8(),
        _ => 0,
    }
}

/// The length up to and with the closing quote.
fn unescaped(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '\\' if !escaped => escaped = true,
            c if c == quote && !escaped => return at + 1,
            _ => escaped = false,
        }
    }
    text.len()
}
