//! Suspension: whoever owes has their servers in the operator's regions switched off, and on again once they do not.
//!
//! That an organisation is suspended stands in its row, decided under the lock of its balance. Its servers follow one by
//! one, in transactions of their own, whenever somebody looks: of what a crash or a race has left the next look takes care.

use std::time::Duration;

use domain::account::Actor;
use domain::ledger::NoticeKind;
use domain::server::{Desired, Power, Server};
use domain::{Error, ErrorKind, Money, OrganisationId, Result};
use store::Session;
use store::customers::{Reason, Suspension};
use store::ledger::Held;

use super::{account, deadline, printed};
use crate::accounts::somebody;
use crate::app::App;
use crate::servers;
use crate::servers::change::Held as HeldServer;

/// What Arcus does by itself is done through this.
const FACADE: &str = "billing";

/// A server that runs on though it was switched off is switched off again no sooner: each attempt is an event of its owner's.
const AGAIN: Duration = Duration::from_mins(10);

/// Suspends an organisation whose balance is below zero, unless it is.
pub(super) async fn for_balance(session: &mut Session, app: &App, held: &Held) -> Result<()> {
    let organisation = held.organisation;
    if !store::customers::suspend(session, organisation, Reason::Balance).await? {
        return Ok(());
    }
    let fate = deadline::set(session, app, organisation).await?;
    let message = format!(
        "the balance is {}: the servers are switched off, and {fate}; top the balance up, and they are switched on again",
        printed(app, held.balance)
    );
    store::notices::add(session, organisation, NoticeKind::Suspended, &message).await?;
    let subject = organisation.to_string();
    store::audit::record_operator(session, FACADE, "organisation.suspend", &subject).await
}

/// Ends the suspension of an organisation that does not owe any more; false where there is none.
pub(super) async fn lift(session: &mut Session, app: &App, held: &Held) -> Result<bool> {
    let organisation = held.organisation;
    let may = held.balance >= Money(0) || !app.settings.billing.on;
    if !may || !store::customers::resume(session, organisation, Reason::Balance).await? {
        return Ok(false);
    }
    let message = format!(
        "the balance is {}: the servers are switched on again",
        printed(app, held.balance)
    );
    store::notices::add(session, organisation, NoticeKind::Resumed, &message).await?;
    let subject = organisation.to_string();
    store::audit::record_operator(session, FACADE, "organisation.resume", &subject).await?;
    Ok(true)
}

/// Suspends an organisation by the operator's word. Errors: `Conflict` where it is suspended.
pub async fn suspend(app: &App, organisation: OrganisationId) -> Result<()> {
    let mut session = app.store.write().await?;
    account::open(&mut session, app, organisation).await?;
    if !store::customers::suspend(&mut session, organisation, Reason::Operator).await? {
        return Err(Error::conflict(
            "the organisation is suspended already; nothing was changed",
        ));
    }
    let message = "the operator has suspended the organisation: its servers are switched off";
    store::notices::add(&mut session, organisation, NoticeKind::Suspended, message).await?;
    let subject = organisation.to_string();
    store::audit::record_operator(&mut session, "cli", "organisation.suspend", &subject).await?;
    session.commit().await?;
    follow(app).await
}

/// Ends an organisation's suspension by the operator's word.
///
/// Errors: `Conflict` where it is not suspended, and `Payment` where it owes.
pub async fn resume(app: &App, organisation: OrganisationId) -> Result<()> {
    let mut session = app.store.write().await?;
    let held = account::open(&mut session, app, organisation).await?;
    let Some(suspension) = store::customers::suspension(&mut session, organisation).await? else {
        return Err(Error::conflict(
            "the organisation is not suspended; nothing was changed",
        ));
    };
    if held.balance < Money(0) && app.settings.billing.on {
        return Err(Error::new(
            ErrorKind::Payment,
            format!(
                "the balance is {}, for which the organisation would be suspended at once; nothing was changed: give it a \
                 credit, or note what it has paid",
                printed(app, held.balance)
            ),
        ));
    }
    store::customers::resume(&mut session, organisation, suspension.reason).await?;
    let message = "the organisation is suspended no more: its servers are switched on again";
    store::notices::add(&mut session, organisation, NoticeKind::Resumed, message).await?;
    let subject = organisation.to_string();
    store::audit::record_operator(&mut session, "cli", "organisation.resume", &subject).await?;
    session.commit().await?;
    follow(app).await
}

