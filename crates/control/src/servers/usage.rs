//! What went through a server: by five minutes for the last week, and by the hour for the year before.
//!
//! Called by the façade that sells single servers. Filled by `metering`.

use domain::account::Actor;
use domain::traffic::{Resolution, Sample};
use domain::{Error, Result, ServerId, Timestamp};

use crate::app::App;

/// What went through a server in both directions, the oldest first. Only times at which it ran are in it: where nothing
/// went through then, it says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Received by the server.
    pub incoming: Vec<Used>,
    /// Sent by the server.
    pub outgoing: Vec<Used>,
}

/// What went through in one sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// How much.
    pub bytes: u64,
    /// In how many seconds; the latest sample is not over yet and has fewer than the others.
    pub seconds: u64,
    /// Since when.
    pub began_at: Timestamp,
}

/// What went through the organisation's server. Errors: `NotFound`.
pub async fn usage(app: &App, actor: &Actor, id: ServerId) -> Result<Usage> {
    let organisation = actor.organisation.id;
    let mut session = app.store.read().await?;
    store::servers::living(&mut session, organisation, id)
        .await?
        .ok_or_else(|| Error::not_found("server"))?;
    let now = session.now();
    let read_at = store::traffic::last(&mut session, id)
        .await?
        .map_or(now, |last| last.at);
    let year = Resolution::Hour.kept_since(now);
    let week = Resolution::FiveMinutes.kept_since(now);
    let parts = [
        (Resolution::Hour, year, week),
        (Resolution::FiveMinutes, week, Timestamp(i64::MAX)),
    ];
    let mut usage = Usage::default();
    for (resolution, from, to) in parts {
        let samples =
            store::traffic::samples(&mut session, organisation, id, resolution, from, to).await?;
        for Sample { began_at, bytes } in samples {
            let used = |bytes| Used {
                bytes,
                seconds: covered(began_at, resolution, read_at),
                began_at,
            };
            usage.incoming.push(used(bytes.received));
            usage.outgoing.push(used(bytes.sent));
        }
    }
    Ok(usage)
}

/// How much of a sample's time the readings have got to.
fn covered(began_at: Timestamp, resolution: Resolution, read_at: Timestamp) -> u64 {
    // The clock may have been set back since.
    if read_at <= began_at {
        return resolution.secs();
    }
    let passed = read_at.since(began_at).as_secs();
    passed.clamp(1, resolution.secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_sample_has_the_seconds_that_were_read_and_the_others_have_all() {
        let at = |secs: i64| Timestamp(secs * 1_000_000);
        let covered = |read_at| covered(at(600), Resolution::FiveMinutes, at(read_at));
        assert_eq!(
            [covered(0), covered(660), covered(900), covered(5000)],
            [300, 60, 300, 300]
        );
    }
}
