//! ONE table of endpoints. It feeds the router, the discovery document, the OpenAPI document and the README's table.

use actix_web::guard::{Patch, Put};
use actix_web::web;

pub use super::endpoint::{Cors, Csrf, Endpoint, Group, Rate};
use super::endpoint::{api, cors, open, page, read, remove, write};
use super::oauth::{account_api, authorize, check_session, end_session, introspect, metadata, register, revoke, token, userinfo};
use super::person::{
    account, add_factor, authenticators, change_address, change_password, check_mail, choose, connect, consent, deletion, disown,
    forgot, identities, invitation, language, links, logo, own_data, passkeys, profile, recovery_codes, second_factor, set_up,
    sign_in, sign_out, sign_up, upstream,
};
pub use super::router::{allowed, configure, may_hold_secret, metadata, nothing_here, position};
use super::{openapi, status};

/// It stands at the root of the host, whatever the issuer's path is (W3C, A Well-Known URL for Changing Passwords).
pub(super) const CHANGE_PASSWORD: &str = "/.well-known/change-password";

/// So does this.
pub(super) const RELATED_ORIGINS: &str = "/.well-known/webauthn";

/// Every endpoint, in the order of the documents.
pub const ENDPOINTS: &[Endpoint] = &[
    open(
        "/.well-known/openid-configuration",
        Group::Metadata,
        Rate::Metadata,
        "Provider metadata (OpenID Connect Discovery)",
        |r| r.route(read().to(metadata::discovery)),
    ),
    open(
        "/.well-known/oauth-authorization-server",
        Group::Metadata,
        Rate::Metadata,
        "Authorization server metadata (RFC 8414)",
        |r| r.route(read().to(metadata::discovery)),
    ),
    Endpoint {
        metadata: Some("jwks_uri"),
        ..open("/jwks", Group::Metadata, Rate::Metadata, "The public keys that verify what is signed here (RFC 7517)", |r| {
            r.route(read().to(metadata::jwks))
        })
    },
    Endpoint {
        path: "/authorize",
        methods: &["GET", "POST"],
        group: Group::Protocol,
        metadata: Some("authorization_endpoint"),
        cors: Cors::Nobody,
        csrf: Csrf::Exempt,
        rate: Rate::Page,
        summary: "Sends a person here to sign in and allow an app something (RFC 6749 section 3.1)",
        route: |r| r.route(read().to(authorize::get)).route(write().to(authorize::post)),
    },
    Endpoint {
        path: "/token",
        methods: &["POST"],
        group: Group::Protocol,
        metadata: Some("token_endpoint"),
        cors: Cors::Client,
        csrf: Csrf::Exempt,
        rate: Rate::Machine,
        summary: "Exchanges a code, a refresh token or a client's own credentials for tokens (RFC 6749 section 3.2)",
        route: |r| r.route(write().to(token::post)).route(cors()),
    },
    Endpoint {
        path: "/userinfo",
        methods: &["GET", "POST"],
        group: Group::Protocol,
        metadata: Some("userinfo_endpoint"),
        cors: Cors::Client,
        csrf: Csrf::Exempt,
        rate: Rate::Machine,
        summary: "What an access token lets its holder know of the person (OpenID Connect Core section 5.3)",
        route: |r| r.route(read().to(userinfo::get)).route(write().to(userinfo::post)).route(cors()),
    },
    Endpoint {
        path: "/introspect",
        methods: &["POST"],
        group: Group::Protocol,
        metadata: Some("introspection_endpoint"),
        cors: Cors::Nobody,
        csrf: Csrf::Exempt,
        rate: Rate::Machine,
        summary: "Says whether a token is alive and what it allows (RFC 7662)",
        route: |r| r.route(write().to(introspect::post)),
    },
    Endpoint {
        path: "/revoke",
        methods: &["POST"],
        group: Group::Protocol,
        metadata: Some("revocation_endpoint"),
        cors: Cors::Client,
        csrf: Csrf::Exempt,
        rate: Rate::Machine,
        summary: "Ends an access token, or a refresh token with all that came from it (RFC 7009)",
        route: |r| r.route(write().to(revoke::post)).route(cors()),
    },
    Endpoint {
        path: "/end_session",
        methods: &["GET", "POST"],
        group: Group::Protocol,
        metadata: Some("end_session_endpoint"),
        cors: Cors::Nobody,
        csrf: Csrf::Exempt,
        rate: Rate::Page,
        summary: "Signs a person out at an app's wish (OpenID Connect RP-Initiated Logout)",
        route: |r| r.route(read().to(end_session::get)).route(write().to(end_session::post)),
    },
    Endpoint {
        metadata: Some("check_session_iframe"),
        ..open(
            "/check_session",
            Group::Protocol,
            Rate::Page,
            "A frame that says whether the person is still the same (OpenID Connect Session Management)",
            |r| r.route(read().to(check_session::get)),
        )
    },
    Endpoint {
        metadata: Some("registration_endpoint"),
        methods: &["POST"],
        ..open(
            "/register",
            Group::Protocol,
            Rate::Register,
            "Registers an app, where `registration.mode` allows that (RFC 7591)",
            |r| r.route(write().to(register::post)),
        )
    },
    Endpoint {
        methods: &["GET", "PUT", "DELETE"],
        ..open(
            "/register/{client_id}",
            Group::Protocol,
            Rate::Register,
            "What an app does with its own registration (RFC 7592)",
            |r| {
                let replace = web::route().guard(Put()).to(register::put);
                r.route(read().to(register::get)).route(replace).route(remove().to(register::delete))
            },
        )
    },
    api("/api/account", &["GET", "PATCH"], "The profile of the person, and changes to it (scope `account`)", |r| {
        let change = web::route().guard(Patch()).to(account_api::change);
        r.route(read().to(account_api::profile)).route(change).route(cors())
    }),
    api("/api/account/sessions", &["GET"], "Where the person is signed in (scope `account`)", |r| {
        r.route(read().to(account_api::sessions)).route(cors())
    }),
    api("/api/account/sessions/{sid}", &["DELETE"], "Ends one session of the person (scope `account`)", |r| {
        r.route(remove().to(account_api::end_session)).route(cors())
    }),
    api("/api/account/apps", &["GET"], "The apps that the person has given permission (scope `account`)", |r| {
        r.route(read().to(account_api::apps)).route(cors())
    }),
    api("/api/account/apps/{client_id}", &["DELETE"], "Takes back what the person allowed an app (scope `account`)", |r| {
        r.route(remove().to(account_api::withdraw)).route(cors())
    }),
    api("/api/account/factors", &["GET"], "The second factors of the person (scope `account`)", |r| {
        r.route(read().to(account_api::factors)).route(cors())
    }),
    api("/api/account/factors/{id}", &["DELETE"], "Takes a second factor away, after a fresh sign-in (scope `account`)", |r| {
        r.route(remove().to(account_api::remove_factor)).route(cors())
    }),
    api("/api/account/recovery-codes", &["POST"], "Makes recovery codes, after a fresh sign-in (scope `account`)", |r| {
        r.route(write().to(account_api::make_codes)).route(cors())
    }),
    api("/api/account/passkeys", &["GET"], "The passkeys of the person (scope `account`)", |r| {
        r.route(read().to(account_api::passkeys)).route(cors())
    }),
    api("/api/account/passkeys/{id}", &["DELETE"], "Removes a passkey, after a fresh sign-in (scope `account`)", |r| {
        r.route(remove().to(account_api::remove_passkey)).route(cors())
    }),
    page("/", &["GET"], Rate::Page, "To the account page", |r| r.route(read().to(account::begin))),
    page("/sign-in", &["GET"], Rate::Page, "Sign in to the account page", |r| r.route(read().to(sign_in::begin))),
    page("/sign-in/{id}", &["GET", "POST"], Rate::Guess, "Sign in", |r| {
        r.route(read().to(sign_in::show)).route(write().to(sign_in::submit))
    }),
    page("/second-factor/{id}", &["GET", "POST"], Rate::Guess, "Show a second factor", |r| {
        r.route(read().to(second_factor::show)).route(write().to(second_factor::submit))
    }),
    page("/second-factor/{id}/options", &["POST"], Rate::Page, "What the script of that page asks a passkey", |r| {
        r.route(write().to(second_factor::options))
    }),
    page("/set-up-second-factor/{id}", &["GET", "POST"], Rate::Guess, "Add a second factor on the way to an app", |r| {
        r.route(read().to(set_up::show)).route(write().to(set_up::submit))
    }),
    page(
        "/set-up-second-factor/{id}/options",
        &["POST"],
        Rate::Page,
        "What the script of that page asks for a new passkey",
        |r| r.route(write().to(set_up::options)),
    ),
    page("/passkey-options/{id}", &["POST"], Rate::Page, "What the script of the sign-in page asks a passkey", |r| {
        r.route(write().to(passkeys::ask_to_sign_in))
    }),
    page("/sign-up", &["GET"], Rate::Page, "Make an account", |r| r.route(read().to(sign_up::begin))),
    page("/sign-up/{id}", &["GET", "POST"], Rate::Mail, "Make an account", |r| {
        r.route(read().to(sign_up::show)).route(write().to(sign_up::submit))
    }),
    page("/check-mail/{id}", &["GET", "POST"], Rate::Guess, "Type the code that was sent, or have it sent again", |r| {
        r.route(read().to(check_mail::show)).route(write().to(check_mail::submit))
    }),
    page("/invitation/{token}", &["GET", "POST"], Rate::Guess, "Make an account by the link of an invitation", |r| {
        r.route(read().to(invitation::show)).route(write().to(invitation::accept))
    }),
    page("/verify-email/{token}", &["GET", "POST"], Rate::Guess, "Prove an address by the link that was sent to it", |r| {
        r.route(read().to(links::show_verification)).route(write().to(links::verify))
    }),
    page("/sign-in-by-mail/{id}", &["GET", "POST"], Rate::Mail, "Have a link sent to sign in with", |r| {
        r.route(read().to(forgot::show_by_mail)).route(write().to(forgot::submit_by_mail))
    }),
    page("/sign-in-link/{token}", &["GET", "POST"], Rate::Guess, "Sign in by the link that was sent", |r| {
        r.route(read().to(links::show_sign_in)).route(write().to(links::sign_in))
    }),
    page("/forgot-password", &["GET"], Rate::Page, "Have a link sent for a new password", |r| r.route(read().to(forgot::begin))),
    page("/forgot-password/{id}", &["GET", "POST"], Rate::Mail, "Have a link sent for a new password", |r| {
        r.route(read().to(forgot::show)).route(write().to(forgot::submit))
    }),
    page("/reset-password/{token}", &["GET", "POST"], Rate::Guess, "Choose a new password by the link that was sent", |r| {
        r.route(read().to(links::show_reset)).route(write().to(links::reset))
    }),
    page("/upstream/{id}/start/{interaction}", &["GET", "POST"], Rate::Page, "Go to another provider to sign in", |r| {
        r.route(read().to(upstream::straight)).route(write().to(upstream::start))
    }),
    Endpoint {
        csrf: Csrf::Exempt,
        ..page("/upstream/{id}/callback", &["GET", "POST"], Rate::Page, "Come back from another provider", |r| {
            r.route(read().to(upstream::callback)).route(write().to(upstream::posted))
        })
    },
    Endpoint {
        methods: &["POST"],
        ..open(
            "/upstream/{id}/backchannel-logout",
            Group::Protocol,
            Rate::Machine,
            "Hears from another provider that a person signed out there (OpenID Connect Back-Channel Logout)",
            |r| r.route(write().to(upstream::signed_out)),
        )
    },
    page("/connect/{id}", &["GET", "POST"], Rate::Page, "Connect an account elsewhere with one here, or not", |r| {
        r.route(read().to(connect::show)).route(write().to(connect::submit))
    }),
    page("/give-address/{id}", &["GET", "POST"], Rate::Mail, "Give the address that another provider did not", |r| {
        r.route(read().to(connect::ask)).route(write().to(connect::give))
    }),
    page("/finish-sign-in/{token}", &["GET", "POST"], Rate::Guess, "Prove that address by the link that was sent", |r| {
        r.route(read().to(connect::show_link)).route(write().to(connect::finish))
    }),
    page("/choose-account/{id}", &["GET", "POST"], Rate::Page, "Go on as yourself or as somebody else", |r| {
        r.route(read().to(choose::show)).route(write().to(choose::submit))
    }),
    page("/consent/{id}", &["GET", "POST"], Rate::Page, "Allow or refuse what an app asks for", |r| {
        r.route(read().to(consent::show)).route(write().to(consent::submit))
    }),
    page("/sign-out", &["GET"], Rate::Page, "Sign out of this browser", |r| r.route(read().to(sign_out::begin))),
    page("/sign-out/{id}", &["GET", "POST"], Rate::Page, "Confirm signing out", |r| {
        r.route(read().to(sign_out::show)).route(write().to(sign_out::submit))
    }),
    page("/signed-out", &["GET"], Rate::Page, "After signing out", |r| r.route(read().to(sign_out::signed_out))),
    page("/account", &["GET"], Rate::Page, "Who am I, where am I signed in, which apps are connected", |r| {
        r.route(read().to(account::show))
    }),
    page("/account/profile", &["GET", "POST"], Rate::Page, "Say who you are", |r| {
        r.route(read().to(profile::show)).route(write().to(profile::submit))
    }),
    page("/account/password", &["GET", "POST"], Rate::Guess, "Change the password", |r| {
        r.route(read().to(change_password::show)).route(write().to(change_password::submit))
    }),
    page(CHANGE_PASSWORD, &["GET"], Rate::Page, "Where password managers find the page to change the password", |r| {
        r.route(read().to(change_password::well_known))
    }),
    page("/account/passkeys", &["GET", "POST"], Rate::Page, "Look after passkeys, and add one", |r| {
        r.route(read().to(passkeys::show)).route(write().to(passkeys::add))
    }),
    page("/account/passkeys/options", &["POST"], Rate::Page, "What the script of that page asks for a new passkey", |r| {
        r.route(write().to(passkeys::ask_to_enrol))
    }),
    page("/account/passkeys/password", &["GET", "POST"], Rate::Page, "Do without a password", |r| {
        r.route(read().to(passkeys::ask_to_drop_password)).route(write().to(passkeys::drop_password))
    }),
    page("/account/passkeys/{id}", &["GET", "POST"], Rate::Page, "Give a passkey another name", |r| {
        r.route(read().to(passkeys::show_one)).route(write().to(passkeys::rename))
    }),
    page("/account/passkeys/{id}/remove", &["GET", "POST"], Rate::Page, "Remove a passkey", |r| {
        r.route(read().to(passkeys::ask_to_remove)).route(write().to(passkeys::remove))
    }),
    open(
        RELATED_ORIGINS,
        Group::Metadata,
        Rate::Metadata,
        "Where passkeys of this host may be used (WebAuthn section 5.11)",
        |r| r.route(read().to(metadata::related_origins)),
    ),
    page("/account/email", &["GET", "POST"], Rate::Mail, "Change the e-mail address", |r| {
        r.route(read().to(change_address::show)).route(write().to(change_address::submit))
    }),
    page("/confirm-email/{token}", &["GET", "POST"], Rate::Guess, "Confirm a new address by the link that was sent to it", |r| {
        r.route(read().to(change_address::show_confirmation)).route(write().to(change_address::confirm))
    }),
    page(
        "/undo-email/{token}",
        &["GET", "POST"],
        Rate::Guess,
        "Take a change of the address back, by the link that was sent",
        |r| r.route(read().to(change_address::show_undo)).route(write().to(change_address::undo)),
    ),
    page("/not-me/{token}", &["GET", "POST"], Rate::Guess, "Disown a sign-in, by the link in the mail about it", |r| {
        r.route(read().to(disown::show)).route(write().to(disown::submit))
    }),
    page("/account/authenticators", &["GET"], Rate::Page, "The second factors of the person", |r| {
        r.route(read().to(authenticators::list))
    }),
    page("/account/authenticators/add", &["GET", "POST"], Rate::Guess, "Add an authenticator app", |r| {
        r.route(read().to(authenticators::show_add)).route(write().to(authenticators::add))
    }),
    page("/account/authenticators/add/{kind}", &["GET", "POST"], Rate::Mail, "Add a second factor that codes are sent to", |r| {
        r.route(read().to(add_factor::show)).route(write().to(add_factor::submit))
    }),
    page("/account/authenticators/{id}", &["GET", "POST"], Rate::Page, "Rename or remove a second factor", |r| {
        r.route(read().to(authenticators::show_one)).route(write().to(authenticators::change_one))
    }),
    page("/account/remembered-browsers", &["POST"], Rate::Page, "Forget a browser that was remembered", |r| {
        r.route(write().to(authenticators::forget))
    }),
    page("/account/recovery-codes", &["GET", "POST"], Rate::Page, "Make recovery codes", |r| {
        r.route(read().to(recovery_codes::show)).route(write().to(recovery_codes::make))
    }),
    page("/account/recovery-codes/file", &["POST"], Rate::Page, "The recovery codes of the page before as a file", |r| {
        r.route(write().to(recovery_codes::file))
    }),
    page("/account/delete", &["GET", "POST"], Rate::Page, "Delete the account", |r| {
        r.route(read().to(deletion::show)).route(write().to(deletion::submit))
    }),
    page(
        "/keep-account/{token}",
        &["GET", "POST"],
        Rate::Guess,
        "Take a planned deletion back, by the link that was sent",
        |r| r.route(read().to(deletion::show_keep)).route(write().to(deletion::keep)),
    ),
    page("/account/sessions/{sid}", &["GET", "POST"], Rate::Page, "End one session", |r| {
        r.route(read().to(account::ask_session)).route(write().to(account::end_session))
    }),
    page("/account/apps/{client_id}", &["GET", "POST"], Rate::Page, "Disconnect an app", |r| {
        r.route(read().to(account::ask_app)).route(write().to(account::remove_app))
    }),
    page("/account/apps", &["GET", "POST"], Rate::Page, "Disconnect every app", |r| {
        r.route(read().to(account::ask_all_apps)).route(write().to(account::remove_all_apps))
    }),
    page("/account/everywhere", &["GET", "POST"], Rate::Page, "Sign out everywhere", |r| {
        r.route(read().to(account::ask_everywhere)).route(write().to(account::end_everywhere))
    }),
    page("/account/identities", &["GET"], Rate::Page, "Accounts elsewhere that sign me in", |r| {
        r.route(read().to(identities::show))
    }),
    page("/account/identities/connect/{id}", &["POST"], Rate::Page, "Connect an account elsewhere", |r| {
        r.route(write().to(identities::connect))
    }),
    page("/account/identities/{id}", &["GET", "POST"], Rate::Page, "Disconnect an account elsewhere", |r| {
        r.route(read().to(identities::ask)).route(write().to(identities::remove))
    }),
    page("/account/history", &["GET"], Rate::Page, "What happened to my account", |r| r.route(read().to(own_data::history))),
    page("/account/data", &["GET", "POST"], Rate::Page, "Download everything that is known of me", |r| {
        r.route(read().to(own_data::show)).route(write().to(own_data::download))
    }),
    page("/language", &["POST"], Rate::Page, "Choose the language of the pages", |r| r.route(write().to(language::switch))),
    page("/logo/{digest}", &["GET"], Rate::Metadata, "The logo of an app", |r| r.route(read().to(logo::show))),
    page("/static/{name}", &["GET"], Rate::Metadata, "Style sheet, script and icon of the pages", |r| {
        r.route(read().to(status::asset))
    }),
    open("/openapi.json", Group::Metadata, Rate::Metadata, "This table as an OpenAPI 3.1 document", |r| {
        r.route(read().to(metadata::openapi))
    }),
    page("/docs", &["GET"], Rate::Page, "This table as a page", |r| r.route(read().to(openapi::docs))),
    open("/healthz", Group::Operation, Rate::Metadata, "The process answers", |r| r.route(read().to(status::healthz))),
    open("/readyz", Group::Operation, Rate::Metadata, "The process can reach its database", |r| {
        r.route(read().to(status::readyz))
    }),
];
