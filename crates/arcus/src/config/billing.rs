//! What `arcus.toml` and the flags say of money and quotas: `[billing]`, `[billing.stripe]`, `[quota]`.
//!
//! Read by `serve` alone, which keeps it in the database for the commands that deal with money: they go by the same, whatever
//! is set around them.

use std::time::Duration;

use clap::{Args, ValueEnum};
use control::billing::{BillingSettings, StripeSettings};
use domain::quota::Limits;
use domain::{Error, Money, Result};
use secrecy::SecretString;
use serde::Deserialize;

use super::money;

/// Whoever owes has this long at the least, in hours.
const SHORTEST_GRACE: u64 = 24;

/// On or off.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

/// What of the money can be set by flags.
#[derive(Args, Clone)]
pub(crate) struct MoneyFlags {
    /// Whether servers in the operator's own regions cost their price; they do unless set.
    #[arg(long, global = true, env = "ARCUS_BILLING")]
    pub(crate) billing: Option<Switch>,
    /// What a new organisation is given, a decimal; 25 unless set.
    #[arg(long, global = true, env = "ARCUS_STARTING_CREDIT")]
    pub(crate) starting_credit: Option<String>,
}

/// `[billing]`; amounts are decimals in quotes.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Table {
    on: Option<bool>,
    currency: Option<String>,
    starting_credit: Option<String>,
    warn_below_hours: Option<u32>,
    destroy_after_hours: Option<u64>,
    seller: Option<String>,
    stripe: Option<Stripe>,
}

/// `[billing.stripe]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stripe {
    secret_key: SecretString,
    webhook_secret: SecretString,
    success_url: String,
    cancel_url: String,
    api_base: Option<String>,
}

/// `[quota]`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct QuotaTable {
    servers: Option<u64>,
    cpus: Option<u64>,
    memory_mib: Option<u64>,
    disk_gib: Option<u64>,
    snapshots: Option<u64>,
}

// === impl Table ===

impl Table {
    pub(super) fn settings(&self, flags: &MoneyFlags) -> Result<BillingSettings> {
        let default = BillingSettings::default();
        let on = flags.billing.map(|switch| switch == Switch::On);
        let starting_credit = flags
            .starting_credit
            .as_ref()
            .or(self.starting_credit.as_ref());
        let currency = self.currency.clone().unwrap_or(default.currency);
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(Error::invalid(format!(
                "{currency:?} is no currency; write its code, such as USD"
            )));
        }
        Ok(BillingSettings {
            on: on.or(self.on).unwrap_or(default.on),
            currency,
            starting_credit: starting_credit
                .map_or(Ok(default.starting_credit), |text| money(text))?,
            warn_below_hours: self.warn_below_hours.unwrap_or(default.warn_below_hours),
            destroy_after: self.destroy_after_hours.map(grace).transpose()?,
            seller: self.seller.clone().unwrap_or(default.seller),
            stripe: self.stripe.as_ref().map(Stripe::settings),
        })
    }
}

/// For how long an organisation may owe. Errors: `Invalid` for less than a day: nobody could be told in time.
fn grace(hours: u64) -> Result<Duration> {
    if hours < SHORTEST_GRACE {
        return Err(Error::invalid(format!(
            "destroy_after_hours is {SHORTEST_GRACE} or more, so that customers can be told before; leave it out where \
             nothing is to be destroyed"
        )));
    }
    Ok(Duration::from_secs(hours.saturating_mul(3600)))
}

// === impl Stripe ===

impl Stripe {
    fn settings(&self) -> StripeSettings {
        StripeSettings {
            secret_key: self.secret_key.clone(),
            webhook_secret: self.webhook_secret.clone(),
            success_url: self.success_url.clone(),
            cancel_url: self.cancel_url.clone(),
            api_base: self.api_base.clone(),
        }
    }
}

// === impl QuotaTable ===

impl QuotaTable {
    pub(super) fn limits(&self) -> Limits {
        let default = Limits::default();
        Limits {
            servers: self.servers.unwrap_or(default.servers),
            cpus: self.cpus.unwrap_or(default.cpus),
            memory_mib: self.memory_mib.unwrap_or(default.memory_mib),
            disk_gib: self.disk_gib.unwrap_or(default.disk_gib),
            snapshots: self.snapshots.unwrap_or(default.snapshots),
        }
    }
}

/// An amount that is to be moved, as a decimal.
pub(crate) fn amount(text: &str) -> Result<Money, String> {
    Money::parse(text)
        .filter(|amount| *amount > Money(0))
        .ok_or_else(|| "write a decimal of more than nothing, such as 25 or 0.50".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::File;
    use super::*;

    const NO_FLAGS: MoneyFlags = MoneyFlags {
        billing: None,
        starting_credit: None,
    };

    fn parse(text: &str) -> Result<File, String> {
        File::parse(text)
    }

    #[test]
    fn what_is_not_set_is_as_it_comes() {
        let file = parse("").expect("parses");
        let billing = file.billing.settings(&NO_FLAGS).expect("is right");
        assert!(billing.on && billing.destroy_after.is_none() && billing.stripe.is_none());
        assert_eq!(billing.starting_credit, Money(25_000_000));
        assert_eq!(file.quota.limits(), Limits::default());
    }

    #[test]
    fn flags_stand_above_the_file() {
        let file = parse(
            "[billing]\non = true\ncurrency = \"EUR\"\nstarting_credit = \"10\"\ndestroy_after_hours = 720\n\
             [quota]\nservers = 5\n",
        )
        .expect("parses");
        let flags = MoneyFlags {
            billing: Some(Switch::Off),
            starting_credit: Some("0.5".to_owned()),
        };
        let billing = file.billing.settings(&flags).expect("is right");
        assert!(!billing.on);
        assert_eq!(billing.starting_credit, Money(500_000));
        assert_eq!(billing.currency, "EUR");
        assert_eq!(billing.destroy_after, Some(Duration::from_hours(720)));
        assert_eq!(file.quota.limits().servers, 5);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in [
            "[billing]\ncurrency = \"dollars\"\n",
            "[billing]\nstarting_credit = \"-1\"\n",
            "[billing]\ndestroy_after_hours = 0\n",
            "[billing]\ndestroy_after_hours = 23\n",
        ] {
            let file = parse(text).expect("parses");
            assert!(file.billing.settings(&NO_FLAGS).is_err(), "{text}");
        }
        let day = parse("[billing]\ndestroy_after_hours = 24\n").expect("parses");
        let day = day.billing.settings(&NO_FLAGS).expect("is right");
        assert_eq!(day.destroy_after, Some(Duration::from_hours(24)));
        for text in [
            "[billing]\nonn = true\n",
            "[quota]\nserver = 1\n",
            "[billing.stripe]\nsecret_key = \"sk_hunter2\"\n",
        ] {
            let error = parse(text).map(drop).expect_err("is refused");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
