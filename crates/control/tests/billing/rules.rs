//! The rules that the contract leaves open, as `docs/decisions/0007-billing.md` has them.

use std::time::Duration;

use control::accounts::{self, Form};
use control::billing::{self, BillingSettings, Deposit, Floor, Page};
use control::servers::{self, change};
use control::{App, Settings};
use domain::billing::Month;
use domain::offer::{Capacity, Overcommit};
use domain::operation::OperationKind;
use domain::server::{Desired, Power};
use domain::{Clock, ErrorKind, Money, Result, Timestamp};
use store::customers::Reason;
use store::house::HouseRegion;

use crate::common::{
    Customer, House, REGION, asked_for, deposit, free, made, month, on_both, plan,
};
use crate::limits::wanted;

const DAY: Duration = Duration::from_hours(24);

/// As the house, but for what the operator has set of the money.
async fn with(house: &House, billing: BillingSettings) -> App {
    let settings = Settings {
        billing,
        ..house.settings.clone()
    };
    house.replica_with(settings).await
}

fn strict(after: Duration) -> BillingSettings {
    BillingSettings {
        destroy_after: Some(after),
        ..free().billing
    }
}

async fn notices(house: &House, customer: &Customer) -> Vec<String> {
    let notices = house.notices(customer).await;
    notices.into_iter().map(|notice| notice.message).collect()
}

async fn is_suspended(house: &House, customer: &Customer) -> bool {
    let organisation = customer.actor.organisation.id;
    let known = store::customers::suspension(&mut house.read().await, organisation).await;
    known.expect("is known").is_some()
}

async fn charge(app: &App) {
    billing::charge_due(app).await.expect("charges");
}

fn refused<T>(outcome: Result<T>, kind: ErrorKind) -> String {
    let error = outcome.map(drop).expect_err("is refused");
    assert_eq!(error.kind(), kind, "{error}");
    error.message().to_owned()
}

