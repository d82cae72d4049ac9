//! The configuration: flags, `ARCUS_*` variables and `arcus.toml`, in this order of precedence.
//!
//! | file | what it owns |
//! |---|---|
//! | `config` | the file, and what follows from all three |
//! | `flags` | the flags, and their variables |
//! | `entries` | regions, plans and images as the file has them |
//! | `billing` | what costs something, and quotas |
//!
//! Read by `serve`; the other commands go by [`Place`] alone. What must stay true: a key of `arcus.toml` that nothing
//! reads is refused by name, and an error never repeats a line of the file, for there are secrets in it.

mod billing;
mod entries;
mod flags;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use clouds::registry;
use control::app::OrphanPolicy;
use control::{Registration, Settings};
use domain::{Error, Result};
use secrecy::SecretString;
use serde::Deserialize;

pub(crate) use billing::{MoneyFlags, amount};
pub(crate) use entries::{GENERAL_PURPOSE, ImageEntry, PlanEntry, ROOT, RegionEntry, apart, money};
pub(crate) use flags::{OrphansFlag, Place, RegistrationFlag, Serve};

/// `arcus.toml`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct File {
    listen: Option<SocketAddr>,
    registration: Option<RegistrationFlag>,
    sandbox: bool,
    find_incus: Option<bool>,
    reveal_provider_secrets: bool,
    orphans: Option<OrphansFlag>,
    orphans_after_secs: Option<f64>,
    allow_private_networks: Option<bool>,
    metrics_token: Option<String>,
    calls_at_once: Option<usize>,
    calls_per_second: Option<NonZeroU32>,
    max_nodes: Option<usize>,
    billing: billing::Table,
    quota: billing::QuotaTable,
    #[serde(rename = "region")]
    pub(crate) regions: Vec<RegionEntry>,
    #[serde(rename = "plan")]
    pub(crate) plans: Vec<PlanEntry>,
    #[serde(rename = "image")]
    pub(crate) images: Vec<ImageEntry>,
}

/// Where customers' clouds are instead of where they are for everybody: `ARCUS_KIND_ENDPOINT` of each kind that can be
/// elsewhere, for tests and for clouds that speak the same API. No flag and no file: nobody comes across it by accident.
pub(crate) fn endpoints() -> HashMap<String, String> {
    let given = registry::CLOUDS.iter().filter(|kind| kind.has_endpoint());
    given
        .filter_map(|kind| {
            let name = format!("ARCUS_{}_ENDPOINT", kind.name.to_ascii_uppercase());
            let address = std::env::var(name).ok()?;
            (!address.is_empty()).then(|| (kind.name.to_owned(), address))
        })
        .collect()
}

/// Everything that `arcus serve` goes by.
pub(crate) struct Configuration {
    pub(crate) listen: SocketAddr,
    pub(crate) settings: Settings,
    pub(crate) metrics_token: Option<SecretString>,
    /// Whether the Incus of this machine is offered.
    pub(crate) find_incus: bool,
    pub(crate) file: File,
}

// === impl Configuration ===

impl Configuration {
    /// Reads the file and lays the flags over it.
    pub(crate) fn read(place: &Place, flags: Serve) -> Result<Self> {
        let file = File::read(place, flags.config.as_deref())?;
        let listen = flags
            .listen
            .or(file.listen)
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)));
        let local = is_local(listen.ip());
        let registration = match flags.registration.or(file.registration) {
            Some(RegistrationFlag::Open) => Registration::Open,
            Some(RegistrationFlag::Closed) => Registration::Closed,
            None if local => Registration::Open,
            Some(RegistrationFlag::Invite) | None => Registration::Invite,
        };
        let default = Settings::default();
        let settings = Settings {
            registration,
            reveal_provider_secrets: flags.reveal_provider_secrets || file.reveal_provider_secrets,
            sandbox: (flags.sandbox || file.sandbox).then(|| place.sandbox()),
            allow_private_networks: flags
                .allow_private_networks
                .or(file.allow_private_networks)
                .unwrap_or(local),
            lease: seconds(flags.lease_secs, "lease-secs")?.unwrap_or(default.lease),
            reconcile_every: seconds(flags.reconcile_secs, "reconcile-secs")?
                .unwrap_or(default.reconcile_every),
            sample_every: seconds(flags.sample_secs, "sample-secs")?
                .unwrap_or(default.sample_every),
            calls_at_once: flags.calls_at_once.or(file.calls_at_once),
            calls_per_second: flags.calls_per_second.or(file.calls_per_second),
            max_nodes: flags
                .max_nodes
                .or(file.max_nodes)
                .unwrap_or(default.max_nodes),
            orphans: match flags.orphans.or(file.orphans) {
                Some(OrphansFlag::Remove) => OrphanPolicy::Remove,
                Some(OrphansFlag::Report) | None => OrphanPolicy::Report,
            },
            orphans_after: seconds(
                flags.orphans_after_secs.or(file.orphans_after_secs),
                "orphans-after-secs",
            )?
            .unwrap_or(default.orphans_after),
            endpoints: endpoints(),
            billing: file.billing.settings(&flags.money)?,
            quota: file.quota.limits(),
            ..default
        };
        let metrics_token = flags
            .metrics_token
            .or_else(|| file.metrics_token.clone())
            .map(SecretString::from);
        Ok(Self {
            listen,
            settings,
            metrics_token,
            find_incus: flags.find_incus.or(file.find_incus).unwrap_or(true),
            file,
        })
    }
}

