//! Whether a password was seen in a breach: asked of a service that learns five hex digits of its SHA-1 and nothing more
//! (k-anonymity), or of a sorted file that is searched where it lies.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::Fault;
use crate::identity::passwords::Password;
use crate::jose::sha1;
use crate::outbound::Outbound;

/// The hex digits of a SHA-1, and how many of them a service gets.
const DIGITS: usize = 40;
const PREFIX: usize = 5;

/// The longest line of a file, in bytes: a hash and a count.
const LONGEST_LINE: u64 = 64;

/// Where breached passwords are looked up.
#[derive(Clone, Default)]
pub enum Breached {
    #[default]
    Off,
    /// A file of SHA-1 in upper-case hex, sorted, one a line; `:count` may follow.
    File(Arc<Path>),
    /// `GET {url}/range/{prefix}` gives lines of the remaining digits and a count.
    Service { url: Arc<str>, outbound: Outbound },
}

impl Breached {
    pub fn file(path: PathBuf) -> Self {
        Self::File(path.into())
    }

    /// A service at a URL, with or without a slash at its end.
    pub fn service(url: &str, outbound: Outbound) -> Self {
        Self::Service { url: url.trim_end_matches('/').into(), outbound }
    }

    /// What fails is logged and answers no.
    pub(super) async fn holds(&self, password: &Password) -> bool {
        let digits = || sha1(password.bytes()).iter().map(|byte| format!("{byte:02X}")).collect::<String>();
        let found = match self {
            Self::Off => return false,
            Self::File(path) => {
                let (path, digits) = (Arc::clone(path), digits());
                let search = tokio::task::spawn_blocking(move || in_file(&path, &digits));
                search.await.map_err(io::Error::other).flatten().map_err(Fault::at("password.breached"))
            }
            Self::Service { url, outbound } => at_service(outbound, url, &digits()).await,
        };
        found.unwrap_or_else(|fault| {
            tracing::warn!(%fault, "breached passwords cannot be looked up; this one is taken unchecked");
            false
        })
    }
}

async fn at_service(outbound: &Outbound, url: &str, digits: &str) -> Result<bool, Fault> {
    let wrong = Fault::at("password.breached");
    let Some((prefix, suffix)) = digits.split_at_checked(PREFIX) else { return Ok(false) };
    // Padding hides from whoever sees the size which prefix was asked; services want to know what calls them.
    let request = http::Request::get(format!("{url}/range/{prefix}")).header("add-padding", "true");
    let request = request.header("user-agent", "vouchsafe").body(Vec::new()).map_err(Fault::at("password.breached"))?;
    let answer = outbound.request(request).await.map_err(wrong)?;
    if answer.status() != http::StatusCode::OK {
        return Err(Fault::new("password.breached", format!("the service answered {}", answer.status())));
    }
    let text = String::from_utf8_lossy(answer.body());
    Ok(text.lines().any(|line| is_entry(line, suffix)))
}

/// Whether a line is the entry of these digits; a count of 0 is padding.
fn is_entry(line: &str, digits: &str) -> bool {
    let (hash, count) = line.trim().split_once(':').unwrap_or((line.trim(), "1"));
    hash.eq_ignore_ascii_case(digits) && count.trim().parse::<u64>().is_ok_and(|count| count > 0)
}

