//! What a cloud offers: regions, plans, images, and what they cost.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// An amount of money in units of 10⁻⁶, never a float.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Money(pub i64);

/// A place where servers are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// What users write, such as `local` or `us-east-1`.
    pub slug: String,
    /// What users read.
    pub name: String,
    /// The host that serves the region's API, or the address of the house's own.
    pub endpoint: String,
    /// Its country's code, such as `TR`; empty where nobody said.
    #[serde(default)]
    pub country: String,
    /// Whether new servers may be made there.
    pub open: bool,
}

/// A size of server (Cloude.ro's "package", CloudHero's "size").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What users write, such as `eos1` or `t2.small`.
    pub slug: String,
    /// The group that it is listed in, such as `General Purpose`.
    pub family: String,
    /// Virtual processors.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Disk in GiB; 0 where disks are separate.
    pub disk_gib: u64,
    /// Transfer included, in TB a month.
    pub bandwidth_tb: u32,
    /// Price per hour.
    pub hourly: Money,
    /// Price per month, the most that a month costs.
    pub monthly: Money,
    /// Whether new servers may have it.
    pub open: bool,
}

/// An operating system to make a server from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// What users write, such as `debian-12`.
    pub slug: String,
    /// What users read.
    pub name: String,
    /// The distribution and its release, which select a package's recipe: `debian-12`, `ubuntu-24.04`.
    pub distribution: String,
    /// The user whom the image's SSH server lets in.
    pub login_user: String,
    /// Where a cloud finds it.
    pub source: ImageSource,
    /// The packages that come with it; with some it is an application, without any a template.
    #[serde(default)]
    pub packages: Vec<String>,
    /// The least that a plan for it has.
    #[serde(default)]
    pub minimum: Minimum,
    /// Whether new servers may be made from it.
    pub open: bool,
}

/// What a region's machines have, as its cloud last said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capacity {
    /// Processors, threads included.
    pub cpus: u64,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Disk for servers in GiB.
    pub disk_gib: u64,
}

/// How much of a region's capacity may be sold, 1.0 being all of it once. What is not set is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Overcommit {
    /// Of its processors.
    pub cpus: Option<f64>,
    /// Of its memory.
    pub memory: Option<f64>,
    /// Of its disk.
    pub disk: Option<f64>,
}

/// The least that a server needs for an image; what is not said does not matter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Minimum {
    /// Virtual processors.
    pub cpus: Option<u32>,
    /// Memory in MiB.
    pub memory_mib: Option<u64>,
    /// Disk in GiB.
    pub disk_gib: Option<u64>,
}

/// Where a cloud finds an image. An Incus server looks for the local alias first and for the remote then.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageSource {
    /// An alias at the Incus server, or the cloud's own id of the image (an AMI, a slug).
    pub alias: Option<String>,
    /// A simplestreams server.
    pub server: Option<String>,
    /// The alias at that simplestreams server, such as `debian/12/cloud`.
    pub remote_alias: Option<String>,
}

// === impl Money ===

impl Money {
    /// Parses a decimal such as `0.0060`, with six places at the most.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, places) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || places.len() > 6 || !digits(whole) || !digits(places) {
            return None;
        }
        let whole: i64 = whole.parse().ok()?;
        let places: i64 = format!("{places:0<6}").parse().ok()?;
        whole.checked_mul(1_000_000)?.checked_add(places).map(Self)
    }

    /// This much and `other` more. Errors: `Internal` where that is beyond all measure.
    pub fn plus(self, other: Self) -> Result<Self> {
        self.0.checked_add(other.0).map(Self).ok_or_else(beyond)
    }

    /// This much and `other` less. Errors: `Internal` where that is beyond all measure.
    pub fn minus(self, other: Self) -> Result<Self> {
        self.0.checked_sub(other.0).map(Self).ok_or_else(beyond)
    }

    /// So many times this much. Errors: `Internal` where that is beyond all measure.
    pub fn times(self, count: i64) -> Result<Self> {
        self.0.checked_mul(count).map(Self).ok_or_else(beyond)
    }

    /// As a decimal with four places, rounded half up.
    pub fn four_places(self) -> String {
        let units = (self.0.abs() + 50) / 100;
        let sign = if self.0 < 0 && units > 0 { "-" } else { "" };
        format!("{sign}{}.{:04}", units / 10_000, units % 10_000)
    }
}

fn beyond() -> Error {
    Error::internal("an amount of money is beyond 64 bits")
}

impl fmt::Display for Money {
    /// Exactly, with two places at the least: `25.00`, `0.0074`, `-0.000001`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = self.0.unsigned_abs();
        let places = format!("{:06}", units % 1_000_000);
        let shown = places.trim_end_matches('0').len().max(2);
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{}", units / 1_000_000, &places[..shown])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_amount_is_printed_exactly() {
        for (units, printed) in [
            (0, "0.00"),
            (25_000_000, "25.00"),
            (7_400, "0.0074"),
            (-1, "-0.000001"),
            (1_500_000, "1.50"),
            (i64::MIN, "-9223372036854.775808"),
        ] {
            assert_eq!(Money(units).to_string(), printed);
        }
    }

    #[test]
    fn what_is_beyond_all_measure_is_an_error() {
        assert!(Money(i64::MAX).plus(Money(1)).is_err());
        assert!(Money(i64::MIN).minus(Money(1)).is_err());
        assert!(Money(i64::MAX).times(2).is_err());
        assert_eq!(Money(3).times(-2).expect("fits"), Money(-6));
    }

    proptest! {
        #[test]
        fn what_is_printed_exactly_is_read_back_as_the_same_amount(units in 0..i64::MAX) {
            prop_assert_eq!(Money::parse(&Money(units).to_string()), Some(Money(units)));
        }

        #[test]
        fn what_is_printed_with_four_places_is_read_back_as_the_same_amount(units in 0..1_000_000_000_i64) {
            let money = Money(units * 100);
            prop_assert_eq!(Money::parse(&money.four_places()), Some(money));
        }
    }

    #[test]
    fn an_amount_that_is_no_decimal_is_refused() {
        for wrong in ["", "-1", ".5", "1.0000001", "1e3", "x"] {
            assert!(Money::parse(wrong).is_none(), "{wrong}");
        }
    }
}
