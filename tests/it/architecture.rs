//! Holds the sources to the house rules that no compiler checks: floors, one door per library, sizes, and the paths that
//! the container files name. The rules stand in `src/lib.rs`; here is what fails when one is broken.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::rust_text::{Source, functions, word_paths};

/// From the ground up. A room uses only rooms on floors below its own.
const FLOORS: [&[&str]; 10] = [
    &["base"],
    &["oauth", "jose"],
    &["store", "cache", "outbound"],
    &["keys", "federation", "notify"],
    &["identity", "tokens"],
    &["endpoints", "admin", "plugins"],
    &["web", "jobs", "config"],
    &["app"],
    &["cli"],
    &["main"],
];

/// The one room that may name a library.
const DOORS: [(&str, &str); 24] = [
    ("actix_web", "web"),
    ("argon2", "identity"),
    ("askama", "web"),
    ("aws_lc_rs", "jose"),
    ("clap", "cli"),
    ("getrandom", "base"),
    ("josekit", "jose"),
    ("jsonwebtoken", "jose"),
    ("lettre", "notify"),
    ("minijinja", "notify"),
    ("openidconnect", "federation"),
    ("p256", "jose"),
    ("redis", "cache"),
    ("reqwest", "outbound"),
    ("rsa", "jose"),
    ("rusqlite", "store"),
    ("sqlx", "store"),
    ("thread_priority", "identity"),
    ("toml", "config"),
    ("totp_rs", "identity"),
    ("webauthn_rs", "identity"),
    ("zxcvbn", "identity"),
    ("bcrypt", "identity"),
    ("scrypt", "identity"),
];

const VAGUE: [&str; 6] = ["manager", "service", "helper", "helpers", "utils", "common"];
const MAX_FILE_LINES: usize = 400;
const MAX_FUNCTION_LINES: usize = 70;
const MAX_PARAMETERS: usize = 6;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file under a folder whose name ends like this, sorted.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = BTreeSet::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.insert(path);
            }
        }
    }
    found.into_iter().collect()
}

fn sources() -> Vec<Source> {
    let src = root().join("src");
    let read = |path: PathBuf| Source::new(path.strip_prefix(&src).unwrap().to_path_buf(), read(&path));
    let sources: Vec<Source> = files(&src, ".rs").into_iter().map(read).collect();
    assert!(sources.len() > 10, "no sources found: this test would prove nothing");
    sources
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

fn assert_none(broken: &[String]) {
    assert!(broken.is_empty(), "{} broken:\n{}", broken.len(), broken.join("\n"));
}

/// Steps to a room on the same floor or above.
fn steps_upwards(source: &Source) -> Vec<String> {
    let Some(own) = floor(source.room()) else {
        return if source.room() == "lib" { vec![] } else { vec![format!("{source}: this room is on no floor")] };
    };
    let upwards = |(used, line): (String, usize)| {
        let theirs = floor(&used).filter(|theirs| used != source.room() && *theirs >= own)?;
        Some(format!("{source}:{line}: {} (floor {own}) uses {used} (floor {theirs})", source.room()))
    };
    source.rooms_used().into_iter().filter_map(upwards).collect()
}

/// Libraries named outside their one room.
fn second_doors(source: &Source) -> Vec<String> {
    let strange = DOORS.iter().filter(|(_, room)| *room != source.room());
    let found = strange.flat_map(|(library, room)| {
        let line = |line| format!("{source}:{line}: {library} belongs to {room}, not to {}", source.room());
        word_paths(&source.code, library).into_iter().map(line).collect::<Vec<_>>()
    });
    found.collect()
}

/// Protects against cycles: no room uses its neighbours or what stands above it (architecture, section 1).
#[test]
fn no_room_uses_a_floor_above_its_own() {
    assert_none(&sources().iter().flat_map(steps_upwards).collect::<Vec<_>>());
}

/// Protects the right to swap a library: each is named in one room alone (architecture, section 1).
#[test]
fn every_library_has_one_door() {
    assert_none(&sources().iter().flat_map(second_doors).collect::<Vec<_>>());
}

/// Protects the two tests above from passing because they see nothing.
#[test]
fn a_broken_floor_and_a_second_door_are_seen() {
    let broken = |path: &str, text: &str| {
        let source = Source::new(PathBuf::from(path), text.to_owned());
        (steps_upwards(&source).len(), second_doors(&source).len())
    };
    assert_eq!(broken("oauth/scope.rs", "use crate::base::Clock;"), (0, 0));
    assert_eq!(broken("oauth/scope.rs", "use crate::jose::Alg;"), (1, 0), "a neighbour");
    assert_eq!(broken("store/db.rs", "use crate::{base::Id, web::{self, csrf}, app::App};"), (2, 0), "a group");
    assert_eq!(broken("web/pages/error.rs", "fn f() { super::super::super::app::App::build() }"), (1, 0), "up and out");
    assert_eq!(broken("web/pages/error.rs", "fn f() { super::super::app::x() }"), (0, 0), "web::app is at home");
    assert_eq!(broken("web/mod.rs", "fn f() -> sqlx::Result<()> { use rusqlite as r; }"), (0, 2));
    assert_eq!(broken("web/mod.rs", "// sqlx::query\nconst A: &str = \"crate::app::x sqlx::y\"; // crate::cli::z"), (0, 0));
    assert_eq!(broken("lost/mod.rs", ""), (1, 0), "a room on no floor");
    assert_eq!(broken("base/a.rs", "fn a() {}\n#[cfg(test)]\nmod tests { use crate::app::App; }"), (0, 0), "tests may");
}

/// Protects the reader: files, functions and parameter lists that fit a head (architecture, section 9).
#[test]
fn sources_stay_small() {
    let mut broken = vec![];
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > MAX_FILE_LINES {
            broken.push(format!("{source}: {lines} lines"));
        }
        for function in functions(&source.code) {
            let (name, line) = (&function.name, function.line);
            if function.lines > MAX_FUNCTION_LINES {
                broken.push(format!("{source}:{line}: fn {name} is {} lines long", function.lines));
            }
            if function.parameters > MAX_PARAMETERS {
                broken.push(format!("{source}:{line}: fn {name} takes {} parameters", function.parameters));
            }
        }
    }
    assert_none(&broken);
}