/// Halves the file by bytes until the line is found: some forty reads in a file of any size.
fn in_file(path: &Path, digits: &str) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let (mut low, mut high) = (0, file.metadata()?.len());
    // The line wanted begins at `low` or later and before `high`.
    while low < high {
        let middle = low + (high - low) / 2;
        let Some((start, line)) = line_from(&mut file, middle, low)? else {
            high = middle;
            continue;
        };
        let hash = line.get(..DIGITS).ok_or_else(|| io::Error::other("the file has a line that is no SHA-1"))?;
        match hash.to_ascii_uppercase().as_str().cmp(digits) {
            std::cmp::Ordering::Equal => return Ok(is_entry(&line, digits)),
            std::cmp::Ordering::Less => low = start + line.len() as u64 + 1,
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    Ok(false)
}

/// The first line that begins at `from` or later, with its place; `from` begins a line if it is `low`.
fn line_from(file: &mut File, from: u64, low: u64) -> io::Result<Option<(u64, String)>> {
    let mut start = from;
    let mut reader = if from == low {
        file.seek(SeekFrom::Start(from))?;
        BufReader::with_capacity(256, file)
    } else {
        file.seek(SeekFrom::Start(from - 1))?;
        let mut reader = BufReader::with_capacity(256, file);
        let mut skipped = Vec::new();
        start = from - 1 + reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut skipped)? as u64;
        reader
    };
    let mut line = String::new();
    reader.by_ref().take(LONGEST_LINE).read_line(&mut line)?;
    let line = line.strip_suffix('\n').unwrap_or(&line).to_owned();
    Ok((!line.is_empty()).then_some((start, line)))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::base::Secret;
    use crate::outbound::Rules;

    fn password(text: &str) -> Password {
        Password::new(&Secret::new(text.to_owned())).unwrap()
    }

    fn digits(text: &str) -> String {
        sha1(text.as_bytes()).iter().map(|byte| format!("{byte:02X}")).collect()
    }

    /// Every entry of a file is found, the first and the last too, with counts and line ends of either kind; nothing else is.
    #[tokio::test]
    async fn files() {
        let folder = tempfile::tempdir().unwrap();
        for (name, tail) in [("plain", "\n"), ("counts", ":17\n"), ("windows", ":3\r\n")] {
            for entries in [1, 2, 3, 100] {
                let mut lines: Vec<String> = (0..entries).map(|n| digits(&format!("breached {n}"))).collect();
                lines.sort();
                let path = folder.path().join(format!("{name}{entries}"));
                std::fs::write(&path, lines.iter().map(|line| format!("{line}{tail}")).collect::<String>()).unwrap();
                let breached = Breached::file(path);
                for n in 0..entries {
                    assert!(breached.holds(&password(&format!("breached {n}"))).await, "{name} {n} of {entries}");
                    assert!(!breached.holds(&password(&format!("other {n}"))).await, "{name} {n} of {entries}");
                }
            }
        }
        let empty = folder.path().join("empty");
        std::fs::write(&empty, "").unwrap();
        assert!(!in_file(&empty, &digits("x")).unwrap());
        std::fs::write(&empty, "this is no list\n").unwrap();
        assert!(in_file(&empty, &digits("x")).is_err(), "no silent no");
        assert!(!Breached::file(empty).holds(&password("x")).await);
        assert!(!Breached::file(folder.path().join("gone")).holds(&password("x")).await);
    }

    /// Answers one request after another with `answer`, and gives back what was asked.
    fn serve(answer: String) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let mut buffer = [0; 512];
                let read = stream.read(&mut buffer).unwrap();
                asked.extend_from_slice(&buffer[..read]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(asked).unwrap()
        });
        (origin, thread)
    }

    async fn asked(status: &str, body: &str, text: &str) -> (bool, String) {
        let (origin, thread) =
            serve(format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()));
        let outbound = Outbound::new(Rules { plain_http_to: Some(origin.clone()), ..Rules::default() });
        let found = Breached::service(&format!("{origin}/"), outbound).holds(&password(text)).await;
        (found, thread.join().unwrap())
    }

    /// Five digits leave the house; padding is no entry; a service that fails stops nobody.
    #[tokio::test]
    async fn services() {
        let all = digits("breached");
        let (prefix, suffix) = all.split_at(PREFIX);
        let (found, request) = asked("200 OK", &format!("{}:9\r\n{suffix}:42\r\n", "0".repeat(35)), "breached").await;
        assert!(found);
        assert!(request.starts_with(&format!("GET /range/{prefix} HTTP/1.1\r\n")), "{request}");
        assert!(request.to_lowercase().contains("add-padding: true") && !request.to_uppercase().contains(suffix), "{request}");
        for (status, body) in [
            ("200 OK", format!("{suffix}:0\r\n")),
            ("200 OK", format!("{}:42\r\n", "0".repeat(35))),
            ("200 OK", format!("{suffix}:x\r\n")),
            ("200 OK", String::new()),
            ("503 Service Unavailable", format!("{suffix}:42\r\n")),
            ("302 Found", format!("{suffix}:42\r\n")),
        ] {
            assert!(!asked(status, &body, "breached").await.0, "{status} {body}");
        }
        let nowhere = Outbound::new(Rules { plain_http_to: Some("http://127.0.0.1:1".to_owned()), ..Rules::default() });
        assert!(!Breached::service("http://127.0.0.1:1", nowhere).holds(&password("breached")).await);
        assert!(!Breached::Off.holds(&password("breached")).await);
    }
}
