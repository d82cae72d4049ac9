//! A machine whose clock is wrong charges nobody: a clock that is a month ahead would charge a month at once, suspend whoever
//! can't pay it, and destroy their servers.
//!
//! Where the database is on a machine of its own, its clock is the second opinion. Where it is a file there is none: what was
//! written last says nothing, since Arcus may have been off for a month; there the reminder before the end has to do.

use std::time::Duration;

use domain::{Error, Result, Timestamp};

use crate::app::App;

/// So much may this process be ahead of the database.
const MOST: Duration = Duration::from_hours(24);

/// Errors: `Conflict` where this process's clock is far ahead of the database's.
pub(super) async fn must_be_right(app: &App) -> Result<()> {
    let mut session = app.store.read().await?;
    let theirs = store::billing::time_of_the_database(&mut session).await?;
    let ours = session.now();
    match theirs {
        Some(theirs) if is_ahead(ours, theirs) => Err(Error::conflict(format!(
            "this machine's clock says {ours} and the database's {theirs}; nothing was charged, and nobody is suspended or \
             loses a server: set the clock that is wrong"
        ))),
        _ => Ok(()),
    }
}

fn is_ahead(ours: Timestamp, theirs: Timestamp) -> bool {
    ours.since(theirs) > MOST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_may_be_a_day_ahead_and_as_far_behind_as_it_likes() {
        let theirs = Timestamp(1_800_000_000_000_000);
        let day = Duration::from_hours(24);
        assert!(!is_ahead(theirs, theirs));
        assert!(!is_ahead(theirs.plus(day), theirs));
        assert!(is_ahead(
            theirs.plus(day + Duration::from_micros(1)),
            theirs
        ));
        assert!(!is_ahead(theirs.minus(400 * day), theirs));
    }
}
