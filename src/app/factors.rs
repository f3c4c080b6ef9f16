//! The second factors of the house, as the settings want them, and the plugins that bring more.

use crate::base::{Clock, Fault};
use crate::config::{Config, Problem, Problems, SecondFactorPolicy};
use crate::endpoints::second_factor::{Counts, House};
use crate::identity::factor::{Demand, EMAIL, Kinds, Level, Policy, RECOVERY, SecondFactor};
use crate::identity::passkeys::{PASSKEY, SECURITY_KEY};
use crate::identity::recovery::RecoveryKey;
use crate::identity::totp::{self, AuthenticatorApp};
use crate::keys::Vault;
use crate::notify::Channel;

/// Kinds and channels that a program of somebody's own brings.
#[derive(Default)]
pub struct Plugins {
    pub kinds: Vec<Box<dyn SecondFactor>>,
    pub channels: Vec<Box<dyn Channel>>,
}

/// What `second_factor.counts` may name whatever plugins there are: `sms` stands in the default, with a gateway or without.
const OWN: [&str; 6] = [totp::KIND, PASSKEY, SECURITY_KEY, "sms", EMAIL, RECOVERY];

/// Whether `second_factor.counts` names kinds that there are: a word with a slip of the pen would quietly switch a kind off.
///
/// # Errors
/// It names another, with those that there are.
pub fn check_counts(config: &Config, more: &Plugins) -> Result<(), Problems> {
    let known: Vec<&str> = OWN.into_iter().chain(more.kinds.iter().map(|kind| kind.about().kind)).collect();
    let unknown = config.second_factor.counts.iter().find(|kind| !known.contains(&kind.as_str()));
    let problem = |kind: &String| Problem {
        setting: "second_factor.counts".to_owned(),
        why: format!("names `{kind}`, and there is no such kind of second factor"),
        remedy: format!("name some of {}", known.join(", ")),
    };
    unknown.map_or(Ok(()), |kind| Err(Problems(vec![problem(kind)])))
}

/// Every kind, in the order in which they are offered.
pub(super) fn house(config: &Config, vault: &Vault, clock: &Clock, more: Plugins) -> Result<House, Fault> {
    check_counts(config, &more).map_err(Fault::at("settings"))?;
    let settings = &config.second_factor;
    let policy = Policy {
        demand: match settings.policy {
            SecondFactorPolicy::Off => Demand::Off,
            SecondFactorPolicy::Offered => Demand::Offered,
            SecondFactorPolicy::Required => Demand::Required,
        },
        groups: settings.groups.clone(),
        grace_seconds: settings.grace_seconds,
        counts: settings.counts.clone(),
        remember_seconds: settings.remember_seconds,
        messages_a_day: config.sms.per_day,
    };
    let recovery_key = RecoveryKey::new(vault.mac_key("recovery-code")?);
    let mut kinds: Vec<Box<dyn SecondFactor>> = vec![Box::new(AuthenticatorApp)];
    let mut channels: Vec<Box<dyn Channel>> = Vec::new();
    plugins(config, clock, (&mut kinds, &mut channels));
    kinds.extend(more.kinds);
    channels.extend(more.channels);
    let by_passkey = if super::passkeys(config).is_some() { Level::Resistant } else { Level::One };
    let kinds = Kinds::new(kinds);
    let counts = Counts::new(&kinds, &channels);
    Ok(House { kinds, policy, recovery_key, by_passkey, channels, counts })
}

type Plugged<'a> = (&'a mut Vec<Box<dyn SecondFactor>>, &'a mut Vec<Box<dyn Channel>>);

/// Text messages, where a gateway carries them, or a demo catches them.
#[cfg(feature = "plugins")]
fn plugins(config: &Config, clock: &Clock, (kinds, channels): Plugged<'_>) {
    use crate::config::SmsShape;
    use crate::notify::Way;
    use crate::outbound::Outbound;
    use crate::plugins::sms::{Caught, Gateway, Shape, TextMessage};

    let channel: Box<dyn Channel> = match (&config.sms.gateway, &config.mail.way) {
        (Some(gateway), _) => Box::new(Gateway {
            outbound: Outbound::new(super::rules(config)),
            url: gateway.url.clone(),
            shape: match gateway.shape {
                SmsShape::Generic => Shape::Generic,
                SmsShape::Twilio => Shape::Twilio { account: gateway.account.clone() },
            },
            from: gateway.from.clone(),
            secret: gateway.secret.clone(),
        }),
        (None, Way::Memory(inbox)) => Box::new(Caught { inbox: inbox.clone(), clock: clock.clone() }),
        (None, _) => return,
    };
    kinds.push(Box::new(TextMessage { prefixes: config.sms.prefixes.clone() }));
    channels.push(channel);
}

#[cfg(not(feature = "plugins"))]
const fn plugins(_: &Config, _: &Clock, _: Plugged<'_>) {}
