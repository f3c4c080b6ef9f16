//! The program as its users run it: a process of its own, a folder of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::Rp;

/// The program without any setting from outside.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vouchsafe"));
    let ours = std::env::vars_os().map(|(name, _)| name);
    for name in ours.filter(|name| name.to_string_lossy().starts_with(vouchsafe::config::ENVIRONMENT_PREFIX)) {
        command.env_remove(name);
    }
    command
}

/// A folder that `init` made, with its SQLite database.
pub struct House {
    folder: TempDir,
    pub issuer: String,
}

impl House {
    pub fn init() -> House {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let house = House { issuer: format!("http://localhost:{}", address.port()), folder };
        let dir = house.file("");
        let (dir, listen) = (dir.to_str().unwrap(), address.to_string());
        let done =
            program().args(["init", "--json", "--dir", dir, "--issuer", &house.issuer, "--listen", &listen]).output().unwrap();
        assert_eq!(one_line(&done)["issuer"], house.issuer.as_str());
        house
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("house").join(name)
    }

    /// Runs a verb with this on standard input.
    pub fn run(&self, words: &[&str], input: &str) -> Output {
        let mut command = program();
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if words.first() != Some(&"init") {
            command.arg("--config").arg(self.file("vouchsafe.toml"));
        }
        let mut child = command.spawn().unwrap();
        // A verb that reads nothing may have ended already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// The one line that a verb answers a script.
    pub fn json(&self, words: &[&str]) -> Value {
        self.say(words, "")
    }

    /// The same with something on standard input.
    pub fn say(&self, words: &[&str], input: &str) -> Value {
        let output = self.run(&[words, &["--json"]].concat(), input);
        assert!(output.status.success(), "{words:?}: {output:?}");
        one_line(&output)
    }

    /// Starts the server and waits until it answers.
    pub async fn serve(&self) -> Program {
        let config = self.file("vouchsafe.toml");
        let mut server = Program::start(&["serve", "--config", config.to_str().unwrap()], self.folder.path());
        let rp = Rp::at(&self.issuer, "", None);
        for _ in 0..600 {
            assert!(server.child.try_wait().unwrap().is_none(), "the server stopped");
            if rp.answers("/healthz").await {
                return server;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the server does not answer");
    }
}

/// A process that goes on; it is killed when it is dropped.
pub struct Program {
    child: Child,
}

impl Program {
    /// With this folder for temporary files.
    pub fn start(words: &[&str], temporary: &Path) -> Program {
        let mut command = program();
        command.args(words).env("TMPDIR", temporary).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        Program { child: command.spawn().unwrap() }
    }

    /// What it prints first.
    pub fn first_line(&mut self) -> Value {
        let mut line = String::new();
        BufReader::new(self.child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, as a supervisor does.
    pub fn terminate(&mut self) -> ExitStatus {
        let asked = Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        self.child.wait().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Standard output, which is exactly one line of JSON.
pub fn one_line(output: &Output) -> Value {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "{output:?}");
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
