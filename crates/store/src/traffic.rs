//! Traffic: the hypervisor's counters as they were last read, and what went through by five minutes and by the hour.
//!
//! Written by `control::metering` and by the operations that make and destroy a server; read by the use case that shows
//! it. What must stay true: samples grow only in the transaction in which [`advance`] says that nobody else has moved the
//! counters since they were read, so that what several replicas read at once is counted once; both resolutions grow
//! together.

use domain::traffic::{Bytes, Reading, Resolution, Sample, spread};
use domain::{OrganisationId, ProviderId, Result, ServerId, Timestamp};

use crate::query::{Row, sql};
use crate::session::Session;

/// The most that a slot holds: no network carries it, and sums of such slots are numbers still, whatever a customer's own
/// cloud says.
const MOST: i64 = 1 << 53;

/// So many samples go at once, so that nobody waits for long.
const AT_ONCE: i64 = 5000;

/// A running server whose counters are to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Which server.
    pub server: ServerId,
    /// What its cloud calls it.
    pub cloud_id: String,
    /// What its instance bears.
    pub token: String,
    /// What its counters said last; `None` where nobody has read them.
    pub last: Option<Reading>,
}

/// Up to 100 running servers of one account in one region, after a key, whose counters were last read before a moment:
/// `None` is the house.
pub async fn due(
    session: &mut Session,
    provider: Option<ProviderId>,
    region: &str,
    after: ServerId,
    before: Timestamp,
) -> Result<Vec<Due>> {
    let rows = if let Some(provider) = provider {
        let query = sql!(
            "SELECT s.id, s.cloud_id, s.token, c.at, c.epoch, c.received_bytes, c.sent_bytes FROM servers s \
             LEFT JOIN traffic_counters c ON c.server_id = s.id WHERE s.provider_id = $1 AND s.region = $2 \
             AND s.destroyed_at IS NULL AND s.power = 'running' AND s.cloud_id IS NOT NULL AND s.id > $3 \
             AND (c.at IS NULL OR c.at < $4) ORDER BY s.id LIMIT 100"
        );
        session
            .all(query.arg(provider).arg(region).arg(after).arg(before))
            .await?
    } else {
        let query = sql!(
            "SELECT s.id, s.cloud_id, s.token, c.at, c.epoch, c.received_bytes, c.sent_bytes FROM servers s \
             JOIN providers p ON p.id = s.provider_id LEFT JOIN traffic_counters c ON c.server_id = s.id \
             WHERE p.kind = 'arcus' AND s.region = $1 AND s.destroyed_at IS NULL AND s.power = 'running' \
             AND s.cloud_id IS NOT NULL AND s.id > $2 AND (c.at IS NULL OR c.at < $3) ORDER BY s.id LIMIT 100"
        );
        session
            .all(query.arg(region).arg(after).arg(before))
            .await?
    };
    rows.iter()
        .map(|row| {
            Ok(Due {
                server: ServerId(row.get("id")?),
                cloud_id: row.get("cloud_id")?,
                token: row.get("token")?,
                last: reading(row)?,
            })
        })
        .collect()
}

/// What a server's counters said last.
pub async fn last(session: &mut Session, server: ServerId) -> Result<Option<Reading>> {
    let query = sql!(
        "SELECT at, epoch, received_bytes, sent_bytes FROM traffic_counters WHERE server_id = $1"
    );
    match session.optional(query.arg(server)).await? {
        Some(row) => reading(&row),
        None => Ok(None),
    }
}

/// A server was made just now: whatever its counters will say has gone through since.
pub async fn begin(session: &mut Session, server: ServerId) -> Result<()> {
    let nothing = Reading {
        at: session.now(),
        epoch: String::new(),
        counted: Bytes::default(),
    };
    insert(session, server, &nothing).await.map(drop)
}

/// A server is gone, and its counters with it.
pub async fn end(session: &mut Session, server: ServerId) -> Result<()> {
    let query = sql!("DELETE FROM traffic_counters WHERE server_id = $1");
    session.execute(query.arg(server)).await.map(drop)
}

/// Moves a server's counters on from what they said last, and adds what went through in between to its samples; a first
/// reading is only what later ones go by. False, and nothing is written, where somebody else has moved them since.
pub async fn advance(
    session: &mut Session,
    server: ServerId,
    last: Option<&Reading>,
    now: &Reading,
) -> Result<bool> {
    let Some(last) = last else {
        return insert(session, server, now).await;
    };
    let query = sql!(
        "UPDATE traffic_counters SET at = $1, epoch = $2, received_bytes = $3, sent_bytes = $4 \
         WHERE server_id = $5 AND at = $6 AND epoch = $7 AND received_bytes = $8 AND sent_bytes = $9"
    );
    let moved = session
        .execute(
            query
                .arg(now.at)
                .arg(&now.epoch)
                .arg(signed(now.counted.received))
                .arg(signed(now.counted.sent))
                .arg(server)
                .arg(last.at)
                .arg(&last.epoch)
                .arg(signed(last.counted.received))
                .arg(signed(last.counted.sent)),
        )
        .await?;
    if moved == 0 {
        return Ok(false);
    }
    let bytes = now.after(last);
    for resolution in Resolution::ALL {
        let since = resolution.kept_since(now.at);
        for sample in spread(bytes, last.at, now.at, resolution, since) {
            add(session, server, resolution, &sample).await?;
        }
    }
    Ok(true)
}

