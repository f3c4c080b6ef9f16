//! From the JSON of a registration to a client and back (RFC 7591 section 2, OpenID Connect Dynamic Client Registration
//! section 2). Each member that is known is honoured or refused by name; what is unknown is ignored, and nothing that only
//! an operator may say can be said here.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::client::{ApplicationType, Client};
use super::client_metadata::{ContentEncryption, Encryption, KeyEncryption, SubjectType};
use super::client_rules::{is_page, wrong_name};
use super::error::ErrorCode;
use super::grant::{AuthMethod, GrantType};
use super::redirect_uri::RedirectUri;
pub use super::registration_reader::Refused;
use super::registration_reader::{Members, text_of};
use super::response::ResponseType;
use super::scope::Scope;

/// What a client may register for without an operator's word.
const OPEN_SCOPES: [&str; 6] = ["openid", "profile", "email", "address", "phone", "offline_access"];

/// Members that ask for what is not done here: whoever needs it must not believe that it has it.
const NOT_DONE: [&str; 6] = [
    "request_object_encryption_alg",
    "request_object_encryption_enc",
    "authorization_signed_response_alg",
    "introspection_signed_response_alg",
    "tls_client_auth_subject_dn",
    "backchannel_token_delivery_mode",
];

/// Promises that would not be kept if they were true.
const NOT_KEPT: [&str; 3] =
    ["require_pushed_authorization_requests", "dpop_bound_access_tokens", "tls_client_certificate_bound_access_tokens"];

/// The two members that say how something is encrypted: the key's algorithm, and the content's.
const ID_TOKEN_ENCRYPTION: [&str; 2] = ["id_token_encrypted_response_alg", "id_token_encrypted_response_enc"];
const USERINFO_ENCRYPTION: [&str; 2] = ["userinfo_encrypted_response_alg", "userinfo_encrypted_response_enc"];

/// The texts that may stand in several languages.
const TAGGED: [&str; 4] = ["client_name", "client_uri", "policy_uri", "tos_uri"];

/// The most texts in other languages.
const MOST_TAGGED: usize = 50;

/// Puts what a registration says in the place of everything that it may say. All else of `client` stays as it is.
///
/// # Errors
/// The first member that is wrong.
pub fn read(members: &Map<String, Value>, mut client: Client) -> Result<Client, Refused> {
    let members = Members(members);
    refuse_what_is_not_done(&members)?;
    read_uris(&members, &mut client)?;
    read_protocol(&members, &mut client)?;
    read_grants(&members, &mut client)?;
    read_signing(&members, &mut client)?;
    read_about(&members, &mut client)?;
    client.more.localized = localized(&members)?;
    client.name = match members.text("client_name")? {
        Some(name) => name,
        None => default_name(&client),
    };
    check(&client)?;
    Ok(client)
}

/// What every client must fulfil, in the words of a registration.
fn check(client: &Client) -> Result<(), Refused> {
    let Some(problem) = client.problems().into_iter().next() else { return Ok(()) };
    let code = match problem.field {
        "redirect_uris" => ErrorCode::InvalidRedirectUri,
        _ => ErrorCode::InvalidClientMetadata,
    };
    let field = match problem.field {
        "name" => "client_name",
        "id_token_alg" => "id_token_signed_response_alg",
        "userinfo_alg" => "userinfo_signed_response_alg",
        "request_object_alg" => "request_object_signing_alg",
        field => field,
    };
    Err(Refused { code, field: field.to_owned(), why: problem.why })
}

