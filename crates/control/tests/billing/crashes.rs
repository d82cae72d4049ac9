//! Runs that are killed: what is not committed has not happened, and the next run makes up for it.

use std::time::Duration;

use control::billing;
use domain::Money;
use domain::ledger::TransactionKind;
use store::ledger::{Account, Posting};

use crate::common::{cut_off, on_both, plan};

on_both! {
    async fn a_charge_that_was_written_and_never_committed_is_made_once_by_the_next_run(house: House) {
        let customer = house.customer("acme").await;
        let organisation = customer.actor.organisation.id;
        house.pay(&customer, 1000).await;
        let server = house.server(&customer, &plan(10, 1000)).await;

        // What a run does, up to its commit.
        let mut session = house.write().await;
        let mut held = store::ledger::hold(&mut session, organisation).await.expect("is locked");
        store::billing::hold(&mut session, organisation).await.expect("are locked");
        let metered = store::billing::metered(&mut session, organisation).await.expect("are known").remove(0);
        let mut meter = store::billing::meter(&mut session, organisation, &metered).await.expect("is known");
        let hour = meter.charge(&metered.intervals, house.now()).expect("is counted").expect("is due");
        let posting = Posting {
            kind: TransactionKind::Charge,
            amount: Money(-10),
            against: Account::Revenue,
            description: "1 server hour",
            once: None,
        };
        let posted = store::ledger::post(&mut session, &mut held, &posting).await.expect("is posted");
        store::charges::record(&mut session, organisation, &[(server.id, hour)], Some(&posted)).await.expect("is recorded");
        let written = store::charges::of_server_for_test(&mut session, server.id).await.expect("are known");
        assert_eq!(written.len(), 1);
        let balance = store::ledger::balance(&mut session, organisation).await.expect("is known");
        assert_eq!(balance, Some(Money(990)));
        drop(session);

        assert_eq!(house.charges(server.id).await, []);
        assert_eq!(house.balance(&customer).await, Money(1000));
        house.assert_adds_up().await;
        assert_eq!([house.charge().await, house.charge().await], [1, 0]);
        assert_eq!(house.charges(server.id).await.len(), 1);
        assert_eq!(house.balance(&customer).await, Money(990));
        house.assert_adds_up().await;
    }

    async fn a_run_that_is_killed_after_any_of_its_steps_loses_nothing_and_doubles_nothing(house: House) {
        let customer = house.customer("acme").await;
        house.pay(&customer, 1_000_000).await;
        let server = house.server(&customer, &plan(10, 1_000_000)).await;
        house.charge().await;
        let (mut hours, mut came_to_nothing) = (1, 0);
        // Some steps follow one another without a pause, as it happens: not always the same ones. It goes on until enough were
        // killed before their commit, and after it.
        let met = |hours: usize, came_to_nothing: usize| came_to_nothing.min(hours - came_to_nothing);
        for round in 0.. {
            if round >= 5 && met(hours, came_to_nothing) >= 10 {
                break;
            }
            assert!(round < 30, "{came_to_nothing} of {hours} runs came to nothing");
            for steps in 0.. {
                house.pass(Duration::from_hours(1));
                hours += 1;
                let has_ended = cut_off(steps, billing::charge_due(&house.app)).await;
                house.assert_adds_up().await;
                let charged = house.charges(server.id).await.len();
                assert!(charged == hours || charged == hours - 1, "{charged} of {hours} hours");
                came_to_nothing += usize::from(charged < hours);
                let made_up = house.charge().await;
                assert_eq!((charged + made_up, house.charges(server.id).await.len()), (hours, hours));
                let spent = 10 * i64::try_from(hours).expect("fits");
                assert_eq!(house.balance(&customer).await, Money(1_000_000 - spent));
                house.assert_adds_up().await;
                if has_ended {
                    break;
                }
            }
        }
    }
}
