//! What can't be paid for, is beyond a quota, or has no room: of many requests at once no more pass than may.

use control::environments::{self, NewEnvironment, NewNode};
use control::servers::{self, NewServer, change};
use control::{applications, quota};
use domain::offer::{Capacity, Overcommit};
use domain::operation::Operation;
use domain::quota::Overrides;
use domain::server::{Desired, Setup};
use domain::{ErrorKind, Money, Result};
use store::house::HouseRegion;

use crate::common::{Customer, House, REGION, made, on_both, plan};

/// What a day of an `eos1` costs, the smallest plan.
const DAY: i64 = 24 * 7_400;

/// A server as a request describes it.
pub(crate) fn wanted(name: &str) -> NewServer {
    NewServer {
        name: name.to_owned(),
        region: REGION.to_owned(),
        plan: "eos1".to_owned(),
        image: "debian-12".to_owned(),
        ..NewServer::default()
    }
}

/// Asks for so many servers at once, one half of them at each of two replicas; how many were to be had, and why the others
/// were not.
async fn ask_at_once(house: &House, customer: &Customer, count: usize) -> (usize, Vec<ErrorKind>) {
    let replicas = [house.app.clone(), house.replica().await];
    let tasks: Vec<_> = (0..count)
        .map(|number| {
            let (app, actor) = (replicas[number % 2].clone(), customer.actor.clone());
            let new = wanted(&format!("web-{number}"));
            tokio::spawn(async move { servers::create_one(&app, &actor, &new).await })
        })
        .collect();
    let (mut made, mut refused) = (0, Vec::new());
    for task in tasks {
        match task.await.expect("ends") {
            Ok(_) => made += 1,
            Err(error) => refused.push(error.kind()),
        }
    }
    (made, refused)
}

async fn living(house: &House, customer: &Customer) -> usize {
    let living = servers::list(&house.app, &customer.actor).await;
    living.expect("are listed").len()
}

async fn set_quota(house: &House, customer: &Customer, overrides: Overrides) {
    quota::set(&house.app, customer.actor.organisation.id, &overrides)
        .await
        .expect("is set");
}

async fn set_room(house: &House, cpus: u64, overcommit: Option<f64>) {
    let mut session = house.write().await;
    let region = store::house::region_by_slug(&mut session, REGION).await;
    let region = region.expect("is read").expect("is there");
    let overcommit = Overcommit {
        cpus: overcommit,
        ..Overcommit::default()
    };
    let region = HouseRegion {
        overcommit,
        ..region
    };
    store::house::put_region(&mut session, &region)
        .await
        .expect("is put");
    let capacity = Capacity {
        cpus,
        ..Capacity::default()
    };
    store::house::set_capacity(&mut session, REGION, &capacity)
        .await
        .expect("is set");
    session.commit().await.expect("commits");
}

/// An environment of so many nodes in the operator's region.
async fn environment(house: &House, customer: &Customer, name: &str, count: i64) -> Result<()> {
    let new = NewEnvironment {
        application: None,
        provider: customer.provider.public_id.clone(),
        region: REGION.to_owned(),
        name: name.to_owned(),
        nodes: vec![NewNode {
            name: "web".to_owned(),
            size: "eos1".to_owned(),
            count: Some(count),
            ..NewNode::default()
        }],
        integrations: Vec::new(),
    };
    environments::create(
        &house.app,
        &customer.actor,
        &new,
        &environments::Terms::any(),
    )
    .await
    .map(drop)
}

fn kind<T>(outcome: Result<T>) -> ErrorKind {
    outcome.map(drop).expect_err("is refused").kind()
}

async fn asked(house: &House, customer: &Customer, name: &str) -> Result<Operation> {
    servers::create_one(&house.app, &customer.actor, &wanted(name)).await
}

