//! Every string that a person reads on a page, in each language. A language is one value of `Texts`, so a string that
//! is missing in one does not compile. No string stands in a template, and none is put together from pieces of words.

mod account_pages;
mod accounts;
mod de;
mod en;
mod factors;
mod farewell;
mod history;
mod passkeys;
mod password;
mod phrase;
mod upstream;
mod when;

pub use crate::oauth::locale::Lang;
use account_pages::AccountPageTexts;
pub use accounts::AccountTexts;
pub use factors::FactorTexts;
pub use farewell::FarewellTexts;
pub use history::HistoryTexts;
use passkeys::PasskeyTexts;
use password::PasswordTexts;
pub use phrase::{Count, One, Two};
pub use upstream::UpstreamTexts;
pub use when::{ago, exact, iso};

/// The catalogue of one language.
pub struct Texts {
    pub tag: &'static str,
    /// The language's own name, as the switch to it says it.
    pub own_name: &'static str,

    // the frame
    pub skip: &'static str,
    pub privacy: &'static str,
    pub terms: &'static str,
    pub help: &'static str,
    pub language: &'static str,
    pub problem: &'static str,
    pub cancel: &'static str,
    pub copy: &'static str,
    pub copied: &'static str,
    pub utc: &'static str,

    // sign in
    pub sign_in: &'static str,
    pub sign_in_to: One,
    pub sign_in_again: &'static str,
    pub sign_in_again_why: &'static str,
    pub username: &'static str,
    pub password: &'static str,
    pub not_you: &'static str,
    pub no_match: &'static str,
    pub username_missing: &'static str,
    pub password_missing: &'static str,
    pub slowed_down: Count,
    pub slowed_down_minutes: Count,
    pub form_expired: &'static str,
    pub form_expired_app: One,
    pub busy: &'static str,

    // accounts
    pub accounts: AccountTexts,
    // other providers
    pub upstream: UpstreamTexts,

    // what is known of a person
    pub history: HistoryTexts,
    // the pages of the account
    pub account_pages: AccountPageTexts,

    // second factors
    pub factors: FactorTexts,

    // new passwords
    pub passwords: PasswordTexts,

    // consent
    pub consent_title: One,
    pub consent_as: One,
    pub consent_wants: One,
    pub consent_already: &'static str,
    pub consent_goes: One,
    pub consent_unverified: &'static str,
    pub consent_app_policy: One,
    pub consent_app_terms: One,
    pub allow: &'static str,
    pub deny: &'static str,
    pub scope_openid: &'static str,
    pub scope_profile: &'static str,
    pub scope_email: &'static str,
    pub scope_address: &'static str,
    pub scope_phone: &'static str,
    pub scope_offline: &'static str,
    pub scope_account: &'static str,
    pub scope_other: One,
    pub scope_claim: One,
    pub scope_resource: One,

    // choose an account
    pub choose: &'static str,
    pub choose_for: One,
    pub signed_in_now: &'static str,
    pub needs_password: &'static str,
    pub another: &'static str,

    // sign out
    pub sign_out: &'static str,
    pub sign_out_from: One,
    pub sign_out_asks: Two,
    pub sign_out_plain: One,
    pub stay: &'static str,
    pub signed_out: &'static str,
    pub signed_out_what: &'static str,
    pub signed_out_close: &'static str,
    pub sign_in_once_more: &'static str,
    pub farewell: FarewellTexts,

    // passkeys
    pub passkeys: PasskeyTexts,

    // something went wrong
    pub error_400: &'static str,
    pub error_400_what: &'static str,
    pub error_redirect_what: One,
    pub error_client_what: &'static str,
    pub error_403: &'static str,
    pub error_403_what: &'static str,
    pub error_404: &'static str,
    pub error_404_what: &'static str,
    pub error_410: &'static str,
    pub error_410_what: &'static str,
    pub error_410_app: One,
    pub error_429: &'static str,
    pub error_429_what: Count,
    pub error_503: &'static str,
    pub error_503_what: &'static str,
    pub support_code: &'static str,
    pub for_developers: &'static str,
    pub sent: &'static str,
    pub registered: &'static str,
    pub none_registered: &'static str,
    pub differ_at: One,
    pub differ_last: &'static str,
    pub differ_longer: &'static str,
    pub differ_shorter: &'static str,

