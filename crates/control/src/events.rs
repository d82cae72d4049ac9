//! Events: what was done to an organisation's servers, as a view of their operations, and what it was told besides.

use std::time::Duration;

use domain::account::Actor;
use domain::ledger::Notice;
use domain::operation::Operation;
use domain::{Error, OperationId, Result, Timestamp};

use crate::app::App;

/// How far back the list goes.
const LISTED: Duration = Duration::from_hours(24);

/// The numbers of notices begin here: far above those of operations, and still whole numbers in every language.
const NOTICES: i64 = 1 << 40;

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// An operation on a server.
    Operation(Box<Operation>),
    /// The organisation was told something.
    Notice(Notice),
}

// === impl Event ===

impl Event {
    /// Its number, unique among both.
    pub fn id(&self) -> i64 {
        match self {
            Self::Operation(operation) => operation.id.0,
            Self::Notice(notice) => NOTICES + notice.id,
        }
    }

    fn created_at(&self) -> Timestamp {
        match self {
            Self::Operation(operation) => operation.created_at,
            Self::Notice(notice) => notice.created_at,
        }
    }
}

/// What happened in the last day, and what is under way still, the oldest first.
pub async fn list(app: &App, actor: &Actor) -> Result<Vec<Event>> {
    let since = app.clock().now().minus(LISTED);
    let organisation = actor.organisation.id;
    let mut session = app.store.read().await?;
    let operations = store::operations::since(&mut session, organisation, since).await?;
    let notices = store::notices::recent(&mut session, organisation, since).await?;
    let operations = operations
        .into_iter()
        .map(|operation| Event::Operation(Box::new(operation)));
    let mut events: Vec<_> = operations
        .chain(notices.into_iter().map(Event::Notice))
        .collect();
    events.sort_by_key(|event| (event.created_at(), event.id()));
    Ok(events)
}

/// One event, however old. Errors: `NotFound`.
pub async fn find(app: &App, actor: &Actor, id: i64) -> Result<Event> {
    let organisation = actor.organisation.id;
    let mut session = app.store.read().await?;
    let found = if id > NOTICES {
        let notices =
            store::notices::recent(&mut session, organisation, Timestamp(i64::MIN)).await?;
        let mut notices = notices.into_iter();
        notices
            .find(|notice| NOTICES + notice.id == id)
            .map(Event::Notice)
    } else {
        store::operations::find(&mut session, organisation, OperationId(id))
            .await?
            .map(|operation| Event::Operation(Box::new(operation)))
    };
    found.ok_or_else(|| Error::not_found("event"))
}