fn refuse_what_is_not_done(members: &Members<'_>) -> Result<(), Refused> {
    if let Some(name) = NOT_DONE.into_iter().find(|name| members.has(name)) {
        return Err(Refused::metadata(name, "is not supported here"));
    }
    for name in NOT_KEPT {
        if members.flag(name)? == Some(true) {
            return Err(Refused::metadata(name, "is not supported here"));
        }
    }
    if members.tagged("logo_uri").next().is_some() {
        return Err(Refused::metadata("logo_uri", "must have no language: one logo is shown to everybody"));
    }
    if !members.has("software_statement") {
        return Ok(());
    }
    // Nobody's statements are trusted here; what is none is told apart (RFC 7591 section 3.2.2).
    let text = members.text("software_statement").ok().flatten().unwrap_or_default();
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let is_jwt = text.split('.').count() == 3 && text.split('.').all(is_part);
    let (code, why) = if is_jwt {
        (ErrorCode::UnapprovedSoftwareStatement, "is not by anybody who is trusted here")
    } else {
        (ErrorCode::InvalidSoftwareStatement, "is no signed JWT")
    };
    Err(Refused { code, field: "software_statement".to_owned(), why: why.to_owned() })
}

fn read_uris(members: &Members<'_>, client: &mut Client) -> Result<(), Refused> {
    client.redirect_uris = redirect_uris(members, "redirect_uris", ErrorCode::InvalidRedirectUri)?;
    client.post_logout_redirect_uris = redirect_uris(members, "post_logout_redirect_uris", ErrorCode::InvalidClientMetadata)?;
    let parse = ApplicationType::parse;
    client.application_type =
        members.word("application_type", ApplicationType::ALL, parse, |word| word.as_str())?.unwrap_or(ApplicationType::Web);
    client.initiate_login_uri = members.text("initiate_login_uri")?;
    client.client_uri = members.text("client_uri")?;
    client.policy_uri = members.text("policy_uri")?;
    client.tos_uri = members.text("tos_uri")?;
    client.more.logo_uri = members.text("logo_uri")?;
    client.backchannel_logout_uri = members.text("backchannel_logout_uri")?;
    client.backchannel_logout_session_required = members.flag("backchannel_logout_session_required")?.unwrap_or_default();
    client.frontchannel_logout_uri = members.text("frontchannel_logout_uri")?;
    client.frontchannel_logout_session_required = members.flag("frontchannel_logout_session_required")?.unwrap_or_default();
    client.more.request_uris = members.texts("request_uris")?.unwrap_or_default();
    Ok(())
}

fn redirect_uris(members: &Members<'_>, name: &str, code: ErrorCode) -> Result<Vec<RedirectUri>, Refused> {
    let wrong = |why: &str| Refused { code, field: name.to_owned(), why: why.to_owned() };
    let texts = members.texts(name).map_err(|refused| Refused { code, ..refused })?.unwrap_or_default();
    texts.iter().map(|text| RedirectUri::parse(text).map_err(wrong)).collect()
}

fn read_protocol(members: &Members<'_>, client: &mut Client) -> Result<(), Refused> {
    let method = members.word("token_endpoint_auth_method", AuthMethod::ALL, AuthMethod::parse, |word| word.as_str())?;
    client.auth_method = method.unwrap_or(AuthMethod::ClientSecretBasic);
    client.token_endpoint_auth_signing_alg = members.text("token_endpoint_auth_signing_alg")?;
    client.jwks = members.object("jwks")?;
    client.more.jwks_uri = members.text("jwks_uri")?;
    client.default_max_age = members.seconds("default_max_age")?;
    client.require_auth_time = members.flag("require_auth_time")?.unwrap_or_default();
    client.more.default_acr_values = members.texts("default_acr_values")?.unwrap_or_default();
    client.more.subject_type = members.word("subject_type", SubjectType::ALL, SubjectType::parse, |word| word.as_str())?;
    client.more.subject_type = client.more.subject_type.filter(|subject| *subject != SubjectType::Public);
    client.more.sector_identifier_uri = members.text("sector_identifier_uri")?;
    let Some(text) = members.text("scope")? else { return Ok(()) };
    let open = OPEN_SCOPES.into_iter().collect::<Scope>().union(&client.scope);
    let scope = Scope::parse(&text).map_err(|_| Refused::metadata("scope", "must be words with one space between them"))?;
    if !scope.is_subset(&open) {
        return Err(Refused::metadata("scope", "has a scope that only an operator can give"));
    }
    client.scope = scope;
    Ok(())
}

