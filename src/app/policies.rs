//! What the settings say, in the words of those who keep to it.

use super::outbound;
use crate::cache::Rule;
use crate::config::{self, BreachedSource, Config, PublicPkce, RegistrationMode};
use crate::endpoints::{Policy, UnregisteredResources, accounts, register};
use crate::identity::policy::{Breached, PasswordPolicy};
use crate::oauth::PkcePolicy;
use crate::web::limits::RateRules;

pub(super) fn policy(config: &Config) -> Policy {
    Policy {
        response_types: config.response_types.clone(),
        unregistered_resources: match config.unregistered_resources {
            config::UnregisteredResources::Refuse => UnregisteredResources::Refused,
            config::UnregisteredResources::Allow => UnregisteredResources::Allowed,
        },
        session_idle_seconds: config.session.idle_seconds,
        session_absolute_seconds: config.session.absolute_seconds,
        access_alg: config.token.access_alg,
        strangers_visits: Rule::per_hour(config.limits.visits_per_hour),
        accounts: accounts_policy(config),
        registration: registration_policy(config),
    }
}

/// Which apps register themselves, and what they get.
fn registration_policy(config: &Config) -> register::Policy {
    register::Policy {
        mode: match config.registration.mode {
            RegistrationMode::Off => register::Mode::Off,
            RegistrationMode::Token => register::Mode::Token,
            RegistrationMode::Open => register::Mode::Open,
        },
        public_pkce: match config.registration.public_pkce {
            PublicPkce::Required => PkcePolicy::Required,
            PublicPkce::Optional => PkcePolicy::Optional,
        },
        unused_seconds: config.registration.unused_seconds,
        access_token_seconds: config.token.access_seconds,
        refresh_idle_seconds: config.token.refresh_idle_seconds,
        refresh_absolute_seconds: config.token.refresh_absolute_seconds,
    }
}

/// Who comes in; what needs mail is off where no mail can be sent.
fn accounts_policy(config: &Config) -> accounts::Policy {
    let on = |switch| switch == config::Switch::On;
    accounts::Policy {
        sign_up: match config.accounts.sign_up {
            config::SignUpMode::Off => accounts::SignUpMode::Off,
            config::SignUpMode::Open => accounts::SignUpMode::Open,
            config::SignUpMode::Invitation => accounts::SignUpMode::Invitation,
        },
        domains: config.accounts.sign_up_domains.clone(),
        password: on(config.accounts.password),
        by_mail: on(config.accounts.by_mail),
        verified_only: on(config.accounts.verified_only),
        deletion_seconds: config.accounts.deletion_seconds,
        house: config.house.name.clone(),
    }
}

pub(super) fn rate_rules(config: &Config) -> RateRules {
    let limits = &config.limits;
    RateRules {
        pages: Rule::per_minute(limits.pages_per_minute),
        guesses: Rule::per_minute(limits.guesses_per_minute),
        mail: Rule::per_hour(limits.mail_per_hour),
        failures: Rule::per_minute(limits.failures_per_minute),
        machines: Rule::per_minute(limits.machines_per_minute),
        client: Rule::per_minute(limits.client_per_minute),
        registrations: Rule::per_hour(config.registration.per_hour),
    }
}

/// What new passwords must be; breached ones are asked for through the guarded client.
pub(super) fn password_policy(config: &Config) -> PasswordPolicy {
    let breached = match &config.password.breached {
        BreachedSource::Off => Breached::Off,
        BreachedSource::File(path) => Breached::file(path.clone()),
        BreachedSource::Service(url) => Breached::service(url, outbound(config)),
    };
    PasswordPolicy {
        min_chars: config.password.min_chars,
        max_chars: config.password.max_chars,
        classes: config.password.classes.clone(),
        min_score: config.password.min_score,
        breached,
    }
}
