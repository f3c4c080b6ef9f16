//! Moments in words: the exact one in UTC, and how long ago it was. The server knows no time zone of the person, so it
//! says which one it means.

use super::Texts;
use crate::base::Timestamp;

/// `24 November 2026, 14:05 UTC`.
pub fn exact(texts: &Texts, at: Timestamp) -> String {
    let (year, month, day) = at.date();
    let seconds = at.unix().rem_euclid(86_400);
    let name = usize::try_from(month - 1).ok().and_then(|index| texts.months.get(index)).unwrap_or(&"");
    let date = (texts.date)(day, name, year);
    let time = format!("{:02}:{:02} {}", seconds / 3600, seconds % 3600 / 60, texts.utc);
    texts.date_time.with(date, time).to_string()
}

/// `3 minutes ago`; a moment that has not come counts as now.
pub fn ago(texts: &Texts, at: Timestamp, now: Timestamp) -> String {
    match now.since(at) {
        ..60 => texts.just_now.to_owned(),
        seconds @ 60..3600 => texts.minutes_ago.of(seconds / 60).to_string(),
        seconds @ 3600..86_400 => texts.hours_ago.of(seconds / 3600).to_string(),
        seconds => texts.days_ago.of(seconds / 86_400).to_string(),
    }
}

/// The form for `<time datetime>`.
pub fn iso(at: Timestamp) -> String {
    let (year, month, day) = at.date();
    let seconds = at.unix().rem_euclid(86_400);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", seconds / 3600, seconds % 3600 / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::texts::{Lang, texts};

    /// Protects the dates on pages: leap days, the ends of years, both languages.
    #[test]
    fn moments_in_words() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(iso(Timestamp::from_unix(seconds)), expected);
        }
        let at = Timestamp::from_unix(1_795_529_100);
        assert_eq!(exact(texts(&Lang::En), at), "24 November 2026, 14:05 UTC");
        assert_eq!(exact(texts(&Lang::De), at), "24. November 2026, 14:05 UTC");
        let spans = [(59, "just now"), (60, "1 minute ago"), (7199, "1 hour ago"), (86_400 * 3, "3 days ago"), (-5, "just now")];
        for (span, expected) in spans {
            assert_eq!(ago(texts(&Lang::En), at, at.plus(span)), expected);
        }
    }
}