/// The two go together (RFC 7591 section 2.1): where one is not said, it follows from the other.
fn read_grants(members: &Members<'_>, client: &mut Client) -> Result<(), Refused> {
    let known = |text: &String| {
        GrantType::parse(text).ok_or_else(|| Refused::metadata("grant_types", "has a grant type that is not known here"))
    };
    let grants = members.texts("grant_types")?.map(|texts| texts.iter().map(known).collect::<Result<Vec<_>, _>>()).transpose()?;
    let parse = |text: &String| {
        ResponseType::parse(text).map_err(|_| Refused::metadata("response_types", "has a response type that is not known here"))
    };
    let types =
        members.texts("response_types")?.map(|texts| texts.iter().map(parse).collect::<Result<Vec<_>, _>>()).transpose()?;
    let (grants, types) = match (grants, types) {
        (Some(grants), Some(types)) => (grants, types),
        (Some(grants), None) => {
            let has_code = grants.contains(&GrantType::AuthorizationCode);
            (grants, if has_code { vec![ResponseType::CODE] } else { Vec::new() })
        }
        (None, Some(types)) => (grants_for(&types), types),
        (None, None) => (vec![GrantType::AuthorizationCode], vec![ResponseType::CODE]),
    };
    (client.grant_types, client.response_types) = (grants, types);
    Ok(())
}

fn grants_for(types: &[ResponseType]) -> Vec<GrantType> {
    let code = types.iter().any(ResponseType::has_code).then_some(GrantType::AuthorizationCode);
    let implicit = types.iter().any(ResponseType::is_front_channel).then_some(GrantType::Implicit);
    code.into_iter().chain(implicit).collect()
}

fn read_signing(members: &Members<'_>, client: &mut Client) -> Result<(), Refused> {
    client.id_token_alg = members.text("id_token_signed_response_alg")?.unwrap_or_else(|| "RS256".to_owned());
    client.more.userinfo_alg = members.text("userinfo_signed_response_alg")?;
    client.more.id_token_encryption = encryption(members, ID_TOKEN_ENCRYPTION)?;
    client.more.userinfo_encryption = encryption(members, USERINFO_ENCRYPTION)?;
    client.more.request_object_alg = members.text("request_object_signing_alg")?;
    client.more.require_signed_request_object = members.flag("require_signed_request_object")?.unwrap_or_default();
    Ok(())
}

/// Without an algorithm for the key there is nothing to say of the content's (section 2).
fn encryption(members: &Members<'_>, [alg, enc]: [&str; 2]) -> Result<Option<Encryption>, Refused> {
    let key = members.word(alg, KeyEncryption::ALL, KeyEncryption::parse, |word| word.as_str())?;
    let content = members.word(enc, ContentEncryption::ALL, ContentEncryption::parse, |word| word.as_str())?;
    match (key, content) {
        (Some(alg), enc) => Ok(Some(Encryption { alg, enc: enc.unwrap_or(ContentEncryption::A128CbcHs256) })),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Refused::metadata(enc, format!("needs {alg} beside it"))),
    }
}

fn read_about(members: &Members<'_>, client: &mut Client) -> Result<(), Refused> {
    client.more.contacts = members.texts("contacts")?.unwrap_or_default();
    client.more.software_id = members.text("software_id")?;
    client.more.software_version = members.text("software_version")?;
    Ok(())
}

fn localized(members: &Members<'_>) -> Result<BTreeMap<String, String>, Refused> {
    let mut found = BTreeMap::new();
    for member in TAGGED {
        for (name, value) in members.tagged(member) {
            let tag = name.get(member.len() + 1..).unwrap_or_default();
            let is_subtag = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
            if tag.len() > 35 || !tag.split('-').all(is_subtag) {
                return Err(Refused::metadata(member, "must have a language tag of BCP 47 after its #"));
            }
            let text = text_of(name, value)?;
            let why = match member {
                "client_name" => wrong_name(&text),
                _ => (!is_page(&text)).then_some("must be an https address"),
            };
            if let Some(why) = why {
                return Err(Refused::metadata(name, why));
            }
            found.insert(name.to_owned(), text);
        }
    }
    if found.len() > MOST_TAGGED {
        return Err(Refused::metadata("client_name", "must not be in more than 50 languages"));
    }
    Ok(found)
}