fn is_local(address: IpAddr) -> bool {
    address.is_loopback()
}

fn seconds(value: Option<f64>, flag: &str) -> Result<Option<Duration>> {
    let Some(value) = value else { return Ok(None) };
    match Duration::try_from_secs_f64(value) {
        Ok(duration) if duration >= Duration::from_millis(100) => Ok(Some(duration)),
        _ => Err(Error::invalid(format!(
            "--{flag} is a number of seconds, 0.1 or more"
        ))),
    }
}

// === impl File ===

impl File {
    /// Whether the data folder's `arcus.toml` has a `[[region]]`, `[[plan]]` or `[[image]]` of that slug.
    pub(crate) fn names(place: &Place, what: &str, slug: &str) -> bool {
        let Ok(file) = Self::read(place, None) else {
            return false;
        };
        match what {
            "region" => file.regions.iter().any(|region| region.slug() == slug),
            "plan" => file.plans.iter().any(|plan| plan.slug() == slug),
            _ => file.images.iter().any(|image| image.slug() == slug),
        }
    }

    fn read(place: &Place, named: Option<&Path>) -> Result<Self> {
        let usual = place.data_dir.join("arcus.toml");
        let path = match named {
            Some(path) => path,
            None if usual.exists() => &usual,
            None => return Ok(Self::default()),
        };
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::invalid(format!("{} can't be read: {error}", path.display()))
        })?;
        Self::parse(&text).map_err(|error| Error::invalid(format!("{}: {error}", path.display())))
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| before.matches('\n').count() + 1);
            format!("line {line}: {}", error.message())
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::Money;

    use super::*;

    /// Why a file with this text is refused.
    fn refused(text: &str) -> String {
        File::parse(text).map(drop).expect_err("refused")
    }

    #[test]
    fn a_file_with_an_unknown_key_is_refused_by_the_name_of_the_key() {
        let region = "[[region]]\nslug = \"fra\"\ncloud = \"incus\"\n";
        let plan = "[[plan]]\nslug = \"small\"\ncpus = 1\nmemory_mib = 512\ndisk_gib = 10\n";
        let image = "[[image]]\nslug = \"debian\"\ndistribution = \"debian-12\"\n";
        for (table, key) in [
            ("", "listn"),
            (region, "pol"),
            (plan, "hidden"),
            (image, "alais"),
        ] {
            let message = refused(&format!("{table}{key} = \"x\"\n"));
            assert!(message.contains(key), "{message}");
        }
    }

    #[test]
    fn a_file_that_is_refused_is_not_printed() {
        let text = "metrics_token = \"hunter2\"\nregion = [{slug = \"fra\", cloud = \"incus\", client_key = \"hunter2\", vm = 1}]";
        let message = refused(text);
        assert!(message.starts_with("line 2: "), "{message}");
        assert!(
            message.contains("vm") && !message.contains("hunter2"),
            "{message}"
        );
    }

    /// The prices of a plan with these lines, by the hour and by the month.
    fn prices(lines: &str) -> Result<(Money, Money)> {
        let plan = "[[plan]]\nslug = \"small\"\ncpus = 1\nmemory_mib = 512\ndisk_gib = 10\n";
        let file = File::parse(&format!("{plan}{lines}")).expect("parses");
        let plan = file.plans.into_iter().next().expect("one").plan()?;
        Ok((plan.hourly, plan.monthly))
    }

    #[test]
    fn a_plan_without_a_monthly_price_costs_every_hour_of_the_month() {
        let both = prices("hourly = \"0.005\"\n").expect("is right");
        assert_eq!(both, (Money(5_000), Money(744 * 5_000)));
        let both = prices("hourly = \"0.005\"\nmonthly = \"3.5\"\n").expect("is right");
        assert_eq!(both, (Money(5_000), Money(3_500_000)));
        assert_eq!(prices("").expect("is right"), (Money(0), Money(0)));
    }

    #[test]
    fn a_plan_whose_servers_would_cost_nothing_by_mistake_is_refused_by_its_name() {
        for lines in [
            "hourly = \"0.005\"\nmonthly = \"0\"\n",
            "hourly = \"0.005\"\nmonthly = \"0.0049\"\n",
            "monthly = \"3.5\"\n",
        ] {
            let error = prices(lines).expect_err(lines);
            assert!(error.message().contains("small"), "{error}");
        }
    }

    #[test]
    fn a_regions_secrets_are_not_among_its_options() {
        let file = File::parse(
            "[[region]]\nslug = \"fra\"\ncloud = \"incus\"\nurl = \"https://h:8443\"\nclient_key = \"secret\"\n",
        )
        .expect("parses");
        let region = file.regions.into_iter().next().expect("one").region();
        assert_eq!(region.options.keys().collect::<Vec<_>>(), ["url"]);
        assert!(region.credentials.get("client_key").is_some());
    }
}
