//! What may be stored about a person (OpenID Connect Core section 5.1): names and types, checked once, when they come in.
//!
//! `sub`, `email`, `email_verified` and `updated_at` are columns of their own and never part of it.

use serde_json::{Map, Value};
use url::Url;

use super::client::Problem;

/// The longest text of one claim, in characters.
const LONGEST: usize = 1000;

/// The door for the standard claims of a person.
pub struct StandardClaims;

impl StandardClaims {
    /// Every name that may be stored.
    pub fn names() -> impl Iterator<Item = &'static str> {
        RULES.iter().map(|(name, _)| *name)
    }

    /// Gives the claims back as they are if every one is good.
    ///
    /// # Errors
    /// Every problem at once: an unknown name, a wrong type, a value of the wrong form.
    pub fn check(claims: Map<String, Value>) -> Result<Map<String, Value>, Vec<Problem>> {
        let mut problems: Vec<_> = claims.iter().filter_map(|(name, value)| check_one(name, value)).collect();
        if claims.contains_key("phone_number_verified") && !claims.contains_key("phone_number") {
            problems.push(Problem::new("phone_number_verified", "stands without phone_number"));
        }
        if problems.is_empty() { Ok(claims) } else { Err(problems) }
    }
}

impl StandardClaims {
    /// Whether there is a claim of this name that can be stored.
    pub fn knows(name: &str) -> bool {
        RULES.iter().any(|(own, _)| *own == name)
    }
}

fn check_one(name: &str, value: &Value) -> Option<Problem> {
    let (field, rule): (&'static str, Rule) = RULES.iter().find(|(own, _)| *own == name).copied().unwrap_or(("claims", unknown));
    let why = rule(value).err()?;
    let why = if field == "claims" { format!("{name:?} {why}") } else { why.to_owned() };
    Some(Problem::new(field, why))
}

type Rule = fn(&Value) -> Result<(), &'static str>;

const RULES: [(&str, Rule); 16] = [
    ("name", line),
    ("given_name", line),
    ("family_name", line),
    ("middle_name", line),
    ("nickname", line),
    ("preferred_username", line),
    ("profile", web_address),
    ("picture", web_address),
    ("website", web_address),
    ("gender", line),
    ("birthdate", birthdate),
    ("zoneinfo", zoneinfo),
    ("locale", locale),
    ("phone_number", phone_number),
    ("phone_number_verified", truth),
    ("address", address),
];

const ADDRESS: [&str; 6] = ["formatted", "street_address", "locality", "region", "postal_code", "country"];

fn unknown(_: &Value) -> Result<(), &'static str> {
    Err("is not a standard claim that can be set here")
}

fn demand(is_fine: bool, why: &'static str) -> Result<(), &'static str> {
    if is_fine { Ok(()) } else { Err(why) }
}

fn text(value: &Value) -> Result<&str, &'static str> {
    let text = value.as_str().ok_or("must be a text")?;
    demand(!text.trim().is_empty(), "must not be empty")?;
    demand(text.chars().count() <= LONGEST, "must not be longer than 1000 characters")?;
    Ok(text)
}

fn line(value: &Value) -> Result<(), &'static str> {
    let turns = |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    demand(!text(value)?.chars().any(|c| c.is_control() || turns(c)), "must not hold control characters or turn the writing")
}

fn truth(value: &Value) -> Result<(), &'static str> {
    demand(value.is_boolean(), "must be true or false")
}

fn web_address(value: &Value) -> Result<(), &'static str> {
    line(value)?;
    let is_web = Url::parse(text(value)?).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
    demand(is_web, "must be a web address, like https://example.com/ana")
}

/// ISO 8601: `YYYY-MM-DD`, `YYYY`, or `0000-MM-DD` where the year is not told.
fn birthdate(value: &Value) -> Result<(), &'static str> {
    let why = "must be a date like 1990-12-31, 0000-12-31 or 1990";
    let parts: Vec<_> = text(value)?.split('-').collect();
    let number = |text: &str, length: usize| {
        let is_number = text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| text.parse::<u32>().ok()).flatten().ok_or(why)
    };
    match parts.as_slice() {
        [year] => demand(number(year, 4)? > 0, why),
        [year, month, day] => {
            let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
            demand((1..=days(year, month)).contains(&day), why)
        }
        _ => Err(why),
    }
}

/// Days of a month, none if there is no such month; the year 0000 is any year and so may be a leap year.
const fn days(year: u32, month: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 0,
    }
}