on_both! {
    async fn an_end_is_told_of_when_it_is_set_and_a_day_before_and_comes_then(house: House) {
        let app = with(&house, strict(30 * DAY)).await;
        let customer = house.customer("acme").await;
        let server = house.server(&customer, &plan(10, 1000)).await;
        let suspended_at = house.now();
        charge(&app).await;
        let end = suspended_at.plus(30 * DAY);
        let told = notices(&house, &customer).await;
        assert_eq!(told.len(), 1);
        assert!(told[0].contains(&end.to_string()), "{told:?}");
        for (at, count, desired) in [
            (end.minus(DAY).minus(Duration::from_secs(1)), 1, Desired::Stopped),
            (end.minus(DAY), 2, Desired::Stopped),
            (end.minus(Duration::from_secs(1)), 2, Desired::Stopped),
            (end, 3, Desired::Destroyed),
        ] {
            house.set(at);
            charge(&app).await;
            charge(&app).await;
            assert_eq!(notices(&house, &customer).await.len(), count);
            assert_eq!(house.seen(&server).await.desired, desired);
        }
        assert!(notices(&house, &customer).await[1].contains(&end.to_string()));
    }

    async fn what_is_set_later_moves_no_end_that_was_told_and_begins_anew_where_none_was(house: House) {
        let customer = house.customer("acme").await;
        let server = house.server(&customer, &plan(10, 1000)).await;
        house.charge().await;
        house.pass(300 * DAY);
        // Nobody was told of anything for all that time.
        let month = with(&house, strict(30 * DAY)).await;
        charge(&month).await;
        let end = house.now().plus(30 * DAY);
        let day = with(&house, strict(DAY)).await;
        house.pass(10 * DAY);
        charge(&day).await;
        charge(&day).await;
        let told = notices(&house, &customer).await;
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[1].contains(&end.to_string()), "{told:?}");
        // Taken back, it is forgotten.
        house.charge().await;
        house.set(end.plus(DAY));
        charge(&day).await;
        assert_eq!(house.seen(&server).await.desired, Desired::Stopped);
    }

    async fn who_slept_through_the_end_of_somebody_leaves_them_a_day(house: House) {
        let app = with(&house, strict(30 * DAY)).await;
        let customer = house.customer("acme").await;
        let server = house.server(&customer, &plan(10, 1000)).await;
        charge(&app).await;
        house.pass(365 * DAY);
        charge(&app).await;
        let told = notices(&house, &customer).await;
        let end = house.now().plus(DAY);
        assert!(told[1].contains(&end.to_string()), "{told:?}");
        house.set(end.minus(Duration::from_secs(1)));
        charge(&app).await;
        assert_eq!(house.seen(&server).await.desired, Desired::Stopped);
        house.pay(&customer, 1_000_000).await;
        house.set(end);
        charge(&app).await;
        assert_eq!(house.seen(&server).await.desired, Desired::Running);
    }

    async fn a_clock_that_is_days_ahead_of_the_databases_charges_nobody(house: House) {
        house.set(Clock::System.now());
        let customer = house.customer("acme").await;
        house.pay(&customer, 1_000_000).await;
        let server = house.server(&customer, &plan(10, 100_000)).await;
        let (hours, days) = (Duration::from_hours(23), 3 * DAY);
        let ahead = house.with_clock(Clock::Wrong(days)).await;
        if house.database().url().is_none() {
            // There is nobody to ask.
            charge(&ahead).await;
            assert_eq!(house.charges(server.id).await.len(), 73);
            return;
        }
        let why = refused(billing::charge_due(&ahead).await, ErrorKind::Conflict);
        assert!(why.contains("nothing was charged"), "{why}");
        assert_eq!(house.charges(server.id).await, []);
        charge(&house.with_clock(Clock::Wrong(hours)).await).await;
        assert_eq!(house.charges(server.id).await.len(), 24);
    }

    async fn to_look_at_a_balance_gives_nothing_and_to_register_gives_the_starting_credit(house: House) {
        let settings = BillingSettings::default();
        let app = with(&house, settings.clone()).await;
        let before = house.customer("before").await;
        let organisation = before.actor.organisation.id;
        let known = billing::balance(&app, organisation).await.expect("is known");
        assert_eq!(known, Money(0));
        assert_eq!(billing::transactions(&app, &before.actor).await.expect("are known"), []);

        let form = Form {
            email: "new@example.com".to_owned(),
            password: "a long password".into(),
            password_confirm: "a long password".into(),
            name: "new".to_owned(),
            ..Form::default()
        };
        accounts::register(&app, form).await.expect("registers");
        let new = store::customers::find(&mut house.read().await, "new").await;
        let new = new.expect("is read").expect("is there");
        assert_eq!(new.balance, settings.starting_credit);
        house.assert_adds_up().await;
    }

    async fn who_registered_without_a_credit_is_given_none_later(house: House) {
        let customer = house.customer("acme").await;
        billing::take_up(&house.app).await.expect("begins");
        let generous = with(&house, BillingSettings::default()).await;
        billing::take_up(&generous).await.expect("begins");
        assert_eq!(house.balance(&customer).await, Money(0));
    }

    async fn a_command_goes_by_what_serve_goes_by(house: House) {
        let store = &house.app.store;
        assert!(billing::kept(store).await.expect("is read").is_none());
        let billing = BillingSettings {
            on: false,
            currency: "TRY".to_owned(),
            starting_credit: Money(7),
            warn_below_hours: 5,
            destroy_after: Some(2 * DAY),
            seller: "Arcus\nIstanbul".to_owned(),
            stripe: None,
        };
        billing::take_up(&with(&house, billing).await).await.expect("begins");
        let kept = billing::kept(store).await.expect("is read").expect("is kept");
        let kept = kept.billing;
        assert_eq!((kept.on, kept.currency.as_str(), kept.starting_credit), (false, "TRY", Money(7)));
        assert_eq!((kept.warn_below_hours, kept.destroy_after), (5, Some(2 * DAY)));
        assert_eq!(kept.seller, "Arcus\nIstanbul");
    }

    async fn a_currency_is_another_until_the_ledger_has_begun(house: House) {
        let euros = BillingSettings { currency: "EUR".to_owned(), ..free().billing };
        let euros = with(&house, euros).await;
        let customer = house.customer("acme").await;
        for app in [&house.app, &euros, &house.app] {
            billing::take_up(app).await.expect("begins");
        }
        house.pay(&customer, 5).await;
        let why = refused(billing::take_up(&euros).await, ErrorKind::Invalid);
        assert!(why.contains("USD") && why.contains("nothing was changed"), "{why}");
        billing::take_up(&house.app).await.expect("begins");
    }

    async fn a_stop_that_failed_is_asked_for_again_after_a_while(house: House) {
        let customer = house.customer("acme").await;
        let server = house.server(&customer, &plan(10, 1000)).await;
        let organisation = customer.actor.organisation.id;
        house.charge().await;
        let stops = || async {
            let all = store::operations::since(&mut house.read().await, organisation, Timestamp(0)).await;
            let mut all = all.expect("are known");
            all.retain(|operation| operation.kind == OperationKind::StopServer);
            all
        };
        assert_eq!(stops().await.len(), 1);
        let mut session = house.write().await;
        store::operations::cancel_of_server(&mut session, server.id, "the cloud refused").await.expect("ends");
        session.commit().await.expect("commits");
        assert_eq!(house.seen(&server).await.power, Power::Running);
        house.charge().await;
        assert_eq!(stops().await.len(), 1, "each attempt is an event");
        house.pass(Duration::from_mins(10));
        house.charge().await;
        house.charge().await;
        assert_eq!(stops().await.len(), 2);
        house.pay(&customer, 1000).await;
        assert_eq!(house.seen(&server).await.desired, Desired::Running);
    }

    async fn the_operators_suspension_counts_where_nothing_costs_anything_too(house: House) {
        let off = BillingSettings { on: false, ..free().billing };
        let app = with(&house, off).await;
        let customer = house.customer("acme").await;
        let ask = |name: &'static str| {
            let (app, actor) = (app.clone(), customer.actor.clone());
            async move { servers::create_one(&app, &actor, &wanted(name)).await }
        };
        ask("free").await.expect("is free");
        billing::suspend(&app, customer.actor.organisation.id).await.expect("suspends");
        let why = refused(ask("more").await, ErrorKind::Payment);
        assert!(why.contains("suspended by the operator"), "{why}");
        billing::resume(&app, customer.actor.organisation.id).await.expect("resumes");
        ask("again").await.expect("is free");
    }

    async fn a_region_with_limits_sells_nothing_before_it_is_known_how_large_it_is(house: House) {
        let customer = house.customer("acme").await;
        house.pay(&customer, 1_000_000_000).await;
        let mut session = house.write().await;
        let region = store::house::region_by_slug(&mut session, REGION).await.expect("is read").expect("is there");
        let overcommit = Overcommit { memory: Some(2.0), ..Overcommit::default() };
        let region = HouseRegion { overcommit, ..region };
        store::house::put_region(&mut session, &region).await.expect("is put");
        session.commit().await.expect("commits");
        let new = wanted("web");
        let ask = || servers::create_one(&house.app, &customer.actor, &new);
        let why = refused(ask().await, ErrorKind::Quota);
        assert!(why.contains("not known how much room"), "{why}");
        let mut session = house.write().await;
        let capacity = Capacity { memory_mib: 1024, ..Capacity::default() };
        store::house::set_capacity(&mut session, REGION, &capacity).await.expect("is set");
        session.commit().await.expect("commits");
        ask().await.expect("there is room");
    }

    async fn what_a_bank_takes_back_is_owed_and_suspends(house: House) {
        let customer = house.customer("acme").await;
        house.pay(&customer, 10_000).await;
        let server = house.server(&customer, &plan(10, 1000)).await;
        refused(billing::pay_back(&house.app, &deposit(&customer, 10_001), Floor::Zero).await, ErrorKind::Payment);
        let taken = billing::pay_back(&house.app, &deposit(&customer, 10_001), Floor::Nowhere).await;
        assert_eq!(taken.expect("is noted").balance_after, Money(-1));
        assert!(is_suspended(&house, &customer).await);
        assert_eq!(house.seen(&server).await.desired, Desired::Stopped);
        house.pay(&customer, 1).await;
        assert_eq!(house.seen(&server).await.desired, Desired::Running);
        house.assert_adds_up().await;
    }

    async fn a_reference_is_noted_once_and_means_one_thing(house: House) {
        let (one, other) = (house.customer("one").await, house.customer("other").await);
        let paid = |customer, amount| Deposit { once: Some("cli:payment:7"), ..deposit(customer, amount) };
        let first = billing::payment(&house.app, &paid(&one, 5)).await.expect("is noted");
        let again = billing::payment(&house.app, &paid(&one, 5)).await.expect("was noted");
        assert_eq!(first, again);
        for mistake in [paid(&one, 6), paid(&other, 5)] {
            let why = refused(billing::payment(&house.app, &mistake).await, ErrorKind::Conflict);
            assert!(why.contains("0.000005 of one"), "{why}");
        }
        assert_eq!(house.balance(&one).await, Money(5));
        assert_eq!(house.balance(&other).await, Money(0));
    }

    async fn all_transactions_can_be_had_page_by_page(house: House) {
        let (customer, other) = (house.customer("acme").await, house.customer("other").await);
        for amount in 1..=7 {
            house.pay(&customer, amount).await;
            house.pay(&other, 100).await;
        }
        let organisation = customer.actor.organisation.id;
        let page = |before, limit| {
            let (app, page) = (house.app.clone(), Page { before, limit });
            async move { billing::page_of_transactions(&app, organisation, &page).await }
        };
        let (mut amounts, mut before) = (Vec::new(), None);
        loop {
            let some = page(before, 3).await.expect("are listed");
            let Some(oldest) = some.last() else { break };
            before = Some(oldest.id);
            amounts.extend(some.iter().map(|one| one.amount.0));
        }
        assert_eq!(amounts, [7, 6, 5, 4, 3, 2, 1]);
        for limit in [0, -1, 1001] {
            refused(page(None, limit).await, ErrorKind::Invalid);
        }
        // Another's is as one that does not exist.
        let theirs = house.transactions(&other).await[0].id;
        for unknown in [theirs, i64::MAX, 0] {
            refused(page(Some(unknown), 3).await, ErrorKind::NotFound);
        }
    }

    async fn what_was_given_back_is_no_revenue(house: House) {
        let (one, other) = (house.customer("one").await, house.customer("other").await);
        house.pay(&one, 1000).await;
        let server = house.server(&one, &plan(10, 1000)).await;
        house.charge().await;
        house.destroy(server.id).await;
        billing::refund(&house.app, &deposit(&one, 4)).await.expect("is given back");
        // What was paid and is paid back never was revenue.
        billing::pay_back(&house.app, &deposit(&one, 100), Floor::Zero).await.expect("is paid back");
        house.set(month("2027-04"));
        billing::refund(&house.app, &deposit(&other, 7)).await.expect("is given back");
        let revenue = |month: &'static str| async {
            let month: Month = month.parse().expect("a month");
            let lines = store::charges::revenue(&mut house.read().await, month).await.expect("is known");
            let line = |line: store::charges::Revenue| {
                (line.organisation, line.hours, line.amount.0, line.given_back.0)
            };
            lines.into_iter().map(line).collect::<Vec<_>>()
        };
        assert_eq!(revenue("2027-03").await, [("one".to_owned(), 1, 10, 4)]);
        assert_eq!(revenue("2027-04").await, [("other".to_owned(), 0, 0, 7)]);
        assert_eq!(revenue("2027-05").await, []);
    }

    async fn an_invoice_keeps_the_names_that_it_was_written_with(house: House) {
        let named = |seller: &str| BillingSettings { seller: seller.to_owned(), ..free().billing };
        let old = with(&house, named("Old Company\nHere")).await;
        let customer = house.customer("acme").await;
        house.server(&customer, &plan(10, 1000)).await;
        house.set(month("2027-04"));
        charge(&old).await;
        let new = with(&house, named("New Company")).await;
        let invoice = billing::invoice(&new, &customer.actor, 1).await.expect("is there");
        assert_eq!((invoice.seller.as_str(), invoice.customer.as_str()), ("Old Company\nHere", "acme"));
        let page = billing::invoice_html(&invoice);
        assert!(page.contains("Old Company") && !page.contains("New Company"), "{page}");
    }

    async fn a_server_that_has_cost_its_month_wants_no_cover_until_the_next_one(house: House) {
        let customer = house.customer("acme").await;
        // Two hours, and the month is paid.
        house.pay(&customer, 20).await;
        let server = house.server(&customer, &plan(10, 20)).await;
        house.pass(Duration::from_hours(2));
        house.charge().await;
        assert_eq!(house.balance(&customer).await, Money(0));
        let take = |name: &'static str| servers::snapshots::create(&house.app, &customer.actor, server.id, name);
        take("free").await.expect("costs nothing");
        // Of the next 24 hours ten are April's, which has a price of its own.
        house.set(month("2027-04").minus(Duration::from_hours(14)));
        house.charge().await;
        let why = refused(take("poor").await, ErrorKind::Payment);
        assert!(why.contains("cost 0.00002 USD"), "{why}");
        house.pay(&customer, 20).await;
        take("paid").await.expect("is covered");
    }

    async fn what_is_asked_for_wants_no_more_cover_than_its_month_costs(house: House) {
        let customer = house.customer("acme").await;
        house.pay(&customer, 1_000_000).await;
        let mut session = house.write().await;
        let organisation = customer.actor.organisation.id;
        let (small, large) = (plan(10, 30), plan(10_000_000, 10_000_000));
        let asked = [&large];
        let more = billing::More::Servers(&asked);
        let covered = billing::must_cover(&mut session, &house.app, organisation, &more).await;
        let why = refused(covered, ErrorKind::Payment);
        assert!(why.contains("cost 10.00 USD"), "{why}");
        // A server on its way counts by its month as well.
        let server = asked_for(&mut session, &customer, &small).await;
        let covered = billing::must_cover(&mut session, &house.app, organisation, &more).await;
        assert!(refused(covered, ErrorKind::Payment).contains("cost 10.00003 USD"));
        made(&mut session, server.id).await;
        session.commit().await.expect("commits");
        house.charge().await;
        // The hour that has begun is paid.
        let upgrade = change::change_plan(&house.app, &customer.actor, server.id, "eos6", None).await;
        let why = refused(upgrade, ErrorKind::Payment);
        assert!(why.contains("cost 5.712 USD"), "{why}");
    }

    async fn one_server_that_can_not_be_charged_keeps_none_of_the_others(house: House) {
        let customer = house.customer("acme").await;
        house.pay(&customer, 1000).await;
        let paid = house.server(&customer, &plan(10, 1000)).await;
        let mut unpaid = Vec::new();
        for _ in 0..2 {
            let mut session = house.write().await;
            let server = asked_for(&mut session, &customer, &plan(10, 1000)).await;
            let sight = store::servers::Sight { cloud_id: Some(format!("i-{}", server.id)), ..store::servers::Sight::of(Power::Running) };
            store::servers::observe(&mut session, server.id, &sight).await.expect("writes");
            store::servers::set_setup(&mut session, server.id, domain::server::Setup::Ready, None).await.expect("writes");
            session.commit().await.expect("commits");
            unpaid.push(server.id);
        }
        if house.database().url().is_none() {
            return;
        }
        house
            .database()
            .run(&format!(
                "CREATE FUNCTION refuse_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$; \
                 CREATE TRIGGER refuse_it BEFORE INSERT ON billing_intervals FOR EACH ROW WHEN (NEW.server_id = {}) \
                 EXECUTE FUNCTION refuse_it()",
                unpaid[0]
            ))
            .await;
        billing::charge_due(&house.app).await.expect_err("it is told of");
        assert_eq!(house.charges(paid.id).await.len(), 1);
        assert_eq!(house.charges(unpaid[1]).await.len(), 1);
        assert_eq!(house.charges(unpaid[0]).await, []);
    }
}