on_both! {
    async fn of_200_requests_at_once_at_two_replicas_a_balance_for_50_is_enough_for_50(house: House) {
        let customer = house.customer("acme").await;
        house.pay(&customer, 50 * DAY + DAY - 1).await;
        let (made, refused) = ask_at_once(&house, &customer, 200).await;
        assert_eq!(made, 50);
        assert_eq!(refused, vec![ErrorKind::Payment; 150]);
        assert_eq!(living(&house, &customer).await, 50);
    }

    async fn of_200_requests_at_once_at_two_replicas_a_quota_of_50_allows_50(house: House) {
        let customer = house.customer("acme").await;
        house.pay(&customer, 1000 * DAY).await;
        set_quota(&house, &customer, Overrides { servers: Some(50), ..Overrides::default() }).await;
        let (made, refused) = ask_at_once(&house, &customer, 200).await;
        assert_eq!(made, 50);
        assert_eq!(refused, vec![ErrorKind::Quota; 150]);
        assert_eq!(living(&house, &customer).await, 50);
    }

    async fn a_region_sells_no_more_than_it_may_to_all_who_ask_at_once(house: House) {
        set_room(&house, 10, Some(1.5)).await;
        let (one, other) = (house.customer("one").await, house.customer("other").await);
        for customer in [&one, &other] {
            house.pay(customer, 1000 * DAY).await;
        }
        let both = tokio::join!(ask_at_once(&house, &one, 20), ask_at_once(&house, &other, 20));
        assert_eq!(both.0.0 + both.1.0, 15);
        let error = asked(&house, &one, "more").await.expect_err("is refused");
        assert!(error.message().contains("no room"), "{error}");
        assert!(!error.message().contains("15"), "what the operator has is nobody's business: {error}");
        set_room(&house, 10, None).await;
        asked(&house, &one, "more").await.expect("nothing limits it");
    }

    async fn what_is_refused_for_want_of_money_names_what_there_is_and_what_is_needed(house: House) {
        let customer = house.customer("acme").await;
        house.pay(&customer, DAY).await;
        let operation = asked(&house, &customer, "one").await.expect("is covered");
        let error = asked(&house, &customer, "two").await.expect_err("is refused");
        assert_eq!(error.kind(), ErrorKind::Payment);
        for words in ["0.1776 USD", "0.3552 USD"] {
            assert!(error.message().contains(words), "{error}");
        }
        // The same once its interval has begun: it does not count twice.
        let mut session = house.write().await;
        made(&mut session, operation.server_id).await;
        session.commit().await.expect("commits");
        house.pay(&customer, DAY).await;
        asked(&house, &customer, "two").await.expect("is covered");
    }

    async fn what_could_not_be_made_or_was_destroyed_needs_no_cover_and_no_quota(house: House) {
        let customer = house.customer("acme").await;
        house.pay(&customer, DAY).await;
        set_quota(&house, &customer, Overrides { servers: Some(2), ..Overrides::default() }).await;
        let failed = asked(&house, &customer, "failed").await.expect("is covered").server_id;
        let mut session = house.write().await;
        store::servers::set_setup(&mut session, failed, Setup::Failed, Some("no")).await.expect("writes");
        session.commit().await.expect("commits");
        let gone = asked(&house, &customer, "gone").await.expect("is covered").server_id;
        assert_eq!(kind(asked(&house, &customer, "more").await), ErrorKind::Quota);
        change::destroy(&house.app, &customer.actor, gone).await.expect("is destroyed");
        asked(&house, &customer, "more").await.expect("is covered");
    }

    async fn each_limit_is_told_with_what_is_used_and_asked_for(house: House) {
        let customer = house.customer("acme").await;
        house.pay(&customer, 1000 * DAY).await;
        asked(&house, &customer, "first").await.expect("is allowed");
        let none = Overrides::default();
        for (overrides, told) in [
            (Overrides { cpus: Some(1), ..none }, ["1 processors", "it has 1", "1 more"]),
            (Overrides { memory_mib: Some(2047), ..none }, ["2047 MiB", "it has 1024", "1024 more"]),
            (Overrides { disk_gib: Some(39), ..none }, ["39 GiB", "it has 20", "20 more"]),
        ] {
            set_quota(&house, &customer, overrides).await;
            let error = asked(&house, &customer, "second").await.expect_err("is refused");
            assert_eq!(error.kind(), ErrorKind::Quota);
            assert!(told.iter().all(|words| error.message().contains(words)), "{error}");
        }
    }

    async fn upgrades_at_once_are_covered_together(house: House) {
        let customer = house.customer("acme").await;
        let cheap = plan(0, 0);
        let (one, two) = (house.server(&customer, &cheap).await, house.server(&customer, &cheap).await);
        house.pay(&customer, DAY).await;
        let upgrade = |server| change::change_plan(&house.app, &customer.actor, server, "eos1", None);
        let both = tokio::join!(upgrade(one.id), upgrade(two.id));
        let refused: Vec<_> = [both.0, both.1].into_iter().filter_map(Result::err).collect();
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].kind(), ErrorKind::Payment);
    }

    async fn who_wants_less_may_have_it_whatever_the_balance(house: House) {
        let customer = house.customer("acme").await;
        let server = house.server(&customer, &plan(1_000_000, 1_000_000_000)).await;
        set_quota(&house, &customer, Overrides { cpus: Some(0), ..Overrides::default() }).await;
        change::change_plan(&house.app, &customer.actor, server.id, "eos1", None).await.expect("is allowed");
    }

    async fn a_snapshot_has_its_quota_and_wants_the_servers_covered(house: House) {
        let customer = house.customer("acme").await;
        let server = house.server(&customer, &plan(10, 1000)).await;
        let take = |name| servers::snapshots::create(&house.app, &customer.actor, server.id, name);
        assert_eq!(kind(take("poor").await), ErrorKind::Payment);
        house.pay(&customer, 240).await;
        set_quota(&house, &customer, Overrides { snapshots: Some(1), ..Overrides::default() }).await;
        take("first").await.expect("is allowed");
        assert_eq!(kind(take("second").await), ErrorKind::Quota);
    }

    async fn the_nodes_of_an_environment_are_charged_and_limited_as_servers_are(house: House) {
        let customer = house.customer("acme").await;
        house.pay(&customer, 3 * DAY).await;
        assert_eq!(kind(environment(&house, &customer, "large", 4).await), ErrorKind::Payment);
        set_quota(&house, &customer, Overrides { servers: Some(2), ..Overrides::default() }).await;
        let error = environment(&house, &customer, "large", 3).await.expect_err("is refused");
        assert!(error.message().contains("it has 0, and 3 more"), "{error}");
        assert_eq!(environments::list(&house.app, &customer.actor).await.expect("are listed").len(), 0);
        environment(&house, &customer, "small", 2).await.expect("is allowed");
        assert_eq!(applications::list(&house.app, &customer.actor).await.expect("are listed").len(), 1);
    }

    async fn a_customers_own_cloud_account_costs_nothing_and_has_no_quota(house: House) {
        let mut customer = house.customer("acme").await;
        let mut session = house.write().await;
        let organisation = customer.actor.organisation.id;
        let nothing = domain::credentials::Credentials::default();
        customer.provider =
            store::providers::create(&mut session, organisation, "own", "sandbox", &nothing).await.expect("creates");
        session.commit().await.expect("commits");
        set_quota(&house, &customer, Overrides { servers: Some(0), ..Overrides::default() }).await;
        environment(&house, &customer, "own", 3).await.expect("is allowed");
        let views = servers::list(&house.app, &customer.actor).await.expect("are listed");
        assert_eq!(views.len(), 3);
        for view in views {
            let mut session = house.write().await;
            made(&mut session, view.server.id).await;
            session.commit().await.expect("commits");
        }
        house.pass(std::time::Duration::from_hours(100));
        assert_eq!(house.charge().await, 0);
        assert_eq!(house.balance(&customer).await, Money(0));
    }

    async fn a_server_costs_nothing_from_the_moment_at_which_its_end_is_asked_for(house: House) {
        let customer = house.customer("acme").await;
        house.pay(&customer, 1_000_000).await;
        let server = house.server(&customer, &plan(10, 1000)).await;
        house.pass(std::time::Duration::from_secs(3599));
        change::destroy(&house.app, &customer.actor, server.id).await.expect("is destroyed");
        house.pass(std::time::Duration::from_hours(5));
        house.charge().await;
        assert_eq!(house.charges(server.id).await.len(), 1);
        // What its making notes late begins nothing any more.
        let mut session = house.write().await;
        store::billing::begin(&mut session, server.id).await.expect("looks");
        session.commit().await.expect("commits");
        house.charge().await;
        assert_eq!(house.charges(server.id).await.len(), 1);
        assert_eq!(house.seen(&server).await.desired, Desired::Destroyed);
    }

    async fn what_was_there_before_there_were_prices_costs_its_price_from_now_on(house: House) {
        let customer = house.customer("acme").await;
        house.pay(&customer, 1_000_000).await;
        let mut session = house.write().await;
        let server = crate::common::asked_for(&mut session, &customer, &plan(10, 1000)).await;
        let sight = store::servers::Sight { cloud_id: Some("old".to_owned()), ..store::servers::Sight::of(domain::server::Power::Running) };
        store::servers::observe(&mut session, server.id, &sight).await.expect("writes");
        store::servers::set_setup(&mut session, server.id, Setup::Ready, None).await.expect("writes");
        session.commit().await.expect("commits");
        house.pass(std::time::Duration::from_hours(1000));
        house.charge().await;
        let charges = house.charges(server.id).await;
        assert_eq!((charges.len(), charges[0].due_at), (1, house.now()));
    }
}