/// A person recognises a host; a client id says nothing to anybody.
fn default_name(client: &Client) -> String {
    let host = client.redirect_uris.iter().find_map(RedirectUri::host).unwrap_or(&client.client_id);
    host.chars().take(100).collect()
}

/// Everything that is registered, as the client would say it: read again it gives the same client.
pub fn write(client: &Client) -> Map<String, Value> {
    let more = &client.more;
    let list = |items: &[String]| (!items.is_empty()).then(|| json!(items));
    let text = |text: &Option<String>| text.as_ref().map(|text| json!(text));
    let flag = |flag: bool| flag.then(|| json!(true));
    let uris = |uris: &[RedirectUri]| (!uris.is_empty()).then(|| json!(uris));
    let alg = |encryption: Option<Encryption>| encryption.map(|encryption| json!(encryption.alg));
    let enc = |encryption: Option<Encryption>| encryption.map(|encryption| json!(encryption.enc));
    let ([id_token_alg, id_token_enc], [userinfo_alg, userinfo_enc]) = (ID_TOKEN_ENCRYPTION, USERINFO_ENCRYPTION);
    let members = [
        ("client_name", Some(json!(client.name))),
        ("redirect_uris", uris(&client.redirect_uris)),
        ("post_logout_redirect_uris", uris(&client.post_logout_redirect_uris)),
        ("application_type", Some(json!(client.application_type))),
        ("grant_types", Some(json!(client.grant_types))),
        ("response_types", Some(json!(client.response_types))),
        ("scope", Some(json!(client.scope))),
        ("token_endpoint_auth_method", Some(json!(client.auth_method))),
        ("token_endpoint_auth_signing_alg", text(&client.token_endpoint_auth_signing_alg)),
        ("jwks", client.jwks.clone()),
        ("jwks_uri", text(&more.jwks_uri)),
        ("subject_type", Some(json!(more.subject_type.unwrap_or(SubjectType::Public)))),
        ("sector_identifier_uri", text(&more.sector_identifier_uri)),
        ("id_token_signed_response_alg", Some(json!(client.id_token_alg))),
        ("userinfo_signed_response_alg", text(&more.userinfo_alg)),
        (id_token_alg, alg(more.id_token_encryption)),
        (id_token_enc, enc(more.id_token_encryption)),
        (userinfo_alg, alg(more.userinfo_encryption)),
        (userinfo_enc, enc(more.userinfo_encryption)),
        ("request_object_signing_alg", text(&more.request_object_alg)),
        ("require_signed_request_object", flag(more.require_signed_request_object)),
        ("default_max_age", client.default_max_age.map(|age| json!(age))),
        ("require_auth_time", Some(json!(client.require_auth_time))),
        ("default_acr_values", list(&more.default_acr_values)),
        ("initiate_login_uri", text(&client.initiate_login_uri)),
        ("backchannel_logout_uri", text(&client.backchannel_logout_uri)),
        ("backchannel_logout_session_required", flag(client.backchannel_logout_session_required)),
        ("frontchannel_logout_uri", text(&client.frontchannel_logout_uri)),
        ("frontchannel_logout_session_required", flag(client.frontchannel_logout_session_required)),
        ("request_uris", list(&more.request_uris)),
        ("contacts", list(&more.contacts)),
        ("logo_uri", text(&more.logo_uri)),
        ("client_uri", text(&client.client_uri)),
        ("policy_uri", text(&client.policy_uri)),
        ("tos_uri", text(&client.tos_uri)),
        ("software_id", text(&more.software_id)),
        ("software_version", text(&more.software_version)),
    ];
    let tagged = more.localized.iter().map(|(name, text)| (name.clone(), json!(text)));
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).chain(tagged).collect()
}

#[cfg(test)]
#[path = "registration_tests.rs"]
mod tests;