/// Two replicas at once: one hears that its owner wants a server gone, the other finds its instance made.
#[tokio::test]
async fn what_is_found_made_while_its_end_is_asked_for_costs_nothing() {
    let house = House::new(testkit::Database::postgres().await, free()).await;
    let customer = house.customer("acme").await;
    let mut session = house.write().await;
    let server = asked_for(&mut session, &customer, &plan(10, 1000)).await;
    session.commit().await.expect("commits");

    let mut ending = house.write().await;
    // As everybody locks them: the server, then the balance.
    store::servers::want(&mut ending, server.id, Desired::Destroyed)
        .await
        .expect("writes");
    let organisation = customer.actor.organisation.id;
    store::ledger::hold(&mut ending, organisation)
        .await
        .expect("is locked");
    store::billing::end(&mut ending, server.id)
        .await
        .expect("ends");
    let other = house.replica().await;
    let finding = tokio::spawn(async move {
        let mut session = other.store.write().await?;
        store::billing::begin(&mut session, server.id).await?;
        session.commit().await
    });
    let patience = Duration::from_secs(10);
    testkit::wait::until("it to wait for the other", patience, || async {
        let waiting = store::billing::waiting_for_test(&mut house.read().await).await;
        (waiting.expect("is known") > 0).then_some(())
    })
    .await;
    ending.commit().await.expect("commits");
    finding.await.expect("ends").expect("looks");
    house.pass(Duration::from_hours(5));
    house.charge().await;
    assert_eq!(house.charges(server.id).await, []);
}

#[tokio::test]
async fn a_suspension_that_is_lifted_forgets_its_end() {
    let house = House::new(testkit::Database::sqlite(), free()).await;
    let app = with(&house, strict(30 * DAY)).await;
    let customer = house.customer("acme").await;
    let organisation = customer.actor.organisation.id;
    house.server(&customer, &plan(10, 100_000)).await;
    charge(&app).await;
    let known = || async {
        let known = store::customers::suspension(&mut house.read().await, organisation).await;
        known.expect("is known")
    };
    let first = known().await.expect("is suspended");
    assert_eq!(first.reason, Reason::Balance);
    house.pay(&customer, 10).await;
    assert_eq!(known().await, None);
    house.pass(20 * DAY);
    charge(&app).await;
    let second = known().await.expect("is suspended");
    assert_eq!(second.destroy_at, Some(house.now().plus(30 * DAY)));
}
