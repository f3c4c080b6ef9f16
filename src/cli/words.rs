//! How things are written for people, and what is read from files and standard input.

use std::io::Read as _;
use std::path::Path;

use super::answer::Failure;
use crate::base::{Secret, Timestamp};

/// The longest secret or document that is read.
const MOST_BYTES: u64 = 1024 * 1024;

/// A moment as `2026-01-31 23:59:59Z`, by the civil calendar.
pub fn moment(at: Timestamp) -> String {
    let (days, seconds) = (at.unix().div_euclid(86_400), at.unix().rem_euclid(86_400));
    // Days since 0000-03-01, in eras of 400 years (Hinnant, "chrono-compatible low-level date algorithms").
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// The moment that `30m`, `12h`, `7d` or `2026-01-31` says, as seen from `now`.
pub fn since(text: &str, now: Timestamp) -> Option<Timestamp> {
    let unit = |mark, seconds: i64| {
        let number = text.strip_suffix(mark)?.parse::<u32>().ok()?;
        Some(now.plus(-i64::from(number).saturating_mul(seconds)))
    };
    unit('m', 60).or_else(|| unit('h', 3600)).or_else(|| unit('d', 86_400)).or_else(|| day(text))
}

/// Midnight of a day in UTC.
fn day(text: &str) -> Option<Timestamp> {
    let mut parts = text.split('-').map(|part| part.parse::<u32>().map(i64::from).ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || !(1970..=9999).contains(&year) {
        return None;
    }
    let (shifted_year, shifted_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = shifted_year * 365 + shifted_year / 4 - shifted_year / 100 + shifted_year / 400 - 719_468;
    let at = Timestamp::from_unix((days + (153 * shifted_month + 2) / 5 + day - 1).saturating_mul(86_400));
    // What is no day of the calendar comes out as another.
    (at.date() == (year, month, day)).then_some(at)
}

/// The first line of standard input.
pub fn secret_from_stdin() -> Result<Secret<String>, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(MOST_BYTES).read_to_string(&mut text);
    read.map_err(|error| Failure::new(format!("standard input cannot be read: {error}")))?;
    let line = text.lines().next().unwrap_or_default().to_owned();
    if line.is_empty() { Err(Failure::new("nothing came on standard input")) } else { Ok(Secret::new(line)) }
}

/// Standard input, whole: a key of several lines.
pub fn all_from_stdin() -> Result<Secret<String>, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(MOST_BYTES).read_to_string(&mut text);
    read.map_err(|error| Failure::new(format!("standard input cannot be read: {error}")))?;
    if text.trim().is_empty() { Err(Failure::new("nothing came on standard input")) } else { Ok(Secret::new(text)) }
}

/// A file, whole.
pub fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let shown = file.display();
    let meta = std::fs::metadata(file).map_err(|error| Failure::new(format!("{shown}: {error}")))?;
    if meta.len() > MOST_BYTES {
        return Err(Failure::new(format!("{shown}: is larger than 1 MiB")));
    }
    std::fs::read(file).map_err(|error| Failure::new(format!("{shown}: {error}")))
}

/// A file that holds JSON.
pub fn read_json(file: &Path) -> Result<serde_json::Value, Failure> {
    serde_json::from_slice(&read(file)?).map_err(|error| Failure::new(format!("{}: is not JSON ({error})", file.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The calendar, at its turns.
    #[test]
    fn moments() {
        for (unix, text) in [
            (0, "1970-01-01 00:00:00Z"),
            (951_782_399, "2000-02-28 23:59:59Z"),
            (951_782_400, "2000-02-29 00:00:00Z"),
            (1_769_903_999, "2026-01-31 23:59:59Z"),
            (-1, "1969-12-31 23:59:59Z"),
        ] {
            assert_eq!(moment(Timestamp::from_unix(unix)), text);
        }
    }

    /// Times back from now, and days that there are.
    #[test]
    fn spans_and_days() {
        let now = Timestamp::from_unix(1_000_000);
        for (text, unix) in [
            ("30m", Some(998_200)),
            ("12h", Some(956_800)),
            ("7d", Some(395_200)),
            ("1970-01-01", Some(0)),
            ("2000-02-29", Some(951_782_400)),
            ("2026-01-31", Some(1_769_817_600)),
            ("1900-02-29", None),
            ("2026-02-29", None),
            ("2026-13-01", None),
            ("2026-01-00", None),
            ("2026-01", None),
            ("-5m", None),
            ("h", None),
            ("yesterday", None),
        ] {
            assert_eq!(since(text, now).map(Timestamp::unix), unix, "{text}");
        }
    }
}