async fn insert(session: &mut Session, server: ServerId, reading: &Reading) -> Result<bool> {
    let query = sql!(
        "INSERT INTO traffic_counters (server_id, at, epoch, received_bytes, sent_bytes) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (server_id) DO NOTHING"
    );
    let added = session
        .execute(
            query
                .arg(server)
                .arg(reading.at)
                .arg(&reading.epoch)
                .arg(signed(reading.counted.received))
                .arg(signed(reading.counted.sent)),
        )
        .await?;
    Ok(added > 0)
}

async fn add(
    session: &mut Session,
    server: ServerId,
    resolution: Resolution,
    sample: &Sample,
) -> Result<()> {
    let query = sql!(
        "INSERT INTO traffic_samples (server_id, resolution, began_at, received_bytes, sent_bytes) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (server_id, resolution, began_at) DO UPDATE SET \
         received_bytes = CASE WHEN traffic_samples.received_bytes > $6 - excluded.received_bytes THEN $6 \
         ELSE traffic_samples.received_bytes + excluded.received_bytes END, \
         sent_bytes = CASE WHEN traffic_samples.sent_bytes > $6 - excluded.sent_bytes THEN $6 \
         ELSE traffic_samples.sent_bytes + excluded.sent_bytes END"
    );
    session
        .execute(
            query
                .arg(server)
                .arg(seconds(resolution))
                .arg(sample.began_at)
                .arg(signed(sample.bytes.received).min(MOST))
                .arg(signed(sample.bytes.sent).min(MOST))
                .arg(MOST),
        )
        .await
        .map(drop)
}

/// What went through the organisation's server, by slots of that length from one moment on and before another, the oldest
/// first.
pub async fn samples(
    session: &mut Session,
    organisation: OrganisationId,
    server: ServerId,
    resolution: Resolution,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Sample>> {
    let query = sql!(
        "SELECT t.began_at, t.received_bytes, t.sent_bytes FROM traffic_samples t \
         JOIN servers s ON s.id = t.server_id WHERE s.organisation_id = $1 AND t.server_id = $2 AND t.resolution = $3 \
         AND t.began_at >= $4 AND t.began_at < $5 ORDER BY t.began_at"
    );
    let rows = session
        .all(
            query
                .arg(organisation)
                .arg(server)
                .arg(seconds(resolution))
                .arg(from)
                .arg(to),
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Sample {
                began_at: row.time("began_at")?,
                bytes: bytes(row)?,
            })
        })
        .collect()
}

/// Nothing goes through a server that is off: what its counters say once it runs again is spread over the time since now
/// and not over that in which it was off. For those whose counters were last read before a moment.
pub async fn pass_over_stopped(session: &mut Session, before: Timestamp) -> Result<()> {
    let now = session.now();
    let query = sql!(
        "UPDATE traffic_counters SET at = $1 WHERE at < $2 AND server_id IN \
         (SELECT s.id FROM servers s WHERE s.power = 'stopped' AND s.destroyed_at IS NULL)"
    );
    session.execute(query.arg(now).arg(before)).await.map(drop)
}

/// Forgets some of the samples that are kept no longer; false once none is left.
pub async fn prune(session: &mut Session, resolution: Resolution) -> Result<bool> {
    let since = resolution.kept_since(session.now());
    let query = sql!(
        "DELETE FROM traffic_samples WHERE (server_id, resolution, began_at) IN \
         (SELECT server_id, resolution, began_at FROM traffic_samples WHERE resolution = $1 AND began_at < $2 LIMIT $3)"
    );
    let gone = session
        .execute(query.arg(seconds(resolution)).arg(since).arg(AT_ONCE))
        .await?;
    Ok(gone > 0)
}

fn reading(row: &Row) -> Result<Option<Reading>> {
    let Some(at) = row.get::<Option<i64>>("at")? else {
        return Ok(None);
    };
    Ok(Some(Reading {
        at: Timestamp(at),
        epoch: row.get("epoch")?,
        counted: bytes(row)?,
    }))
}

fn bytes(row: &Row) -> Result<Bytes> {
    Ok(Bytes {
        received: row.get::<i64>("received_bytes")?.cast_unsigned(),
        sent: row.get::<i64>("sent_bytes")?.cast_unsigned(),
    })
}

fn seconds(resolution: Resolution) -> i64 {
    resolution.secs().cast_signed()
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