fn zoneinfo(value: &Value) -> Result<(), &'static str> {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-".contains(&b))
    };
    demand(text(value)?.split('/').all(is_part), "must be a time zone like Europe/Berlin")
}

/// BCP 47: a language, then subtags.
fn locale(value: &Value) -> Result<(), &'static str> {
    let text = text(value)?;
    let is_tag = |tag: &str| (1..=8).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric());
    let language = text.split('-').next().unwrap_or_default();
    let is_language = language.len() >= 2 && language.bytes().all(|b| b.is_ascii_alphabetic());
    demand(is_language && text.split('-').all(is_tag), "must be a language tag like de-AT")
}

/// E.164, with an extension by RFC 3966.
fn phone_number(value: &Value) -> Result<(), &'static str> {
    let why = "must be a number in international form, like +43123456789";
    let (number, extension) = text(value)?.split_once(";ext=").unwrap_or((text(value)?, "0"));
    let is_digits = |text: &str| (1..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let number = number.strip_prefix('+').ok_or(why)?;
    demand(is_digits(number) && number.len() >= 5 && is_digits(extension), why)
}

fn address(value: &Value) -> Result<(), &'static str> {
    let members = value.as_object().ok_or("must be an object")?;
    demand(!members.is_empty(), "must not be empty")?;
    for (name, value) in members {
        demand(ADDRESS.contains(&name.as_str()), "has a member that OpenID Connect Core section 5.1.1 does not know")?;
        // Lines of a formatted address are parted by line breaks, so `line` would be too strict.
        text(value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Core sections 5.1 and 5.1.1: types and forms.
    #[test]
    fn forms() {
        for (name, good, bad) in [
            (
                "name",
                json!(["Ana", "Ana Müller"]),
                json!(["", " ", 1, null, "a\nb", "a\u{202e}b", "a\u{2066}b", "x".repeat(1001)]),
            ),
            ("picture", json!(["https://a.test/x", "http://a.test"]), json!(["a.test", "javascript:alert(1)", "data:,x", 1])),
            (
                "birthdate",
                json!(["1990-12-31", "1990", "0000-02-29", "2000-02-29"]),
                json!([
                    "1990-1-1",
                    "1990-13-01",
                    "1900-02-29",
                    "1990-00-01",
                    "1990-04-31",
                    "0000",
                    "90",
                    "1990-12",
                    "31.12.1990",
                    "+990",
                    1990
                ]),
            ),
            (
                "zoneinfo",
                json!(["Europe/Berlin", "UTC", "Etc/GMT+1", "America/Port-au-Prince"]),
                json!(["", "Europe/", "../etc", "CET now"]),
            ),
            ("locale", json!(["de", "de-AT", "zh-Hant-TW"]), json!(["", "d", "de_AT", "de-", "12", "de-abcdefghi"])),
            (
                "phone_number",
                json!(["+43123456789", "+1604555;ext=5678"]),
                json!(["0123", "+12", "+49 30 1", "+1234567890123456", "+12345;ext="]),
            ),
            ("phone_number_verified", json!([]), json!(["true", 1, null])),
            (
                "address",
                json!([{"country": "AT"}, {"formatted": "A\nB"}]),
                json!([{}, [], "AT", {"country": 1}, {"planet": "x"}]),
            ),
            ("email", json!([]), json!(["a@b.test"])),
            ("sub", json!([]), json!(["x"])),
            ("updated_at", json!([]), json!([1])),
            ("name#de", json!([]), json!(["x"])),
        ] {
            let check = |value: &Value| StandardClaims::check(Map::from_iter([(name.to_owned(), value.clone())]));
            for value in good.as_array().unwrap() {
                assert!(check(value).is_ok(), "{name}: {value}");
            }
            for value in bad.as_array().unwrap() {
                assert!(check(value).is_err(), "{name}: {value}");
            }
        }
    }

    /// Every problem is told at once, under the name of its claim.
    #[test]
    fn problems() {
        let claims = json!({"birthdate": "x", "foo": 1, "name": "Ana", "phone_number_verified": true});
        let problems = StandardClaims::check(claims.as_object().unwrap().clone()).unwrap_err();
        let fields: Vec<_> = problems.iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["birthdate", "claims", "phone_number_verified"]);
        assert!(problems.iter().any(|problem| problem.why.contains("foo")));
    }
}
