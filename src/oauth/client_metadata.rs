//! What a client may say of itself beyond what an operator usually does (RFC 7591 section 2, OpenID Connect Dynamic Client
//! Registration section 2). Every member may be absent, so that a row of an older version still reads and writes the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

use super::client::Client;
use super::locale::Lang;
use super::words::words;

words! {
    /// Who registered a client.
    pub enum RegisteredBy {
        Operator = "operator",
        /// Nobody of the house has looked at it (RFC 7591 section 5).
        Itself = "itself",
    }
}

words! {
    /// How the key of an encrypted token reaches a client (RFC 7518 section 4.1).
    pub enum KeyEncryption {
        RsaOaep256 = "RSA-OAEP-256",
        RsaOaep = "RSA-OAEP",
        EcdhEs = "ECDH-ES",
        EcdhEsA128Kw = "ECDH-ES+A128KW",
        EcdhEsA256Kw = "ECDH-ES+A256KW",
    }
}

words! {
    /// What the content of an encrypted token is encrypted with (RFC 7518 section 5.1).
    pub enum ContentEncryption {
        A128CbcHs256 = "A128CBC-HS256",
        A256CbcHs512 = "A256CBC-HS512",
        A128Gcm = "A128GCM",
        A256Gcm = "A256GCM",
    }
}

/// How tokens for a client are encrypted (OpenID Connect Dynamic Client Registration section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    pub alg: KeyEncryption,
    pub enc: ContentEncryption,
}

impl Encryption {
    /// Reads `ALG` or `ALG:ENC`, as an operator writes it.
    pub fn parse(text: &str) -> Option<Self> {
        let (alg, enc) = text.split_once(':').unwrap_or((text, ContentEncryption::A128CbcHs256.as_str()));
        Some(Self { alg: KeyEncryption::parse(alg)?, enc: ContentEncryption::parse(enc)? })
    }
}

words! {
    /// What a client knows a person by (OpenID Connect Core section 8).
    pub enum SubjectType {
        /// The same for every client.
        Public = "public",
        /// Another one in each sector, so that apps cannot put together what they know.
        Pairwise = "pairwise",
    }
}

/// Further metadata of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// The operator, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered_by: Option<RegisteredBy>,
    /// Public, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_type: Option<SubjectType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector_identifier_uri: Option<String>,
    /// Where its keys are, in the place of `jwks`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// The `alg` of its userinfo answers; plain JSON, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_alg: Option<String>,
    /// ID tokens, and logout tokens with them, are signed only, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_encryption: Option<Encryption>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_encryption: Option<Encryption>,
    /// The one `alg` of its request objects; any that its keys fit, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_object_alg: Option<String>,
    /// Whether it sends all its requests as signed objects (RFC 9101 section 10.5).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub require_signed_request_object: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub default_acr_values: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub request_uris: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// Where its logo was fetched once; no page ever names this address (decision 16).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    /// Names and addresses in other languages, by their whole member name, such as `client_name#de` (section 2.1).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub localized: BTreeMap<String, String>,
}

impl Client {
    /// The sector whose apps know a person by one subject (Core section 8.1); `None` for a client with public subjects, or if
    /// its redirect URIs have no single host.
    pub fn sector(&self) -> Option<String> {
        if self.more.subject_type != Some(SubjectType::Pairwise) {
            return None;
        }
        if let Some(uri) = &self.more.sector_identifier_uri {
            return Url::parse(uri).ok()?.host_str().map(str::to_owned);
        }
        let mut hosts = self.redirect_uris.iter().map(|uri| uri.host());
        let first = hosts.next()??;
        hosts.all(|host| host == Some(first)).then(|| first.to_owned())
    }

    /// `client_name`, `policy_uri` or another text of the client in the language of a page, if there is one.
    pub fn localized(&self, member: &str, lang: Lang) -> Option<&str> {
        let tag = |name: &str| name.strip_prefix(member)?.strip_prefix('#').map(str::to_ascii_lowercase);
        let is_it = |name: &str| tag(name).is_some_and(|tag| tag.split('-').next() == Some(lang.as_str()));
        self.more.localized.iter().find(|(name, _)| is_it(name)).map(|(_, text)| text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::RedirectUri;

    /// Core section 8.1: the host of the sector identifier, or the one host of all redirect URIs.
    #[test]
    fn sectors() {
        let client = |uris: &[&str], sector: Option<&str>| {
            let mut client = Client::new("c", "C");
            client.redirect_uris = uris.iter().map(|uri| RedirectUri::parse(uri).unwrap()).collect();
            client.more.subject_type = Some(SubjectType::Pairwise);
            client.more.sector_identifier_uri = sector.map(str::to_owned);
            client.sector()
        };
        let two = ["https://a.test/cb", "https://b.test/cb"];
        for (uris, sector, expected) in [
            (&["https://a.test/cb", "https://a.test:8443/x"][..], None, Some("a.test")),
            (&two, None, None),
            (&two, Some("https://s.test:1/list.json"), Some("s.test")),
            (&["com.example.app:/cb"], None, None),
            (&[], None, None),
        ] {
            assert_eq!(client(uris, sector).as_deref(), expected, "{uris:?}");
        }
        let public = Client { redirect_uris: vec![RedirectUri::parse(two[0]).unwrap()], ..Client::new("c", "C") };
        assert_eq!(public.sector(), None);
    }

    /// A row of a version that knew none of these members is written again byte for byte, or no edit could ever win.
    #[test]
    fn an_old_row_stays_as_it_is() {
        let text = serde_json::to_string(&Client::new("c", "C")).unwrap();
        assert!(text.ends_with(r#""issue_refresh":"offline_access"}"#), "{text}");
        let read: Client = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    /// Section 2.1: the language of the page decides, whatever the case of the tag.
    #[test]
    fn languages() {
        let mut client = Client::new("c", "Diary");
        client.more.localized.insert("client_name#de-AT".to_owned(), "Tagebuch".to_owned());
        assert_eq!(client.localized("client_name", Lang::De), Some("Tagebuch"));
        assert_eq!(client.localized("client_name", Lang::En), None);
        assert_eq!(client.localized("policy_uri", Lang::De), None);
    }
}
