//! When a server cost what. Operations and use cases open, change and close the intervals in the transactions in which
//! they do the same to the server; charging reads them.
//!
//! What must stay true: a server's intervals follow one another; nothing is written into a time that was charged. So the
//! time is read after the lock: who closes an interval has its row, which charging locks as well; who opens one has the
//! organisation's balance. Where replicas' clocks differ all the same, what was charged decides.

use domain::billing::{Interval, Meter, Month};
use domain::{Money, OrganisationId, Plan, Result, ServerId, Timestamp};

use crate::query::sql;
use crate::session::Session;
use crate::{charges, invoices, ledger, quotas};

/// A server costs its agreed price from now on, where it is one of the operator's and is not to be destroyed; it may do so
/// already.
pub async fn begin(session: &mut Session, server: ServerId) -> Result<()> {
    // Locked, and before the balance: whoever is just asking for its end is waited for, and what they write is seen.
    let query = sql!(
        "UPDATE servers SET changed_at = changed_at WHERE id = $1 AND desired <> 'destroyed' AND destroyed_at IS NULL \
         AND EXISTS (SELECT 1 FROM providers p WHERE p.id = servers.provider_id AND p.kind = 'arcus') \
         RETURNING organisation_id"
    );
    let Some(row) = session.optional(query.arg(server)).await? else {
        return Ok(());
    };
    let organisation = OrganisationId(row.get("organisation_id")?);
    ledger::hold(session, organisation).await?;
    let query =
        sql!("SELECT MAX(ended_at) AS ended_at FROM billing_intervals WHERE server_id = $1");
    let ended_at: Option<i64> = session.one(query.arg(server)).await?.get("ended_at")?;
    let invoiced = invoices::last_month(session, organisation).await?;
    let began_at = [
        ended_at.map(Timestamp),
        invoiced.map(Month::ends),
        Some(session.now()),
    ];
    let query = sql!(
        "INSERT INTO billing_intervals (organisation_id, server_id, plan, hourly, monthly, began_at) \
         SELECT organisation_id, id, plan, hourly, monthly, $1 FROM servers WHERE id = $2 ON CONFLICT DO NOTHING"
    );
    session
        .execute(query.arg(began_at.into_iter().flatten().max()).arg(server))
        .await
        .map(drop)
}

/// A server costs nothing from now on.
pub async fn end(session: &mut Session, server: ServerId) -> Result<()> {
    let query = sql!(
        "UPDATE billing_intervals SET plan = plan WHERE server_id = $1 AND ended_at IS NULL RETURNING id, began_at"
    );
    let Some(row) = session.optional(query.arg(server)).await? else {
        return Ok(());
    };
    // It was there at the moment for which it was charged last.
    let query =
        sql!("SELECT began_at FROM charges WHERE server_id = $1 ORDER BY hour DESC LIMIT 1");
    let charged = session.optional(query.arg(server)).await?;
    let charged: Option<i64> = charged.map(|row| row.get("began_at")).transpose()?;
    let ended_at = session
        .now()
        .max(row.time("began_at")?)
        .max(Timestamp(charged.map_or(i64::MIN, |at| at + 1)));
    let query = sql!("UPDATE billing_intervals SET ended_at = $1 WHERE id = $2");
    session
        .execute(query.arg(ended_at).arg(row.get::<i64>("id")?))
        .await
        .map(drop)
}

/// A server that costs something has another price from now on: the one that stands in its row.
pub async fn change(session: &mut Session, server: ServerId) -> Result<()> {
    // The server before the balance, and that before the intervals, as charging locks them.
    let query =
        sql!("UPDATE servers SET changed_at = changed_at WHERE id = $1 RETURNING organisation_id");
    let row = session.one(query.arg(server)).await?;
    ledger::hold(session, OrganisationId(row.get("organisation_id")?)).await?;
    end(session, server).await?;
    begin(session, server).await
}

