//! The language of our pages: `ui_locales` (OpenID Connect Core section 3.1.2.1) before `Accept-Language` (RFC 9110 section
//! 12.5.4). Nothing that cannot be understood is an error: English is always there.

use super::words::words;

/// The longest list that is looked at, in bytes; what stands behind it does not count.
const LONGEST: usize = 1024;

words! {
    /// A language that the pages are written in.
    pub enum Lang {
        En = "en",
        De = "de",
    }
}

/// The best language that we have for what the client and the browser ask for.
pub fn negotiate(ui_locales: Option<&str>, accept_language: Option<&str>) -> Lang {
    let asked = ui_locales.filter(|text| text.len() <= LONGEST).and_then(|text| text.split(' ').find_map(language));
    asked.or_else(|| accept_language.filter(|text| text.len() <= LONGEST).and_then(preferred)).unwrap_or(Lang::En)
}

/// The language of a tag; its region and script make no difference here.
fn language(tag: &str) -> Option<Lang> {
    Lang::parse(&tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase())
}

/// The known language of the greatest weight, the first of equals.
fn preferred(header: &str) -> Option<Lang> {
    let mut best = None;
    for part in header.split(',') {
        let mut fields = part.split(';').map(str::trim);
        let lang = fields.next().and_then(language);
        let weight = fields.find_map(|field| field.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse::<f32>().ok());
        if let (Some(lang), Some(weight)) = (lang, weight)
            && weight > best.map_or(0.0, |(_, weight)| weight)
        {
            best = Some((lang, weight));
        }
    }
    best.map(|(lang, _)| lang)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who is asked first, and what is understood.
    #[test]
    fn languages() {
        let long = "de ".repeat(1000);
        for (ui_locales, accept_language, lang) in [
            (None, None, Lang::En),
            (Some("de"), Some("en"), Lang::De),
            (Some("fr de-AT en"), None, Lang::De),
            (Some("fr"), Some("de"), Lang::De),
            (Some(""), Some(""), Lang::En),
            (None, Some("en;q=0.5, de;q=0.8"), Lang::De),
            (None, Some("fr, DE-at;q=0.3, en;q=0.2"), Lang::De),
            (None, Some("en, de"), Lang::En),
            (None, Some("de;q=0, fr"), Lang::En),
            (None, Some("de;q=x, *"), Lang::En),
            (None, Some("deutsch"), Lang::En),
            (Some(&long), None, Lang::En),
        ] {
            assert_eq!(negotiate(ui_locales, accept_language), lang, "{ui_locales:?} {accept_language:?}");
        }
    }
}