/// Looks at everybody who is suspended for owing, and has the servers follow. What goes wrong with one organisation is told,
/// and keeps none of the others.
pub(super) async fn look(app: &App) -> Result<()> {
    let mut session = app.store.read().await?;
    let owing = store::customers::suspended_for(&mut session, Reason::Balance).await?;
    drop(session);
    for organisation in owing {
        if let Err(error) = look_at(app, organisation).await {
            tracing::error!(
                %organisation,
                error = error.private(),
                message = error.message(),
                "what an organisation's suspension asks for can't be done"
            );
        }
    }
    follow(app).await
}

async fn look_at(app: &App, organisation: OrganisationId) -> Result<()> {
    if lift_by_itself(app, organisation).await? {
        return Ok(());
    }
    deadline::look(app, organisation).await
}

/// Has the servers follow what stands in their organisations' rows.
pub(super) async fn follow(app: &App) -> Result<()> {
    let mut session = app.store.read().await?;
    let tried = session.now().minus(AGAIN);
    let running = store::customers::to_be_stopped(&mut session, tried).await?;
    let stopped = store::customers::to_be_started(&mut session).await?;
    drop(session);
    for server in &running {
        told(server, stop(app, server).await);
    }
    for server in &stopped {
        told(server, start(app, server).await);
    }
    Ok(())
}

/// One that can't be switched keeps none of the others; the next look tries again.
pub(super) fn told(server: &Server, outcome: Result<()>) {
    if let Err(error) = outcome {
        tracing::warn!(
            server = %server.id,
            error = error.private(),
            message = error.message(),
            "a server can't be switched as its organisation's suspension asks for"
        );
    }
}

/// Ends a suspension for want of money where there is some, or where none is asked for any more.
async fn lift_by_itself(app: &App, organisation: OrganisationId) -> Result<bool> {
    let mut session = app.store.read().await?;
    let balance = store::ledger::balance(&mut session, organisation).await?;
    drop(session);
    if balance.unwrap_or_default() < Money(0) && app.settings.billing.on {
        return Ok(false);
    }
    let mut session = app.store.write().await?;
    let held = account::open(&mut session, app, organisation).await?;
    let is_free = lift(&mut session, app, &held).await?;
    session.commit().await?;
    Ok(is_free)
}

/// Locks a server, and after it its organisation's balance: whether that is suspended does not change any more.
async fn lock<'a>(app: &App, actor: &'a Actor, server: &Server) -> Result<HeldServer<'a>> {
    let mut held = HeldServer::lock(app, actor, server.id).await?;
    account::open(&mut held.session, app, server.organisation_id).await?;
    Ok(held)
}

async fn stop(app: &App, server: &Server) -> Result<()> {
    let actor = somebody(app, server.organisation_id, FACADE).await?;
    let mut held = lock(app, &actor, server).await?;
    let is_to_run = held.server.desired == Desired::Running;
    let runs_on = held.server.desired == Desired::Stopped && held.server.power == Power::Running;
    if !(is_to_run || runs_on) || !store::customers::is_held(&mut held.session, server.id).await? {
        return Ok(());
    }
    servers::must_be_managed(&mut held.session, &held.server).await?;
    // What its owner has switched off is not switched on again one day.
    let comes_back = is_to_run || held.server.suspended;
    held.switch(Desired::Stopped).await?;
    store::customers::set_suspended(&mut held.session, server.id, comes_back).await?;
    held.commit("server.suspend").await
}

async fn start(app: &App, server: &Server) -> Result<()> {
    let actor = somebody(app, server.organisation_id, FACADE).await?;
    let mut held = lock(app, &actor, server).await?;
    if !held.server.suspended || store::customers::is_held(&mut held.session, server.id).await? {
        return Ok(());
    }
    store::customers::set_suspended(&mut held.session, server.id, false).await?;
    if held.server.desired == Desired::Stopped {
        held.switch(Desired::Running).await?;
    }
    held.commit("server.resume").await
}

/// Destroys a server of an organisation that has owed for too long, if its suspension is still that one.
pub(super) async fn destroy(app: &App, server: &Server, suspension: &Suspension) -> Result<()> {
    let actor = somebody(app, server.organisation_id, FACADE).await?;
    let mut held = lock(app, &actor, server).await?;
    let organisation = server.organisation_id;
    // It may have been topped up a moment ago.
    let now = store::customers::suspension(&mut held.session, organisation).await?;
    if now.as_ref() != Some(suspension) {
        return Ok(());
    }
    held.switch(Desired::Destroyed).await?;
    let message = format!(
        "the server {:?} is destroyed: the balance has been below zero since {}",
        server.name, suspension.since
    );
    let kind = NoticeKind::Destroyed;
    store::notices::add(&mut held.session, organisation, kind, &message).await?;
    held.commit("server.destroy").await
}
