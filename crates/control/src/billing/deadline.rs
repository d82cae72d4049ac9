//! The end of who owes for too long, where the operator has set how long that is.
//!
//! The moment at which an organisation's servers are destroyed is stored when it is told so, and that is what counts from
//! then on, whatever is set later. What must stay true: nothing is destroyed before that moment, nor sooner than a day after
//! the organisation was reminded of it. So whoever was asleep for a month, and a clock that leaps ahead, still leave a day.

use std::time::Duration;

use domain::ledger::NoticeKind;
use domain::{OrganisationId, Result, Timestamp};
use store::Session;
use store::customers::{Reason, Suspension};

use super::account;
use super::suspension::{destroy, told};
use crate::app::App;

/// So long before the end an organisation is told of it again.
const NOTICE: Duration = Duration::from_hours(24);

/// What is to be done for an organisation that owes.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Nothing now.
    Wait,
    /// It is told for the first time that this is the end.
    Announce(Timestamp),
    /// It is told again.
    Remind(Timestamp),
    /// The operator destroys nothing any more.
    Forget,
    /// The end.
    Destroy,
}

fn next(after: Option<Duration>, suspension: &Suspension, now: Timestamp) -> Step {
    match (after, suspension.destroy_at) {
        (None, None) => Step::Wait,
        (None, Some(_)) => Step::Forget,
        (Some(after), None) => Step::Announce(now.plus(after)),
        (Some(_), Some(at)) => match suspension.reminded_at {
            None if now >= at.minus(NOTICE) => Step::Remind(at.max(now.plus(NOTICE))),
            Some(reminded_at) if now >= at && now.since(reminded_at) >= NOTICE => Step::Destroy,
            _ => Step::Wait,
        },
    }
}

/// Stores when an organisation that is being suspended loses its servers; what it is to be told of that.
pub(super) async fn set(
    session: &mut Session,
    app: &App,
    organisation: OrganisationId,
) -> Result<String> {
    let Some(after) = app.settings.billing.destroy_after else {
        return Ok("they are charged as before".to_owned());
    };
    let now = session.now();
    let at = now.plus(after);
    store(session, organisation, at, now).await?;
    Ok(format!(
        "on {at} they are destroyed with all that is on them"
    ))
}

/// Where the end is no more than a day away, telling of it is the reminder as well.
async fn store(
    session: &mut Session,
    organisation: OrganisationId,
    at: Timestamp,
    now: Timestamp,
) -> Result<()> {
    let is_near = now >= at.minus(NOTICE);
    store::customers::set_end(session, organisation, Some(at), is_near.then_some(now)).await
}

/// Does what is to be done for an organisation that is suspended because it owes.
pub(super) async fn look(app: &App, organisation: OrganisationId) -> Result<()> {
    let after = app.settings.billing.destroy_after;
    let mut session = app.store.read().await?;
    let now = session.now();
    let known = owing(&mut session, organisation).await?;
    drop(session);
    if known.is_none_or(|known| next(after, &known, now) == Step::Wait) {
        return Ok(());
    }
    let mut session = app.store.write().await?;
    account::open(&mut session, app, organisation).await?;
    // It may have been topped up a moment ago.
    let Some(known) = owing(&mut session, organisation).await? else {
        return Ok(());
    };
    let now = session.now();
    match next(after, &known, now) {
        Step::Wait => return Ok(()),
        Step::Forget => {
            store::customers::set_end(&mut session, organisation, None, None).await?;
        }
        Step::Announce(at) => {
            store(&mut session, organisation, at, now).await?;
            tell(&mut session, organisation, at).await?;
        }
        Step::Remind(at) => {
            store::customers::set_end(&mut session, organisation, Some(at), Some(now)).await?;
            tell(&mut session, organisation, at).await?;
        }
        Step::Destroy => {
            drop(session);
            return destroy_all(app, organisation, &known).await;
        }
    }
    session.commit().await
}

/// The suspension of an organisation that owes.
async fn owing(session: &mut Session, organisation: OrganisationId) -> Result<Option<Suspension>> {
    let known = store::customers::suspension(session, organisation).await?;
    Ok(known.filter(|known| known.reason == Reason::Balance))
}

async fn tell(session: &mut Session, organisation: OrganisationId, at: Timestamp) -> Result<()> {
    let message = format!(
        "the balance is below zero still: on {at} the servers are destroyed with all that is on them; top it up before, and \
         they are switched on again"
    );
    store::notices::add(session, organisation, NoticeKind::Suspended, &message).await
}

/// Destroys what an organisation has that has owed for too long.
async fn destroy_all(
    app: &App,
    organisation: OrganisationId,
    suspension: &Suspension,
) -> Result<()> {
    let mut session = app.store.read().await?;
    let servers = store::customers::to_be_destroyed(&mut session, organisation).await?;
    drop(session);
    for server in &servers {
        told(server, destroy(app, server, suspension).await);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);
    const SINCE: Timestamp = Timestamp(1_800_000_000_000_000);

    fn suspension(destroy_at: Option<Timestamp>, reminded_at: Option<Timestamp>) -> Suspension {
        Suspension {
            since: SINCE,
            reason: Reason::Balance,
            destroy_at,
            reminded_at,
        }
    }

    #[test]
    fn an_option_that_is_set_later_gives_its_whole_time_from_then_on() {
        let later = SINCE.plus(100 * DAY);
        let step = next(Some(30 * DAY), &suspension(None, None), later);
        assert_eq!(step, Step::Announce(later.plus(30 * DAY)));
        assert_eq!(next(None, &suspension(None, None), later), Step::Wait);
    }

    #[test]
    fn what_was_announced_stands_however_long_it_takes_today() {
        let known = suspension(Some(SINCE.plus(30 * DAY)), None);
        for after in [DAY, 365 * DAY] {
            assert_eq!(next(Some(after), &known, SINCE.plus(20 * DAY)), Step::Wait);
        }
        let forgotten = next(None, &known, SINCE.plus(20 * DAY));
        assert_eq!(forgotten, Step::Forget);
    }

    #[test]
    fn it_is_reminded_a_day_before_and_destroyed_at_the_end() {
        let at = SINCE.plus(30 * DAY);
        let look = |reminded_at, now| next(Some(DAY), &suspension(Some(at), reminded_at), now);
        let eve = at.minus(DAY);
        assert_eq!(look(None, eve.minus(Duration::from_micros(1))), Step::Wait);
        assert_eq!(look(None, eve), Step::Remind(at));
        assert_eq!(
            look(Some(eve), at.minus(Duration::from_micros(1))),
            Step::Wait
        );
        assert_eq!(look(Some(eve), at), Step::Destroy);
    }

    #[test]
    fn whoever_was_not_reminded_in_time_has_a_day_from_the_reminder_on() {
        let at = SINCE.plus(30 * DAY);
        let woken = at.plus(30 * DAY);
        let end = woken.plus(DAY);
        let step = next(Some(DAY), &suspension(Some(at), None), woken);
        assert_eq!(step, Step::Remind(end));
        let reminded = suspension(Some(end), Some(woken));
        assert_eq!(
            next(Some(DAY), &reminded, end.minus(Duration::from_micros(1))),
            Step::Wait
        );
        assert_eq!(next(Some(DAY), &reminded, end), Step::Destroy);
    }
}
