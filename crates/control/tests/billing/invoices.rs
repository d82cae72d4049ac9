//! Invoices: when they are written, what is on them, and their numbers.

use std::time::Duration;

use control::billing;
use domain::Money;
use domain::billing::Month;
use domain::ledger::InvoiceStatus;
use store::invoices::NewInvoice;

use crate::common::{month, on_both, plan};

on_both! {
    async fn a_month_has_its_invoice_once_it_is_over_and_all_of_it_is_charged(house: House) {
        let customer = house.customer("acme").await;
        house.pay(&customer, 1_000_000).await;
        house.server(&customer, &plan(10, 7000)).await;
        house.charge().await;
        house.set(month("2027-03").plus(Duration::from_hours(31 * 24) - Duration::from_micros(1)));
        house.charge().await;
        assert_eq!(house.invoices(&customer).await, []);
        house.set(month("2027-04"));
        house.charge().await;
        let invoices = house.invoices(&customer).await;
        assert_eq!(invoices.len(), 1);
        assert_eq!((invoices[0].number, invoices[0].period()), (1, "2027-03".to_owned()));
        assert_eq!((invoices[0].total, invoices[0].lines[0].hours), (Money(7000), 744));
        house.charge().await;
        assert_eq!(house.invoices(&customer).await.len(), 1);
    }

    async fn after_a_long_sleep_every_month_has_its_invoice_in_its_order(house: House) {
        let customer = house.customer("acme").await;
        house.pay(&customer, 1_000_000).await;
        let server = house.server(&customer, &plan(10, 1_000_000)).await;
        house.set(month("2027-06"));
        house.destroy(server.id).await;
        house.set(month("2027-09"));
        house.charge().await;
        let months: Vec<_> = house.invoices(&customer).await.iter().map(|i| (i.number, i.month.0)).collect();
        assert_eq!(months, [(3, 202_705), (2, 202_704), (1, 202_703)]);
        house.assert_adds_up().await;
    }

    async fn a_month_that_cost_nothing_has_no_invoice(house: House) {
        let customer = house.customer("acme").await;
        house.server(&customer, &plan(0, 1000)).await;
        house.set(month("2027-05"));
        house.charge().await;
        assert_eq!(house.invoices(&customer).await, []);
    }

    async fn an_invoice_says_which_server_cost_what_by_which_plan(house: House) {
        let customer = house.customer("acme").await;
        house.pay(&customer, 1_000_000).await;
        let server = house.server(&customer, &plan(10, 1000)).await;
        house.pass(Duration::from_secs(90 * 60));
        house.resize(server.id, &plan(50, 1000)).await;
        house.pass(Duration::from_secs(60 * 60));
        house.destroy(server.id).await;
        house.set(month("2027-04"));
        house.charge().await;
        let invoice = billing::invoice(&house.app, &customer.actor, 1).await.expect("is there");
        let lines: Vec<_> = invoice.lines.iter().map(|l| (l.plan.as_str(), l.hours, l.amount.0)).collect();
        assert_eq!(lines, [("p10-1000", 2, 20), ("p50-1000", 1, 50)]);
        assert_eq!(invoice.lines[0].server, server.name);
        let other = house.customer("other").await;
        assert!(billing::invoice(&house.app, &other.actor, 1).await.is_err(), "it is another's");
    }

    async fn what_is_paid_pays_for_the_oldest_month_first(house: House) {
        let customer = house.customer("acme").await;
        let server = house.server(&customer, &plan(10, 1000)).await;
        house.set(month("2027-04"));
        house.charge().await;
        house.set(month("2027-05"));
        house.destroy(server.id).await;
        house.charge().await;
        let mut seen = Vec::new();
        for _ in 0..3 {
            let invoices = house.invoices(&customer).await;
            seen.push(invoices.iter().rev().map(|i| i.status).collect::<Vec<_>>());
            house.pay(&customer, 1000).await;
        }
        let (paid, due) = (InvoiceStatus::Paid, InvoiceStatus::Due);
        assert_eq!(seen, [[due, due], [paid, due], [paid, paid]]);
    }

    async fn a_number_that_was_taken_and_given_up_leaves_no_gap(house: House) {
        let customer = house.customer("acme").await;
        let organisation = customer.actor.organisation.id;
        for (number, kept) in [(1, true), (2, false), (2, false), (2, true)] {
            let new = NewInvoice {
                organisation,
                month: Month(202_700 + number),
                lines: &[],
                total: Money(1),
                currency: "USD",
                seller: "",
                customer: "",
            };
            let mut session = house.write().await;
            assert_eq!(store::invoices::create(&mut session, &new).await.expect("is written"), number);
            if kept {
                session.commit().await.expect("commits");
            }
        }
    }

    async fn replicas_that_write_invoices_at_once_number_them_without_gaps(house: House) {
        let mut customers = Vec::new();
        for number in 0..20 {
            let customer = house.customer(&format!("c{number}")).await;
            house.server(&customer, &plan(10, 1000)).await;
            customers.push(customer);
        }
        house.set(month("2027-05"));
        let other = house.replica().await;
        let runs = tokio::join!(billing::charge_due(&house.app), billing::charge_due(&other));
        let written = runs.0.expect("charges").invoices + runs.1.expect("charges").invoices;
        assert_eq!(written, 40);
        let mut numbers = Vec::new();
        for customer in &customers {
            let invoices = house.invoices(customer).await;
            assert_eq!(invoices.len(), 2);
            numbers.extend(invoices.iter().map(|invoice| invoice.number));
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
        house.assert_adds_up().await;
    }

    async fn a_clock_that_is_behind_writes_nothing_into_what_was_charged_and_invoiced(house: House) {
        let customer = house.customer("acme").await;
        house.pay(&customer, 1_000_000).await;
        let server = house.server(&customer, &plan(10, 1000)).await;
        house.set(month("2027-04"));
        house.charge().await;
        // Another replica's clock is a second behind: it closes one interval and opens another.
        house.set(month("2027-04").minus(Duration::from_secs(1)));
        house.destroy(server.id).await;
        let late = house.server(&customer, &plan(20, 1000)).await;
        house.set(month("2027-04").plus(Duration::from_secs(60)));
        house.charge().await;
        assert_eq!(house.charges(server.id).await.len(), 745);
        let charged = house.charges(late.id).await;
        assert_eq!((charged.len(), charged[0].due_at), (1, month("2027-04")));
        let invoice = &house.invoices(&customer).await[0];
        assert_eq!((invoice.month, invoice.total), (Month(202_703), Money(1000)));
        house.assert_adds_up().await;
    }
}
