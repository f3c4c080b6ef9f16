//! What a person hears by mail of a sign-in.

use crate::base::Fault;
use crate::endpoints::accounts::{self, Mail};
use crate::endpoints::{Provider, Visit};
use crate::identity::device::{device, network};
use crate::identity::one_time::Purpose;
use crate::identity::sessions::NewSession;
use crate::identity::users::User;
use crate::notify::Letter;
use crate::store::known_devices::{self, Standing};

/// The mail about a sign-in from a browser that the person has never used, with a way to say "that wasn't me".
pub(super) async fn of_new_device(
    provider: &Provider,
    user: &User,
    session: &NewSession,
    visit: &Visit,
) -> Result<Option<Mail>, Fault> {
    let standing = known_devices::standing(&mut provider.db.conn(), &user.id, &visit.browser_hash).await?;
    if standing != Standing::New || !provider.post.is_on() {
        return Ok(None);
    }
    let Some(to) = accounts::Recipient::of(user, visit.lang) else { return Ok(None) };
    let detail = serde_json::json!({ "session": session.id.as_str() }).to_string();
    let errand = to.errand(Purpose::NotMe, detail, visit);
    let mail = accounts::mail(provider, &to, errand, visit.now, |link, _| Letter::NewDevice {
        at: visit.now,
        device: device(to.lang, &visit.user_agent),
        network: network(visit.address),
        not_me_link: link,
    })?;
    Ok(Some(mail))
}
