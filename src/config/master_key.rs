//! The master key file before it is trusted: present, private, long enough, and not something that a person made up.
//!
//! `keys` reads what it means; here the operator is told what is wrong with it, never what is in it.

use std::path::Path;

use super::Problem;
use crate::base::{Secret, base64url_decode};

const SETTING: &str = "master_key_file";
const REMEDY: &str = "write one with `vouchsafe init`, and keep the old lines of a file that is in use";

/// The bytes of one key.
const KEY_BYTES: usize = 32;

/// Random keys have about 30 different bytes; fewer than this never happen by chance.
const FEWEST_DIFFERENT: usize = 16;

/// The contents of the file, if they can be used.
pub fn read(path: Option<&Path>, problems: &mut Vec<Problem>) -> Option<Secret<String>> {
    let Some(path) = path else {
        problems.push(Problem::new(SETTING, "is not set", REMEDY));
        return None;
    };
    let contents = match std::fs::read_to_string(path) {
        Ok(contents) => contents,
        Err(error) => {
            problems.push(Problem::new(SETTING, format!("cannot be read at {} ({error})", path.display()), REMEDY));
            return None;
        }
    };
    if is_open_to_all(path) {
        let remedy = format!("run `chmod 600 {}` (a Kubernetes volume: defaultMode 0440)", path.display());
        problems.push(Problem::new(SETTING, "can be read by every user of this machine", remedy));
    }
    if let Err(why) = check(&contents) {
        problems.push(Problem::new(SETTING, why, REMEDY));
        return None;
    }
    Some(Secret::new(contents))
}

/// Each line is `key-id:base64url of 32 random bytes`, or a comment behind `#`.
fn check(contents: &str) -> Result<(), &'static str> {
    let mut ids = Vec::new();
    for line in contents.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (id, key) = line.split_once(':').ok_or("has a line that is not `key-id:key`")?;
        if id.is_empty() || id.contains('.') || ids.contains(&id) {
            return Err("has a key without an id of its own (or one with a dot in it)");
        }
        ids.push(id);
        let key = base64url_decode(key).ok_or("has a key that is not base64url")?;
        if key.len() != KEY_BYTES {
            return Err("has a key that is not 32 bytes long");
        }
        let mut different = key;
        different.sort_unstable();
        different.dedup();
        if different.len() < FEWEST_DIFFERENT {
            return Err("has a key that is not random");
        }
    }
    if ids.is_empty() { Err("is empty") } else { Ok(()) }
}

#[cfg(unix)]
fn is_open_to_all(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o007 != 0)
}

#[cfg(not(unix))]
const fn is_open_to_all(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{base64url, sha256};

    /// Battery SC-01: missing, short, default and world-readable keys are refused.
    #[test]
    fn contents() {
        let good = base64url(&sha256(b"any"));
        let zero = base64url(&[0; 32]);
        for (contents, is_good) in [
            (format!("k1:{good}\n"), true),
            (format!("k1:{good}\n\nk2:{}\n", base64url(&sha256(b"other"))), true),
            (String::new(), false),
            (good.clone(), false),
            (format!("k1:{zero}"), false),
            (format!("k1:{}", base64url(b"changeme")), false),
            (format!("k1:{good}\nk1:{good}"), false),
            (format!(":{good}"), false),
            (format!("a.b:{good}"), false),
            (format!("# made today\nk1:{good}"), true),
        ] {
            assert_eq!(check(&contents).is_ok(), is_good);
        }
    }
}
