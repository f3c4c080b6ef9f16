//! Moments in words, in UTC: the server knows no time zone of the person, so it says which one it means.

use crate::base::Timestamp;
use crate::oauth::Lang;

const ENGLISH: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

const GERMAN: [&str; 12] =
    ["Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"];

/// `23 November 2026, 14:05 UTC`.
pub fn moment(lang: Lang, at: Timestamp) -> String {
    let (year, month, day) = at.date();
    let months = match lang {
        Lang::En => ENGLISH,
        Lang::De => GERMAN,
    };
    let month = usize::try_from(month - 1).ok().and_then(|index| months.get(index)).copied().unwrap_or_default();
    let dot = if lang == Lang::De { "." } else { "" };
    let seconds = at.unix().rem_euclid(86_400);
    format!("{day}{dot} {month} {year}, {:02}:{:02} UTC", seconds / 3600, seconds % 3600 / 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages() {
        let at = Timestamp::from_unix(1_795_529_100);
        assert_eq!(moment(Lang::En, at), "24 November 2026, 14:05 UTC");
        assert_eq!(moment(Lang::De, at), "24. November 2026, 14:05 UTC");
        assert_eq!(moment(Lang::De, Timestamp::from_unix(951_782_400)), "29. Februar 2000, 00:00 UTC");
    }
}
