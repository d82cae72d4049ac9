//! When a server cost what. Operations and use cases open, change and close the intervals in the transactions in which
//! they do the same to the server; charging reads them.

use domain::{Result, ServerId};

use crate::query::sql;
use crate::session::Session;

/// A server costs its agreed price from now on, where it is one of the operator's; it may do so already.
pub async fn begin(session: &mut Session, server: ServerId) -> Result<()> {
    let now = session.now();
    let query = sql!(
        "INSERT INTO billing_intervals (organisation_id, server_id, plan, hourly, monthly, began_at) \
         SELECT s.organisation_id, s.id, s.plan, s.hourly, s.monthly, $1 FROM servers s \
         JOIN providers p ON p.id = s.provider_id WHERE s.id = $2 AND p.kind = 'arcus' ON CONFLICT DO NOTHING"
    );
    session.execute(query.arg(now).arg(server)).await.map(drop)
}

/// A server costs nothing from now on.
pub async fn end(session: &mut Session, server: ServerId) -> Result<()> {
    let now = session.now();
    let query = sql!(
        "UPDATE billing_intervals SET ended_at = $1 WHERE server_id = $2 AND ended_at IS NULL"
    );
    session.execute(query.arg(now).arg(server)).await.map(drop)
}

/// A server that costs something has another price from now on: the one that stands in its row.
pub async fn change(session: &mut Session, server: ServerId) -> Result<()> {
    end(session, server).await?;
    begin(session, server).await
}