    // account
    pub account: &'static str,
    pub you: &'static str,
    pub name: &'static str,
    pub email: &'static str,
    pub email_unverified: &'static str,
    pub member_since: &'static str,
    pub sessions: &'static str,
    pub sessions_what: &'static str,
    pub this_one: &'static str,
    pub last_seen: One,
    pub signed_in_at: One,
    pub from_address: One,
    pub end_session: &'static str,
    pub apps: &'static str,
    pub apps_what: &'static str,
    pub apps_empty: &'static str,
    pub app_since: One,
    pub remove: &'static str,
    pub everywhere: &'static str,
    pub everywhere_what: &'static str,
    pub session_ended: &'static str,
    pub app_removed: &'static str,

    // confirm
    pub confirm_session: One,
    pub confirm_session_what: &'static str,
    pub confirm_app: One,
    pub confirm_app_what: One,
    pub confirm_everywhere: &'static str,
    pub confirm_everywhere_what: &'static str,
    pub keep_session: &'static str,
    pub keep_app: &'static str,

    // sending an answer to the app
    pub form_post: &'static str,
    pub form_post_to: One,
    pub form_post_what: &'static str,
    pub go_on: &'static str,

    // the demo's relying party
    pub demo: &'static str,
    pub demo_what: &'static str,
    pub demo_person: Two,
    pub demo_in: One,
    pub demo_id_token: &'static str,
    pub demo_id_token_what: &'static str,
    pub demo_access: &'static str,
    pub demo_access_what: &'static str,
    pub demo_access_opaque: &'static str,
    pub demo_userinfo: &'static str,
    pub demo_userinfo_what: &'static str,
    pub demo_refresh: &'static str,
    pub demo_refreshed: Count,
    pub demo_failed: &'static str,
    pub demo_claim: &'static str,
    pub demo_value: &'static str,
    pub demo_inbox: &'static str,
    pub demo_inbox_what: &'static str,
    pub demo_inbox_empty: &'static str,
    pub demo_inbox_reload: &'static str,
    pub demo_inbox_to: One,

    // the documents
    pub docs: &'static str,
    pub docs_what: &'static str,
    pub docs_raw: &'static str,
    pub docs_parameters: &'static str,
    pub docs_answers: &'static str,
    pub docs_required: &'static str,
    pub docs_place: &'static str,
    pub docs_meaning: &'static str,
    pub docs_status: &'static str,
    pub docs_type: &'static str,
    pub docs_auth: One,

    // time
    pub months: [&'static str; 12],
    pub date: fn(i64, &str, i64) -> String,
    pub date_time: Two,
    pub just_now: &'static str,
    pub minutes_ago: Count,
    pub hours_ago: Count,
    pub days_ago: Count,
}

/// The catalogue for `lang`.
pub fn texts(lang: &Lang) -> &'static Texts {
    match lang {
        Lang::En => &en::TEXTS,
        Lang::De => &de::TEXTS,
    }
}

/// Every language, for the switch at the foot of a page.
pub const ALL: [Lang; 2] = [Lang::En, Lang::De];

impl Texts {
    /// What a scope lets an app do, in words; one that the house does not know is shown by its name.
    pub fn scope(&self, token: &str) -> String {
        let known = match token {
            "openid" => self.scope_openid,
            "profile" => self.scope_profile,
            "email" => self.scope_email,
            "address" => self.scope_address,
            "phone" => self.scope_phone,
            "offline_access" => self.scope_offline,
            "account" => self.scope_account,
            other => return self.scope_other.with(other).to_string(),
        };
        known.to_owned()
    }

    /// That somebody has to wait so many seconds; long times are told in minutes, rounded up.
    pub fn wait(&self, seconds: i64) -> String {
        if seconds <= 120 { self.slowed_down.of(seconds) } else { self.slowed_down_minutes.of(seconds.saturating_add(59) / 60) }
            .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody counts down from an hour in seconds.
    #[test]
    fn waits() {
        let said = |seconds| texts(&Lang::En).wait(seconds);
        assert!(said(1).contains("a second") && said(120).contains("120 seconds"));
        assert!(said(121).contains("3 minutes") && said(3599).contains("60 minutes"), "{}", said(3599));
    }
}
