//! The page on which a person says who they are. A picture is a link; nothing here is fetched.

use askama::Template;

use super::Frame;
use crate::web::texts::{ALL, Texts, texts};

/// One field for each claim, by its name; button `save`.
#[derive(Template)]
#[template(path = "pages/profile.html")]
pub struct Profile {
    pub frame: Frame,
    pub action: String,
    /// The session that the form answers for.
    pub session: String,
    pub fields: Vec<ProfileField>,
    /// The fields of the postal address.
    pub address: Vec<ProfileField>,
    pub locale: String,
    /// Where the stored picture is.
    pub picture: Option<String>,
    pub is_done: bool,
}

/// A claim as a field.
pub struct ProfileField {
    pub name: &'static str,
    pub label: &'static str,
    pub value: String,
    pub autocomplete: &'static str,
    pub kind: FieldKind,
    pub help: Option<&'static str>,
    pub error: Option<String>,
}

/// What a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    Text,
    Url,
    Phone,
    Lines,
}

impl ProfileField {
    /// The field of a claim with what is stored or was typed. `is_wrong`: it cannot be stored so.
    pub fn new(t: &'static Texts, name: &'static str, value: String, is_wrong: bool) -> Self {
        let (label, autocomplete, kind, help) = about(t, name);
        let error = is_wrong.then(|| error(t, name, label));
        Self { name, label, value, autocomplete, kind, help, error }
    }

    const fn input_type(&self) -> &'static str {
        match self.kind {
            FieldKind::Text | FieldKind::Lines => "text",
            FieldKind::Url => "url",
            FieldKind::Phone => "tel",
        }
    }

    fn is_long(&self) -> bool {
        self.kind == FieldKind::Lines
    }

    /// The ids of what describes the field.
    fn described_by(&self) -> String {
        let error = self.error.as_ref().map(|_| format!("{}-error", self.name));
        let help = self.help.map(|_| format!("{}-help", self.name));
        error.into_iter().chain(help).collect::<Vec<_>>().join(" ")
    }
}

type About = (&'static str, &'static str, FieldKind, Option<&'static str>);

fn about(t: &'static Texts, name: &str) -> About {
    let p = &t.account_pages;
    match name {
        "given_name" => (p.given_name, "given-name", FieldKind::Text, None),
        "family_name" => (p.family_name, "family-name", FieldKind::Text, None),
        "nickname" => (p.nickname, "nickname", FieldKind::Text, None),
        "preferred_username" => (p.preferred_username, "off", FieldKind::Text, None),
        "picture" => (p.picture, "photo", FieldKind::Url, Some(p.picture_help)),
        "website" => (p.website, "url", FieldKind::Url, None),
        "gender" => (p.gender, "sex", FieldKind::Text, None),
        "birthdate" => (p.birthdate, "bday", FieldKind::Text, Some(p.birthdate_help)),
        "zoneinfo" => (p.zoneinfo, "off", FieldKind::Text, Some(p.zoneinfo_help)),
        "phone_number" => (p.phone_number, "tel", FieldKind::Phone, Some(p.phone_help)),
        "formatted" => (p.formatted, "off", FieldKind::Lines, None),
        "street_address" => (p.street_address, "street-address", FieldKind::Lines, None),
        "locality" => (p.locality, "address-level2", FieldKind::Text, None),
        "region" => (p.region, "address-level1", FieldKind::Text, None),
        "postal_code" => (p.postal_code, "postal-code", FieldKind::Text, None),
        "country" => (p.country, "country-name", FieldKind::Text, None),
        _ => (t.name, "name", FieldKind::Text, None),
    }
}

fn error(t: &'static Texts, name: &str, label: &'static str) -> String {
    let p = &t.account_pages;
    let known = match name {
        "picture" => p.bad_picture,
        "website" => p.bad_website,
        "birthdate" => p.bad_birthdate,
        "zoneinfo" => p.bad_zoneinfo,
        "phone_number" => p.bad_phone,
        "formatted" => p.bad_address,
        _ => return p.bad_line.with(label).to_string(),
    };
    known.to_owned()
}

impl Profile {
    /// What the summary says: each error with its field.
    fn errors(&self) -> Vec<(&'static str, &str)> {
        let all = self.fields.iter().chain(&self.address);
        all.filter_map(|field| field.error.as_deref().map(|text| (field.name, text))).collect()
    }

    /// The languages of mail; one of another house that the person came with stays to be chosen.
    fn locales(&self) -> Vec<(String, String)> {
        let own = ALL.iter().map(texts).map(|t| (t.tag.to_owned(), t.own_name.to_owned()));
        let mut all: Vec<_> = own.collect();
        if !self.locale.is_empty() && all.iter().all(|(tag, _)| *tag != self.locale) {
            all.push((self.locale.clone(), self.locale.clone()));
        }
        all
    }
}
