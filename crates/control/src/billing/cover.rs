//! Whether an organisation can afford something.

use std::time::Duration;

use domain::billing::{Interval, Meter, ahead};
use domain::{Error, ErrorKind, Money, OrganisationId, Plan, Result, ServerId, Timestamp};
use store::Session;
use store::customers::{Reason, Suspension};

use super::{account, printed};
use crate::app::App;

/// So many hours of everything have to be covered.
const HOURS: u32 = 24;

/// The shortest time.
const MOMENT: Duration = Duration::from_micros(1);

/// What is asked for beyond what an organisation has.
#[derive(Debug, Clone, Copy)]
pub enum More<'a> {
    /// Nothing that costs anything.
    Nothing,
    /// New servers of these plans.
    Servers(&'a [&'a Plan]),
    /// That plan for a server that is there.
    Plan(ServerId, &'a Plan),
}

/// Refuses what an organisation can't afford: its balance has to cover the next 24 hours of all that it has in the
/// operator's regions, of what is still being made there, and of what it asks for. Called in the transaction that creates,
/// enlarges or snapshots, before it writes: the balance stays locked until its end, so that requests at once can't spend the
/// same money.
///
/// Errors: `Payment`.
pub async fn must_cover(
    session: &mut Session,
    app: &App,
    organisation: OrganisationId,
    more: &More<'_>,
) -> Result<()> {
    let on = app.settings.billing.on;
    let held = account::open(session, app, organisation).await?;
    // Where nothing costs anything, nobody is kept from anything for owing; the operator's word counts all the same.
    if let Some(suspension) = store::customers::suspension(session, organisation).await?
        && (on || suspension.reason == Reason::Operator)
    {
        return Err(suspended(&suspension));
    }
    if !on || covers(session, organisation, held.balance, more, HOURS).await? {
        return Ok(());
    }
    let needed = expected(session, organisation, more, HOURS).await?;
    Err(Error::new(
        ErrorKind::Payment,
        format!(
            "the balance is {}, and {HOURS} hours of everything, with what was asked for, cost {}; nothing was done: top \
             the balance up and try again",
            printed(app, held.balance),
            printed(app, needed)
        ),
    ))
}

/// Whether a balance covers so many hours of everything.
pub(super) async fn covers(
    session: &mut Session,
    organisation: OrganisationId,
    balance: Money,
    more: &More<'_>,
    hours: u32,
) -> Result<bool> {
    // Nearly always it would even if no month had its limit, and nobody needs to add that month up.
    let mut hourly = store::billing::hourly(session, organisation).await?;
    for plan in more.plans() {
        hourly = hourly.plus(plan.hourly)?;
    }
    if balance >= hourly.times(i64::from(hours))? {
        return Ok(true);
    }
    Ok(balance >= expected(session, organisation, more, hours).await?)
}

/// What so many hours of everything are going to cost: a server that has cost the most that its month does costs nothing more
/// until the next one begins.
async fn expected(
    session: &mut Session,
    organisation: OrganisationId,
    more: &More<'_>,
    hours: u32,
) -> Result<Money> {
    let now = session.now();
    let until = now.plus(Duration::from_hours(1) * hours);
    let mut planned = store::billing::growing(session, organisation).await?;
    if let More::Plan(server, plan) = *more {
        planned.push((server, plan.clone()));
    }
    let (mut total, mut new) = (Money(0), Vec::new());
    for metered in store::billing::metered(session, organisation).await? {
        let meter = store::billing::meter(session, organisation, &metered).await?;
        // The hour that has begun is paid, or is about to be.
        let cost = |intervals: &[Interval]| {
            ahead(
                meter.clone(),
                intervals,
                now.plus(MOMENT),
                until.plus(MOMENT),
            )
        };
        let mut most = cost(&metered.intervals)?;
        for (_, plan) in planned.extract_if(.., |(server, _)| *server == metered.server) {
            most = most.max(cost(&changed(&metered.intervals, &plan, now))?);
        }
        total = total.plus(most)?;
    }
    // What costs nothing yet will with its new plan.
    new.extend(planned.iter().map(|(_, plan)| (plan.hourly, plan.monthly)));
    new.extend(store::billing::in_the_making(session, organisation).await?);
    if let More::Servers(plans) = more {
        new.extend(plans.iter().map(|plan| (plan.hourly, plan.monthly)));
    }
    for (hourly, monthly) in new {
        let interval = Interval {
            began_at: now,
            ended_at: None,
            plan: String::new(),
            hourly,
            monthly,
        };
        total = total.plus(ahead(Meter::new(now), &[interval], now, until)?)?;
    }
    Ok(total)
}

/// The same server if it has another plan from now on.
fn changed(intervals: &[Interval], plan: &Plan, now: Timestamp) -> Vec<Interval> {
    let mut intervals = intervals.to_vec();
    let Some(open) = intervals.iter_mut().find(|one| one.ended_at.is_none()) else {
        return intervals;
    };
    let began_at = now.max(open.began_at);
    open.ended_at = Some(began_at);
    intervals.push(Interval {
        began_at,
        ended_at: None,
        plan: plan.slug.clone(),
        hourly: plan.hourly,
        monthly: plan.monthly,
    });
    intervals
}

// === impl More ===

impl More<'_> {
    fn plans(&self) -> Vec<&Plan> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Servers(plans) => plans.to_vec(),
            Self::Plan(_, plan) => vec![plan],
        }
    }
}

/// What is told where a suspension stands in the way.
pub(crate) fn suspended(suspension: &Suspension) -> Error {
    let message = match suspension.reason {
        Reason::Balance => {
            "the organisation is suspended, because its balance is below zero; nothing was done: top the balance up, and its \
             servers are switched on again"
        }
        Reason::Operator => {
            "the organisation is suspended by the operator; nothing was done: ask the operator"
        }
    };
    Error::new(ErrorKind::Payment, message)
}