/// Up to 500 of the operator's servers that are there and cost nothing, after a key: those of the time before there were
/// prices.
pub async fn without_interval(session: &mut Session, after: ServerId) -> Result<Vec<ServerId>> {
    let query = sql!(
        "SELECT s.id FROM servers s JOIN providers p ON p.id = s.provider_id WHERE p.kind = 'arcus' \
         AND s.destroyed_at IS NULL AND s.desired <> 'destroyed' AND s.cloud_id IS NOT NULL \
         AND s.power <> 'terminated' AND s.setup IN ('installing', 'ready') AND s.id > $1 \
         AND NOT EXISTS (SELECT 1 FROM billing_intervals i WHERE i.server_id = s.id AND i.ended_at IS NULL) \
         ORDER BY s.id LIMIT 500"
    );
    let rows = session.all(query.arg(after)).await?;
    rows.iter().map(|row| row.get("id").map(ServerId)).collect()
}

/// The organisations that have something to be charged for, now or later.
pub async fn unsettled(session: &mut Session) -> Result<Vec<OrganisationId>> {
    let query = sql!(
        "SELECT DISTINCT organisation_id FROM billing_intervals WHERE NOT settled ORDER BY organisation_id"
    );
    let rows = session.all(query).await?;
    rows.iter()
        .map(|row| row.get("organisation_id").map(OrganisationId))
        .collect()
}

/// A server with the intervals of it that are not settled.
#[derive(Debug)]
pub struct Metered {
    /// Which.
    pub server: ServerId,
    /// The intervals, as they follow one another.
    pub intervals: Vec<Interval>,
    ids: Vec<i64>,
    began_at: Timestamp,
    last: Option<(i64, Month)>,
}

/// The organisation's servers that have intervals which are not settled, as they are at this moment.
pub async fn metered(session: &mut Session, organisation: OrganisationId) -> Result<Vec<Metered>> {
    let query = sql!(
        "SELECT i.id, i.server_id, i.plan, i.hourly, i.monthly, i.began_at, i.ended_at, \
         (SELECT MIN(f.began_at) FROM billing_intervals f WHERE f.server_id = i.server_id) AS first_began_at, \
         (SELECT MAX(c.hour) FROM charges c WHERE c.server_id = i.server_id) AS last_hour, \
         (SELECT c.month FROM charges c WHERE c.server_id = i.server_id ORDER BY c.hour DESC LIMIT 1) AS last_month \
         FROM billing_intervals i WHERE i.organisation_id = $1 AND NOT i.settled \
         ORDER BY i.server_id, i.began_at, i.id"
    );
    let mut all: Vec<Metered> = Vec::new();
    for row in session.all(query.arg(organisation)).await? {
        let server = ServerId(row.get("server_id")?);
        if all.last().is_none_or(|last| last.server != server) {
            let hour: Option<i64> = row.get("last_hour")?;
            let month = row.get::<Option<i64>>("last_month")?.map(Month);
            all.push(Metered {
                server,
                intervals: Vec::new(),
                ids: Vec::new(),
                began_at: row.time("first_began_at")?,
                last: hour.zip(month),
            });
        }
        let Some(metered) = all.last_mut() else {
            continue;
        };
        metered.ids.push(row.get("id")?);
        metered.intervals.push(Interval {
            began_at: row.time("began_at")?,
            ended_at: row.get::<Option<i64>>("ended_at")?.map(Timestamp),
            plan: row.get("plan")?,
            hourly: Money(row.get("hourly")?),
            monthly: Money(row.get("monthly")?),
        });
    }
    Ok(all)
}

/// Locks the organisation's intervals that are not settled, in the order in which all lock them, so that none is closed
/// until the session ends. SQLite has one writer, and nothing to lock.
pub async fn hold(session: &mut Session, organisation: OrganisationId) -> Result<()> {
    let query = sql!(
        sqlite: "SELECT id FROM billing_intervals WHERE organisation_id = $1 AND NOT settled LIMIT 0",
        postgres: "SELECT id FROM billing_intervals WHERE organisation_id = $1 AND NOT settled \
         ORDER BY server_id, id FOR UPDATE",
    );
    session.all(query.arg(organisation)).await.map(drop)
}

// === impl Metered ===

impl Metered {
    /// When its next hour is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.meter(Money(0)).next_due(&self.intervals)
    }

    /// Whether one of its intervals was closed by then.
    pub fn is_closed(&self, until: Timestamp) -> bool {
        self.closed(until).next().is_some()
    }

    fn closed(&self, until: Timestamp) -> impl Iterator<Item = i64> {
        let is_closed =
            move |interval: &Interval| interval.ended_at.is_some_and(|ended_at| ended_at <= until);
        let both = self.ids.iter().zip(&self.intervals);
        both.filter(move |(_, interval)| is_closed(interval))
            .map(|(id, _)| *id)
    }

    fn meter(&self, spent: Money) -> Meter {
        let meter = Meter::new(self.began_at);
        match self.last {
            Some((hour, month)) => meter.charged(hour, month, spent),
            None => meter,
        }
    }
}

