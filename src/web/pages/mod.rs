//! The pages: one askama model and one template each. A model is plain data in words that a person may see; it decides
//! nothing, reads nothing and never carries a secret, except a CSRF token or the answer that `form_post` sends on.

mod account;
mod add_factor;
mod ask_address;
mod authenticators;
mod change_address;
mod change_password;
mod check_mail;
mod check_session;
mod choose_account;
mod confirm;
mod consent;
mod delete_account;
mod demo;
mod demo_inbox;
mod demo_upstream;
mod difference;
mod docs;
mod error;
pub mod form_post;
mod frame;
mod invitation;
mod link;
mod new_password;
mod own_data;
mod passkeys;
mod profile;
pub mod qr;
mod recovery_codes;
mod second_factor;
mod sign_in;
mod sign_out;
mod sign_up;
mod upstream;

pub use account::{Account, AppRow, Notice, SessionRow};
pub use add_factor::{AddFactor, AddProblem, WaitingFactor};
pub use ask_address::{AskAddress, Asked};
pub use authenticators::{AddAuthenticator, Authenticator, Authenticators, DeviceRow, FactorNotice, FactorRow};
pub use change_address::{AddressProblem, ChangeAddress};
pub use change_password::{ChangePassword, PasswordProblem};
pub use check_mail::{CheckMail, CodeProblem};
pub use check_session::CheckSession;
pub use choose_account::{Choice, ChooseAccount};
pub use confirm::{Confirm, Removal};
pub use consent::{Consent, ResourceName};
pub use delete_account::DeleteAccount;
pub use demo::{DemoResult, DemoStart, Facts, rows};
pub use demo_inbox::{CaughtMail, DemoInbox};
pub use demo_upstream::{DemoUpstream, PersonaLink};
pub use docs::{Docs, DocsAnswer, DocsEndpoint, DocsGroup, DocsParameter};
pub use error::{Developer, ErrorPage, Kind, UpstreamError};
pub use form_post::FormPost;
pub use frame::{AppLook, Checked, Frame, HouseLook};
pub use invitation::Invitation;
pub use link::{Link, LinkCode, LinkTo, ResetPassword, Tidings, Told};
pub use new_password::NewPassword;
pub use own_data::{History, OwnData};
pub use passkeys::{ChangePasskey, PasskeyNotice, PasskeyRow, Passkeys};
pub use profile::{Profile, ProfileField};
pub use recovery_codes::{NewRecoveryCodes, RecoveryCodes};
pub use second_factor::{
    Later, NewKey, SecondFactor, SecondFactorPasskey, SecondFactorProblem, Sending, SetUpPasskey, SetUpSecondFactor, WayRow,
    WayWords, Ways,
};
pub use sign_in::{Occasion, PasskeyProblem, PasskeyWay, SignIn, SignInProblem};
pub use sign_out::{SignOut, SignedOut};
pub use sign_up::{FormProblem, SignUp};
pub use upstream::{AddressGivenProblem, Connect, GiveAddress, Identities, IdentityNotice, IdentityRow, UpstreamButton};

use askama::Template;

use crate::base::Fault;

/// The page as HTML.
///
/// # Errors
/// A fault when a value of the page cannot be written.
pub fn html(page: &impl Template) -> Result<String, Fault> {
    page.render().map_err(Fault::at("pages: render"))
}
