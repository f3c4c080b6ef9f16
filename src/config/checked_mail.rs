//! The settings of mail.

use super::checked::Reader;
use super::parts::{House, MailSettings};
use crate::base::Issuer;
use crate::notify::{Sender, Templates, Way, is_address};

/// Whom the mail of a development server is from, where nobody said.
const DEVELOPMENT_SENDER: &str = "vouchsafe@localhost";

impl Reader<'_> {
    pub(super) fn mail(&mut self, issuer: Option<&Issuer>, house: Option<&House>) -> Option<MailSettings> {
        let is_development = issuer.is_some_and(Issuer::is_development);
        let before = self.problems.len();
        let url = self.secret("mail.url");
        let way = match url.as_ref().map(|url| Way::parse(url.expose())) {
            None if is_development => Way::Console,
            None => Way::Off,
            Some(Ok(Way::Console)) if !is_development => {
                self.refuse("mail.url", "is for development: sign-in links would stand in the log", "name a mail server");
                Way::Off
            }
            Some(Ok(Way::Folder(folder))) if !folder.is_dir() => {
                self.refuse("mail.url", "names a folder that is not there", "make the folder, or mend the path");
                Way::Off
            }
            Some(Ok(way)) => way,
            Some(Err(why)) => {
                self.refuse("mail.url", why, "write it like smtps://user:password@mail.example.com (special characters as %XX)");
                Way::Off
            }
        };
        let from = self.raw.text("mail.from").map(ToOwned::to_owned);
        match &from {
            Some(from) if !is_address(from) => {
                self.refuse("mail.from", "is no e-mail address", "write it like no-reply@example.com");
            }
            None if url.is_some() => {
                self.refuse("mail.from", "is not set beside `mail.url`", "write the address that mail is from")
            }
            _ => {}
        }
        let templates = self.raw.path("mail.templates");
        if let Some(folder) = templates.as_ref().filter(|folder| !folder.is_dir()) {
            let why = format!("names a folder that is not there ({})", folder.display());
            self.refuse("mail.templates", why, "make the folder, or take the setting out");
            return None;
        }
        if matches!(way, Way::Off) && self.raw.text("sign_up.mode").is_some_and(|mode| mode != "off") {
            self.refuse("sign_up.mode", "needs mail to prove addresses, and none can be sent", "set `mail.url` and `mail.from`");
        }
        if let Some(folder) = &templates
            && let Err(broken) = Templates::load(Some(folder))
        {
            self.refuse("mail.templates", format!("has {}, which {}", broken.file, broken.why), "mend or remove that file");
        }
        if self.problems.len() > before {
            return None;
        }
        let name = self.raw.text("mail.from_name").or(house.map(|house| house.name.as_str())).unwrap_or_default().to_owned();
        let from = Sender { address: from.unwrap_or_else(|| DEVELOPMENT_SENDER.to_owned()), name };
        Some(MailSettings { way, from, templates })
    }
}
