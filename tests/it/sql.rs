//! Every SQL text of the sources, prepared on the engine of this run: what one engine takes, the other takes too.

use std::path::{Path, PathBuf};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqlSafeStr as _};

use crate::support::TestApp;

/// The Rust files of a folder and all below it.
pub fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.extension() {
            None => sources(&path, found),
            Some(extension) if extension == "rs" => found.push(path),
            Some(_) => {}
        }
    }
}

/// The lists of columns that files give a name by a macro.
fn columns(text: &str) -> Vec<(String, String)> {
    let defined = text.split("macro_rules! ").skip(1);
    let named = defined.filter_map(|rest| Some((rest.split_once(' ')?.0.to_owned(), rest.split('"').nth(1)?.to_owned())));
    named.filter(|(name, _)| name.ends_with("_columns")).collect()
}

/// The texts that are given to `sql(…)`, with where they stand.
fn statements() -> Vec<(String, String)> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let tested = |file: &PathBuf| file.file_stem().is_some_and(|stem| stem.to_string_lossy().contains("test"));
    let read = |file: PathBuf| (std::fs::read_to_string(&file).unwrap(), file);
    let texts: Vec<(String, PathBuf)> = files.into_iter().filter(|file| !tested(file)).map(read).collect();
    let macros: Vec<(String, String)> = texts.iter().flat_map(|(text, _)| columns(text)).collect();
    let mut statements = Vec::new();
    for (text, file) in texts {
        let mut code = text.split("#[cfg(test)]").next().unwrap().to_owned();
        for (name, columns) in &macros {
            code = code.replace(&format!("{name}!()"), &format!("\"{columns}\""));
        }
        for call in code.split("sql(").skip(1) {
            let argument = call.trim_start();
            let statement: String = if argument.starts_with('"') {
                argument.split('"').nth(1).unwrap().to_owned()
            } else if let Some(parts) = argument.strip_prefix("concat!(") {
                parts.split("))").next().unwrap().split('"').skip(1).step_by(2).collect()
            } else {
                continue;
            };
            statements.push((file.display().to_string(), statement));
        }
    }
    statements
}

/// Protects the rule that one text serves both engines (architecture, section 5).
#[tokio::test]
async fn every_statement_is_understood() {
    let app = TestApp::start().await;
    let statements = statements();
    assert!(statements.len() > 60, "only {} were found", statements.len());
    let url = app.config.database.url.expose();
    if url.starts_with("postgres") {
        let mut connection = PgConnection::connect(url).await.unwrap();
        for (file, text) in statements.iter().filter(|(_, text)| !text.contains("sqlite_master")) {
            let prepared = connection.prepare(AssertSqlSafe(text.clone()).into_sql_str()).await;
            assert!(prepared.is_ok(), "{file}: {text}: {:?}", prepared.err());
        }
        return;
    }
    let connection = rusqlite::Connection::open(app.folder().join("test.db")).unwrap();
    for (file, text) in statements.iter().filter(|(_, text)| !text.contains("to_regclass")) {
        let prepared = connection.prepare(&text.replace('$', "?"));
        assert!(prepared.is_ok(), "{file}: {text}: {:?}", prepared.err());
    }
}
