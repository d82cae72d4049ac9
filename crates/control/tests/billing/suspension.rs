//! What happens to who runs out of money, and to who is suspended by the operator.

use std::time::Duration;

use control::billing;
use control::servers::change;
use domain::ledger::NoticeKind;
use domain::operation::{Operation, OperationKind};
use domain::server::{Desired, Server};
use domain::{ErrorKind, Money, Plan, Result};

use crate::common::{Customer, House, month, on_both, plan};

/// The servers' operations that are under way.
async fn pending(house: &House, server: &Server) -> Vec<Operation> {
    let organisation = server.organisation_id;
    let mut session = house.read().await;
    let all = store::operations::since(&mut session, organisation, domain::Timestamp(0)).await;
    let mut all = all.expect("are known");
    all.retain(|operation| operation.server_id == server.id && !operation.status.is_final());
    all
}

async fn kinds(house: &House, server: &Server) -> Vec<OperationKind> {
    let pending = pending(house, server).await;
    pending.iter().map(|operation| operation.kind).collect()
}

async fn is_suspended(house: &House, customer: &Customer) -> bool {
    let organisation = customer.actor.organisation.id;
    let suspension = store::customers::suspension(&mut house.read().await, organisation).await;
    suspension.expect("is known").is_some()
}

async fn told(house: &House, customer: &Customer) -> Vec<NoticeKind> {
    let notices = house.notices(customer).await;
    notices.iter().map(|notice| notice.kind).collect()
}

/// A customer who owes, with a server that costs ten an hour.
async fn owing(house: &House) -> (Customer, Server) {
    let customer = house.customer("acme").await;
    house.pay(&customer, 15).await;
    let server = house.server(&customer, &dear()).await;
    house.pass(Duration::from_hours(1));
    house.charge().await;
    assert_eq!(house.balance(&customer).await, Money(-5));
    (customer, server)
}

fn dear() -> Plan {
    plan(10, 1_000_000)
}

fn refused<T>(outcome: Result<T>) -> String {
    let error = outcome.map(drop).expect_err("is refused");
    assert_eq!(error.kind(), ErrorKind::Payment, "{error}");
    error.message().to_owned()
}

