//! The README's tables are those of the code, and the files that it names exist.

use std::path::Path;

use vouchsafe::config::{Kind, settings};
use vouchsafe::web::routes::ENDPOINTS;

const README: &str = include_str!("../../README.md");

/// The README between two markers.
fn part(name: &str) -> &'static str {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let part = README.split_once(&begin).and_then(|(_, rest)| rest.split_once(&end)).map(|(part, _)| part);
    part.unwrap_or_else(|| panic!("README.md has no part {name}"))
}

fn compare(name: &str, wanted: &str) {
    assert!(part(name).trim() == wanted.trim(), "README.md: put this between the markers of {name}:\n\n{wanted}");
}

#[test]
fn endpoints_are_those_of_the_table() {
    let mut wanted = String::from("| path | methods | what |\n|---|---|---|\n");
    for endpoint in ENDPOINTS {
        wanted.push_str(&format!("| `{}` | {} | {} |\n", endpoint.path, endpoint.methods.join(" "), endpoint.summary));
    }
    compare("endpoints", &wanted);
}

#[test]
fn settings_are_those_of_the_table() {
    let mut wanted = String::from("| setting | default | meaning |\n|---|---|---|\n");
    for setting in settings() {
        let secret = if setting.kind == Kind::Secret { " (never shown)" } else { "" };
        let default = if setting.default.is_empty() { "–".to_owned() } else { format!("`{}`", setting.default) };
        wanted.push_str(&format!("| `{}` | {default} | {}{secret} |\n", setting.name, setting.meaning));
    }
    compare("settings", &wanted);
}

/// Whoever follows the walk through the sources finds each file.
#[test]
fn named_files_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let quoted = README.split('`').skip(1).step_by(2);
    let rooms = ["src/", "tests/", "deploy/", "migrations/", "templates/", "static/"];
    let named: Vec<&str> = quoted.filter(|text| rooms.iter().any(|room| text.starts_with(room))).collect();
    assert!(named.len() > 20, "{named:?}");
    for name in named {
        let file = name.split([' ', ':']).next().unwrap_or(name);
        assert!(root.join(file).exists(), "README.md names {file}, which is not there");
    }
}