/// Protects the reader: every file says first what it is responsible for, and no name is vague (section 9).
#[test]
fn sources_say_what_they_are() {
    let mut broken = vec![];
    for source in sources() {
        if !source.text.starts_with("//! ") {
            broken.push(format!("{source}: no module comment comes first"));
        }
        let vague = |part: &&str| VAGUE.contains(part);
        broken
            .extend(source.words_of_path().iter().copied().filter(vague).map(|part| format!("{source}: '{part}' says nothing")));
    }
    assert_none(&broken);
}

/// Protects pages from script injection: no unescaped output, and nothing that the strict CSP would block (decision 15).
#[test]
fn templates_escape_everything_and_hold_nothing_inline() {
    let mut broken = vec![];
    let templates = files(&root().join("templates"), ".html");
    assert!(!templates.is_empty(), "no templates found: this test would prove nothing");
    for path in templates {
        for (number, line) in read(&path).lines().enumerate() {
            let close: String = line.chars().filter(|c| !c.is_whitespace()).collect();
            let forbidden = [("|safe", close.contains("|safe")), ("|escape(", close.contains("|escape(\"none\""))];
            let inline = [
                ("<style>", line.contains("<style")),
                // Mail has no style sheet and no content policy.
                ("style=", line.contains(" style=") && !path.starts_with(root().join("templates/mail"))),
                ("an inline script", line.contains("<script") && !line.contains(" src=")),
                ("an event handler", line.split(' ').any(|word| word.starts_with("on") && word.contains("=\""))),
            ];
            let found = forbidden.into_iter().chain(inline).filter(|(_, found)| *found);
            broken.extend(found.map(|(what, _)| format!("{}:{}: {what}", path.display(), number + 1)));
        }
    }
    assert_none(&broken);
}

/// Protects the container build, which no test can run: what its files name exists (and is not kept out of the context).
#[test]
fn container_files_name_what_exists() {
    let ignored = read(&root().join(".dockerignore"));
    let kept: Vec<&str> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    assert_eq!(ignored.lines().find(|line| !line.starts_with('#')), Some("*"), "everything is kept out that is not named");
    let mut named = 0;
    for line in read(&root().join("Dockerfile")).lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(("COPY", paths)) = words.split_first().map(|(first, rest)| (*first, rest)) else { continue };
        if paths.iter().any(|word| word.starts_with("--from")) {
            continue;
        }
        for path in paths.iter().take(paths.len() - 1) {
            assert!(root().join(path).exists(), "Dockerfile copies {path}, which does not exist");
            assert!(kept.contains(path), "Dockerfile copies {path}, which .dockerignore keeps out");
            named += 1;
        }
    }
    assert!(named >= 6, "only {named} copied paths were seen");
    let deploy = root().join("deploy");
    let compose = read(&deploy.join("compose.yaml"));
    let host_path = |word: &&str| word.starts_with("./") || word.starts_with("../") || *word == "..";
    let paths: Vec<&str> = compose.split(|c: char| c.is_whitespace() || c == ':' || c == '"').filter(host_path).collect();
    assert!(paths.len() >= 2, "compose.yaml names {} paths", paths.len());
    for path in paths {
        assert!(deploy.join(path).exists(), "compose.yaml names {path}, which does not exist");
    }
}
