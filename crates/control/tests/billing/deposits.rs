//! What comes onto a balance, and what is written of it.

use std::time::Duration;

use control::Settings;
use control::billing::{self, BillingSettings, Deposit, Floor};
use domain::ledger::TransactionKind;
use domain::{ErrorKind, Money};

use crate::common::{deposit, free, month, on_both, plan};

on_both! {
    async fn an_organisation_is_given_its_starting_credit_once_and_before_anything_else(house: House) {
        let customer = house.customer("acme").await;
        let organisation = customer.actor.organisation.id;
        let settings = Settings { billing: BillingSettings::default(), ..house.settings.clone() };
        let one = house.replica_with(settings.clone()).await;
        let other = house.replica_with(settings).await;
        let both = tokio::join!(billing::take_up(&one), billing::take_up(&other));
        both.0.expect("begins");
        both.1.expect("begins");
        let balance = billing::balance(&one, organisation).await;
        assert_eq!(balance.expect("is known"), Money(25_000_000));
        let all = house.transactions(&customer).await;
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].kind, all[0].seq), (TransactionKind::Credit, 1));
        let late = house.customer("late").await;
        billing::payment(&one, &deposit(&late, 5)).await.expect("pays");
        let amounts: Vec<_> = house.transactions(&late).await.iter().map(|t| t.amount.0).collect();
        assert_eq!(amounts, [5, 25_000_000]);
        house.assert_adds_up().await;
    }

    async fn a_payment_with_a_key_counts_once_however_often_it_is_told(house: House) {
        let customer = house.customer("acme").await;
        let other = house.replica().await;
        let paid = Deposit { once: Some("stripe:cs_1"), ..deposit(&customer, 7_000_000) };
        let told = tokio::join!(
            billing::payment(&house.app, &paid),
            billing::payment(&other, &paid),
            billing::payment(&house.app, &paid)
        );
        let ids = [told.0, told.1, told.2].map(|told| told.expect("is noted").id);
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(house.balance(&customer).await, Money(7_000_000));
        house.assert_adds_up().await;
    }

    async fn what_was_charged_can_be_given_back_and_what_was_paid_can_be_paid_back(house: House) {
        let customer = house.customer("acme").await;
        house.pay(&customer, 10).await;
        let refund = billing::refund(&house.app, &deposit(&customer, 3)).await.expect("is given back");
        assert_eq!((refund.kind, refund.amount, refund.balance_after), (TransactionKind::Refund, Money(3), Money(13)));
        let refund = billing::pay_back(&house.app, &deposit(&customer, 13), Floor::Zero).await.expect("is paid back");
        assert_eq!((refund.kind, refund.amount, refund.balance_after), (TransactionKind::Refund, Money(-13), Money(0)));
        let error = billing::pay_back(&house.app, &deposit(&customer, 1), Floor::Zero).await.expect_err("there is nothing left");
        assert_eq!(error.kind(), ErrorKind::Payment);
        house.assert_adds_up().await;
    }

    async fn an_amount_of_nothing_or_less_is_refused(house: House) {
        let customer = house.customer("acme").await;
        for amount in [0, -5] {
            for refused in [
                billing::payment(&house.app, &deposit(&customer, amount)).await,
                billing::credit(&house.app, &deposit(&customer, amount)).await,
                billing::refund(&house.app, &deposit(&customer, amount)).await,
                billing::pay_back(&house.app, &deposit(&customer, amount), Floor::Zero).await,
            ] {
                assert_eq!(refused.expect_err("is refused").kind(), ErrorKind::Invalid);
            }
        }
        assert_eq!(house.transactions(&customer).await, []);
    }

    async fn what_was_written_of_money_is_never_changed(house: House) {
        let customer = house.customer("acme").await;
        house.pay(&customer, 1_000_000).await;
        let server = house.server(&customer, &plan(10, 1000)).await;
        house.charge().await;
        house.set(month("2027-05"));
        house.charge().await;
        assert_eq!(house.invoices(&customer).await.len(), 2);
        for which in 0..8 {
            let mut session = house.write().await;
            let tried = store::ledger::tamper_for_test(&mut session, which).await;
            assert!(tried.is_err(), "statement {which} was let through");
        }
        assert_eq!(house.charges(server.id).await.len(), 61 * 24 + 1);
        house.assert_adds_up().await;
    }

    async fn where_billing_is_off_nothing_is_asked_for_and_nothing_later_for_that_time(house: House) {
        let customer = house.customer("acme").await;
        let mut off = free();
        off.billing.on = false;
        let off = house.replica_with(Settings { sandbox: house.settings.sandbox.clone(), ..off }).await;
        let server = house.server(&customer, &plan(10, 1000)).await;
        house.pass(Duration::from_secs(150 * 60));
        billing::charge_due(&off).await.expect("runs");
        house.pass(Duration::from_secs(60 * 60));
        house.charge().await;
        let amounts: Vec<_> = house.charges(server.id).await.iter().map(|charge| charge.amount.0).collect();
        assert_eq!(amounts, [0, 0, 0, 10]);
        assert_eq!(house.balance(&customer).await, Money(-10));
        house.assert_adds_up().await;
    }
}
