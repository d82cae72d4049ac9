//! Capacity: how much of a region of the operator's may be sold, where the operator has set a limit.
//!
//! Called within the transaction that is about to sell something, before it writes. What must stay true: the region stays
//! locked until that transaction ends; organisations are locked before regions.

use domain::offer::{Capacity, Overcommit};
use domain::quota::{Amounts, Limits};
use domain::{Error, ErrorKind, Result};
use store::Session;

/// Errors: `Quota` where the region has no room for `wanted`, and where nobody knows how much there is of what is limited.
/// Whoever asks learns no more of the operator's machines.
pub async fn check(session: &mut Session, region: &str, wanted: &Amounts) -> Result<()> {
    let Some((capacity, overcommit)) = store::house::hold_room(session, region).await? else {
        return Ok(());
    };
    let Some(capacity) = capacity else {
        tracing::warn!(
            region,
            "a region has limits and does not say how large it is: nothing of it is sold until it does"
        );
        return Err(no_room(format!(
            "nothing can be made in the region {region:?} now, for it is not known how much room there is; nothing was \
             done: take another region, or try again in a few minutes"
        )));
    };
    let sold = store::quotas::sold(session, region).await?;
    let Some(exceeded) = limits(&capacity, &overcommit).exceeded(&sold, wanted) else {
        return Ok(());
    };
    tracing::warn!(
        region,
        limit = exceeded.limit,
        sold = exceeded.used,
        asked = exceeded.asked,
        "a region is sold out: {}",
        exceeded.what
    );
    Err(no_room(format!(
        "the region {region:?} has no room for it; nothing was done: take another region or a smaller size, or try again \
         later"
    )))
}

fn no_room(message: String) -> Error {
    Error::new(ErrorKind::Quota, message).field("region")
}

/// The most that may be sold.
pub fn limits(capacity: &Capacity, overcommit: &Overcommit) -> Limits {
    let most = |has: u64, factor: Option<f64>| factor.map_or(u64::MAX, |factor| times(has, factor));
    Limits {
        servers: u64::MAX,
        cpus: most(capacity.cpus, overcommit.cpus),
        memory_mib: most(capacity.memory_mib, overcommit.memory),
        disk_gib: most(capacity.disk_gib, overcommit.disk),
        snapshots: u64::MAX,
    }
}

/// Rounded down; nothing where the factor makes no sense.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "no region has 2^53 MiB, and a conversion to an integer stops at its bounds"
)]
fn times(has: u64, factor: f64) -> u64 {
    // What was meant as 1.1 times 10 is 11, though 1.1 is a little less in binary.
    (has as f64 * factor + 1e-6).floor() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_that_is_not_set_limits_nothing() {
        let capacity = Capacity {
            cpus: 10,
            memory_mib: 1000,
            disk_gib: 100,
        };
        let overcommit = Overcommit {
            cpus: Some(1.1),
            memory: None,
            disk: Some(0.5),
        };
        let limits = limits(&capacity, &overcommit);
        assert_eq!(
            (limits.cpus, limits.memory_mib, limits.disk_gib),
            (11, u64::MAX, 50)
        );
    }

    #[test]
    fn a_factor_that_makes_no_sense_sells_nothing() {
        for factor in [-1.0, f64::NAN] {
            assert_eq!(times(10, factor), 0);
        }
        assert_eq!(times(10, f64::INFINITY), u64::MAX);
    }
}