/// How far a server was charged. The organisation's balance must be held.
pub async fn meter(
    session: &mut Session,
    organisation: OrganisationId,
    metered: &Metered,
) -> Result<Meter> {
    let spent = match metered.last {
        Some((_, month)) => charges::spent(session, organisation, metered.server, month).await?,
        None => Money(0),
    };
    Ok(metered.meter(spent))
}

/// All hours until then were charged: nobody looks any more at the intervals that were closed by then.
pub async fn settle(session: &mut Session, metered: &Metered, until: Timestamp) -> Result<()> {
    for id in metered.closed(until) {
        let query = sql!("UPDATE billing_intervals SET settled = TRUE WHERE id = $1");
        session.execute(query.arg(id)).await?;
    }
    Ok(())
}

/// What servers that are being made in the operator's regions are going to cost, by the hour and by the month.
pub async fn in_the_making(
    session: &mut Session,
    organisation: OrganisationId,
) -> Result<Vec<(Money, Money)>> {
    let query = sql!(
        "SELECT s.hourly, s.monthly FROM servers s JOIN providers p ON p.id = s.provider_id \
         WHERE s.organisation_id = $1 AND s.destroyed_at IS NULL AND p.kind = 'arcus' AND s.setup = 'creating' \
         AND s.desired <> 'destroyed' \
         AND NOT EXISTS (SELECT 1 FROM billing_intervals i WHERE i.server_id = s.id AND i.ended_at IS NULL)"
    );
    let rows = session.all(query.arg(organisation)).await?;
    rows.iter()
        .map(|row| Ok((Money(row.get("hourly")?), Money(row.get("monthly")?))))
        .collect()
}

/// The servers that are to have another plan soon, and which.
pub async fn growing(
    session: &mut Session,
    organisation: OrganisationId,
) -> Result<Vec<(ServerId, Plan)>> {
    let growing = quotas::growing_of_organisation(session, organisation).await?;
    let planned = growing.into_iter().filter_map(quotas::Growing::planned);
    Ok(planned.collect())
}

/// What time it is where the database is; `None` where that is this machine, and where this process's time is a test's own.
pub async fn time_of_the_database(session: &mut Session) -> Result<Option<Timestamp>> {
    if session.is_by_hand() {
        return Ok(None);
    }
    let query = sql!(
        sqlite: "SELECT CAST(NULL AS BIGINT) AS now",
        postgres: "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS now",
    );
    let now: Option<i64> = session.one(query).await?.get("now")?;
    Ok(now.map(Timestamp))
}

/// What an hour of all that an organisation has in the operator's regions costs: what costs something already, what is
/// being made, and what is about to become larger.
pub async fn hourly(session: &mut Session, organisation: OrganisationId) -> Result<Money> {
    let query = sql!(
        "SELECT CAST(COALESCE(SUM(COALESCE(i.hourly, s.hourly)), 0) AS BIGINT) AS hourly FROM servers s \
         JOIN providers p ON p.id = s.provider_id \
         LEFT JOIN billing_intervals i ON i.server_id = s.id AND i.ended_at IS NULL \
         WHERE s.organisation_id = $1 AND s.destroyed_at IS NULL AND p.kind = 'arcus' \
         AND (i.id IS NOT NULL OR (s.setup = 'creating' AND s.desired <> 'destroyed'))"
    );
    let row = session.one(query.arg(organisation)).await?;
    let mut hourly = Money(row.get("hourly")?);
    for growing in quotas::growing_of_organisation(session, organisation).await? {
        hourly = hourly.plus(growing.hourly()?)?;
    }
    Ok(hourly)
}

/// How many sessions wait for a lock of another's, for a test.
#[doc(hidden)]
pub async fn waiting_for_test(session: &mut Session) -> Result<i64> {
    let query = sql!(
        sqlite: "SELECT 0 AS waiting",
        postgres: "SELECT COUNT(*) AS waiting FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    session.one(query).await?.get("waiting")
}