on_both! {
    async fn who_runs_low_is_told_once_until_something_is_paid(house: House) {
        let customer = house.customer("acme").await;
        house.pay(&customer, 10 * 100).await;
        house.server(&customer, &dear()).await;
        let mut notices = Vec::new();
        for hours in [0, 27, 1, 1, 1] {
            house.pass(Duration::from_hours(hours));
            house.charge().await;
            notices.push(told(&house, &customer).await.len());
        }
        // After 29 hours 71 are left.
        assert_eq!(notices, [0, 0, 1, 1, 1]);
        house.pay(&customer, 10 * 30).await;
        house.charge().await;
        assert_eq!(told(&house, &customer).await.len(), 1);
        house.pass(Duration::from_hours(29));
        house.charge().await;
        house.charge().await;
        let notices = house.notices(&customer).await;
        assert_eq!(notices.len(), 2);
        assert_eq!(notices[1].kind, NoticeKind::LowBalance);
        // Sixty hours have begun.
        assert!(notices[1].message.contains("is 0.0007 USD"), "{}", notices[1].message);
    }

    async fn who_owes_has_running_servers_switched_off_and_on_again_with_the_payment(house: House) {
        let customer = house.customer("acme").await;
        house.pay(&customer, 35).await;
        let server = house.server(&customer, &dear()).await;
        let off = house.server(&customer, &dear()).await;
        change::stop(&house.app, &customer.actor, off.id).await.expect("stops");
        house.pass(Duration::from_hours(1));
        house.charge().await;
        assert!(is_suspended(&house, &customer).await);
        let now = house.seen(&server).await;
        assert!(now.suspended && now.desired == Desired::Stopped);
        assert!(!house.seen(&off).await.suspended);
        let pending_now = pending(&house, &server).await;
        assert_eq!(pending_now.len(), 1);
        assert_eq!((pending_now[0].kind, pending_now[0].facade.as_str()), (OperationKind::StopServer, "billing"));
        house.charge().await;
        assert_eq!(pending(&house, &server).await.len(), 1);

        house.pay(&customer, 4).await;
        assert!(is_suspended(&house, &customer).await, "it owes one still");
        house.pay(&customer, 1).await;
        assert!(!is_suspended(&house, &customer).await);
        let now = house.seen(&server).await;
        assert!(!now.suspended && now.desired == Desired::Running);
        assert_eq!(kinds(&house, &server).await, [OperationKind::StopServer, OperationKind::StartServer]);
        assert_eq!(house.seen(&off).await.desired, Desired::Stopped);
        let told = told(&house, &customer).await;
        assert_eq!(told, [NoticeKind::Suspended, NoticeKind::Resumed]);
        house.assert_adds_up().await;
    }

    async fn a_suspended_organisation_starts_makes_and_enlarges_nothing(house: House) {
        let (customer, server) = owing(&house).await;
        let (app, actor) = (&house.app, &customer.actor);
        let why = refused(change::start(app, actor, server.id).await);
        assert!(why.contains("below zero"), "{why}");
        refused(change::reboot(app, actor, server.id).await);
        refused(change::rebuild(app, actor, server.id, None).await);
        refused(change::change_plan(app, actor, server.id, "eos6", None).await);
        refused(control::servers::snapshots::create(app, actor, server.id, "before").await);
        let new = crate::limits::wanted("web");
        refused(control::servers::create_one(app, actor, &new).await);
        // But it can destroy, and pays no longer for what it has destroyed.
        change::destroy(app, actor, server.id).await.expect("is destroyed");
        house.pass(Duration::from_hours(5));
        house.charge().await;
        assert_eq!(house.balance(&customer).await, Money(-5));
    }

    async fn what_its_owner_switches_off_during_a_suspension_stays_off(house: House) {
        let (customer, server) = owing(&house).await;
        change::stop(&house.app, &customer.actor, server.id).await.expect("stops");
        house.pay(&customer, 100).await;
        house.charge().await;
        assert_eq!(house.seen(&server).await.desired, Desired::Stopped);
    }

    async fn what_a_crash_left_running_is_switched_off_by_the_next_look(house: House) {
        let customer = house.customer("acme").await;
        let server = house.server(&customer, &plan(0, 0)).await;
        let mut session = house.write().await;
        let reason = store::customers::Reason::Balance;
        let organisation = customer.actor.organisation.id;
        let mut held = store::ledger::hold(&mut session, organisation).await.expect("is locked");
        let owed = store::ledger::Posting {
            kind: domain::ledger::TransactionKind::Charge,
            amount: Money(-1),
            against: store::ledger::Account::Revenue,
            description: "1 server hour",
            once: None,
        };
        store::ledger::post(&mut session, &mut held, &owed).await.expect("posts");
        store::customers::suspend(&mut session, organisation, reason).await.expect("suspends");
        session.commit().await.expect("commits");
        house.charge().await;
        assert_eq!(kinds(&house, &server).await, [OperationKind::StopServer]);
    }

    async fn the_operators_suspension_is_ended_by_the_operator_alone(house: House) {
        let customer = house.customer("acme").await;
        let organisation = customer.actor.organisation.id;
        let server = house.server(&customer, &plan(10, 1000)).await;
        billing::suspend(&house.app, organisation).await.expect("suspends");
        assert_eq!(kinds(&house, &server).await, [OperationKind::StopServer]);
        house.pay(&customer, 1_000_000).await;
        house.charge().await;
        assert!(is_suspended(&house, &customer).await);
        let why = refused(change::start(&house.app, &customer.actor, server.id).await);
        assert!(why.contains("operator"), "{why}");
        billing::resume(&house.app, organisation).await.expect("resumes");
        assert_eq!(house.seen(&server).await.desired, Desired::Running);
        let again = billing::resume(&house.app, organisation).await.expect_err("it is not suspended");
        assert_eq!(again.kind(), ErrorKind::Conflict);
    }

    async fn who_owes_is_not_resumed_by_a_word(house: House) {
        let (customer, _) = owing(&house).await;
        refused(billing::resume(&house.app, customer.actor.organisation.id).await);
    }

    async fn servers_are_destroyed_only_where_the_operator_has_set_after_how_long(house: House) {
        let (customer, server) = owing(&house).await;
        house.set(month("2027-06"));
        house.charge().await;
        assert_eq!(house.seen(&server).await.desired, Desired::Stopped);

        let mut settings = house.settings.clone();
        settings.billing.destroy_after = Some(Duration::from_hours(200 * 24));
        let strict = house.replica_with(settings).await;
        billing::charge_due(&strict).await.expect("charges");
        assert_eq!(house.seen(&server).await.desired, Desired::Stopped);
        // The time counts from when it is told of, and a day before its end it is told of again.
        for (days, desired) in [(199, Desired::Stopped), (1, Desired::Destroyed)] {
            house.pass(Duration::from_hours(24 * days));
            billing::charge_due(&strict).await.expect("charges");
            billing::charge_due(&strict).await.expect("charges");
            assert_eq!(house.seen(&server).await.desired, desired);
        }
        let told = told(&house, &customer).await;
        assert_eq!(told[..3], [NoticeKind::Suspended; 3]);
        assert_eq!(told[3..], [NoticeKind::Destroyed]);
        let charged = house.charges(server.id).await.len();
        house.pass(Duration::from_hours(5));
        billing::charge_due(&strict).await.expect("charges");
        assert_eq!(house.charges(server.id).await.len(), charged);
    }
}
