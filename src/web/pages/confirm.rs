//! The question before something is taken away: it names the thing, and the safe button comes first.

use askama::Template;

use super::Frame;
use crate::identity::device::device;

/// A link `keep` that leads back and a button `confirm` that posts.
#[derive(Template)]
#[template(path = "pages/confirm.html")]
pub struct Confirm {
    pub frame: Frame,
    pub action: String,
    /// The session that the form answers for, where what goes is not named in `action`.
    pub session: Option<String>,
    pub back_url: String,
    pub removal: Removal,
}

/// What would be taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// A session, by the browser's `User-Agent`.
    Session {
        user_agent: String,
    },
    /// An app's permission, by the app's name.
    App {
        name: String,
    },
    /// Every app's permission.
    AllApps,
    /// A passkey, by its name.
    Passkey {
        name: String,
    },
    Password,
    /// An account elsewhere, by the name of its provider and of the person there.
    Identity {
        upstream: String,
        shown: String,
    },
    /// Every session of the person.
    Everywhere,
}

impl Confirm {
    fn title(&self) -> String {
        let t = self.frame.t();
        match &self.removal {
            Removal::Session { user_agent } => t.confirm_session.with(device(self.frame.lang, user_agent)).to_string(),
            Removal::App { name } => t.confirm_app.with(name).to_string(),
            Removal::AllApps => t.account_pages.confirm_all.to_owned(),
            Removal::Passkey { name } => t.passkeys.confirm.with(name).to_string(),
            Removal::Password => t.passkeys.drop_confirm.to_owned(),
            Removal::Identity { upstream, shown } => t.upstream.disconnect_title.with(upstream, shown).to_string(),
            Removal::Everywhere => t.confirm_everywhere.to_owned(),
        }
    }

    fn what(&self) -> String {
        let t = self.frame.t();
        match &self.removal {
            Removal::Session { .. } => t.confirm_session_what.to_owned(),
            Removal::App { name } => t.confirm_app_what.with(name).to_string(),
            Removal::AllApps => t.account_pages.confirm_all_what.to_owned(),
            Removal::Passkey { .. } => t.passkeys.confirm_what.to_owned(),
            Removal::Password => t.passkeys.drop_what.to_owned(),
            Removal::Identity { upstream, .. } => t.upstream.disconnect_what.with(upstream).to_string(),
            Removal::Everywhere => t.confirm_everywhere_what.to_owned(),
        }
    }

    fn keep(&self) -> &'static str {
        let t = self.frame.t();
        match self.removal {
            Removal::Session { .. } => t.keep_session,
            Removal::App { .. } => t.keep_app,
            Removal::AllApps => t.account_pages.keep_all,
            Removal::Passkey { .. } | Removal::Password => t.passkeys.keep,
            Removal::Identity { .. } => t.upstream.keep,
            Removal::Everywhere => t.stay,
        }
    }

    fn act(&self) -> &'static str {
        let t = self.frame.t();
        match self.removal {
            Removal::Session { .. } => t.end_session,
            Removal::App { .. } => t.remove,
            Removal::AllApps => t.account_pages.remove_all,
            Removal::Passkey { .. } => t.remove,
            Removal::Password => t.passkeys.drop_password,
            Removal::Identity { .. } => t.upstream.disconnect,
            Removal::Everywhere => t.everywhere,
        }
    }
}
