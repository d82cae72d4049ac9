//! Tests of the rule by which servers are charged.

use proptest::prelude::*;

use crate::billing::{Charge, Interval, Meter, Month, ahead, monthly_price};
use crate::offer::Money;
use crate::time::Timestamp;

const HOUR: i64 = 3_600_000_000;
const MINUTE: i64 = 60_000_000;
const DAY: i64 = 24 * HOUR;

/// The first moment of a day of 2028, a leap year, or the year after.
fn day(month: i64, day: i64) -> i64 {
    Month(202_800 + month).begins().0 + (day - 1) * DAY
}

fn interval(began_at: i64, ended_at: Option<i64>, hourly: i64, monthly: i64) -> Interval {
    Interval {
        began_at: Timestamp(began_at),
        ended_at: ended_at.map(Timestamp),
        plan: format!("p{hourly}"),
        hourly: Money(hourly),
        monthly: Money(monthly),
    }
}

fn charges(meter: &mut Meter, intervals: &[Interval], until: i64) -> Vec<Charge> {
    let next = || meter.charge(intervals, Timestamp(until)).expect("charges");
    std::iter::from_fn(next).collect()
}

/// All charges of a server, as `(hour, minutes after the first began, amount)`.
fn all(intervals: &[Interval], until: i64) -> Vec<(i64, i64, i64)> {
    let began_at = intervals[0].began_at;
    charges(&mut Meter::new(began_at), intervals, until)
        .iter()
        .map(|charge| {
            let after = (charge.due_at.0 - began_at.0) / MINUTE;
            (charge.hour, after, charge.amount.0)
        })
        .collect()
}

#[test]
fn an_hour_is_due_as_soon_as_it_begins() {
    let began = day(3, 1);
    let server = [interval(began, None, 10, 1000)];
    assert_eq!(all(&server, began - 1), []);
    assert_eq!(all(&server, began), [(0, 0, 10)]);
    assert_eq!(all(&server, began + HOUR - 1), [(0, 0, 10)]);
    assert_eq!(all(&server, began + HOUR), [(0, 0, 10), (1, 60, 10)]);
}

#[test]
fn an_hour_that_begins_as_the_server_ends_is_not_due() {
    let began = day(3, 1);
    let ended = began + 2 * HOUR;
    let hours = |ended| all(&[interval(began, Some(ended), 10, 1000)], began + DAY).len();
    assert_eq!(hours(ended - 1), 2);
    assert_eq!(hours(ended), 2);
    assert_eq!(hours(ended + 1), 3);
}

#[test]
fn a_server_that_was_never_there_costs_nothing() {
    let began = day(3, 1);
    assert_eq!(
        all(&[interval(began, Some(began), 10, 1000)], began + DAY),
        []
    );
}

#[test]
fn an_upgrade_and_a_downgrade_take_effect_with_the_next_hour() {
    let began = day(3, 1);
    let (up, down) = (began + 10 * MINUTE, began + 70 * MINUTE);
    let server = [
        interval(began, Some(up), 10, 1000),
        interval(up, Some(down), 50, 1000),
        interval(down, None, 20, 1000),
    ];
    assert_eq!(
        all(&server, began + 2 * HOUR),
        [(0, 0, 10), (1, 60, 50), (2, 120, 20)]
    );
}

#[test]
fn after_a_gap_an_hour_that_was_not_charged_is_due_at_once_and_one_that_was_is_not() {
    let began = day(3, 1);
    let (lost, found, lost_again) = (
        began + 30 * MINUTE,
        began + 150 * MINUTE,
        began + 170 * MINUTE,
    );
    let server = [
        interval(began, Some(lost), 10, 1000),
        // Within the third hour, at the beginning of which there was nothing.
        interval(found, Some(lost_again), 20, 1000),
        // And within the same again.
        interval(lost_again + MINUTE, None, 30, 1000),
    ];
    assert_eq!(
        all(&server, began + 3 * HOUR),
        [(0, 0, 10), (2, 150, 20), (3, 180, 30)]
    );
}

#[test]
fn a_month_costs_its_most_and_the_next_begins_anew() {
    let began = day(2, 28);
    let server = [interval(began, None, 10, 255)];
    let amounts: Vec<_> = all(&server, day(3, 1) + 2 * HOUR)
        .into_iter()
        .map(|(_, _, amount)| amount)
        .collect();
    // 2028 has a 29th of February: 48 hours, and 3 of March.
    assert_eq!(amounts.len(), 51);
    assert_eq!(amounts[..26], [[10; 25].as_slice(), &[5]].concat());
    assert_eq!(amounts[26..48], [0; 22]);
    assert_eq!(amounts[48..], [10, 10, 10]);
}

#[test]
fn an_hour_over_the_end_of_a_month_belongs_to_the_month_in_which_it_began() {
    let began = day(12, 31) + 23 * HOUR + 30 * MINUTE;
    let server = [interval(began, None, 10, 10)];
    let charged = charges(
        &mut Meter::new(Timestamp(began)),
        &server,
        began + HOUR + MINUTE,
    );
    let months: Vec<_> = charged.iter().map(|charge| charge.month.0).collect();
    assert_eq!(months, [202_812, 202_901]);
    assert!(charged.iter().all(|charge| charge.amount == Money(10)));
}

#[test]
fn a_downgrade_beyond_what_the_month_has_cost_costs_nothing_more_in_it() {
    let began = day(3, 1);
    let down = began + 90 * MINUTE;
    let server = [
        interval(began, Some(down), 100, 1000),
        interval(down, None, 10, 150),
    ];
    let amounts: Vec<_> = all(&server, began + 3 * HOUR)
        .iter()
        .map(|charge| charge.2)
        .collect();
    assert_eq!(amounts, [100, 100, 0, 0]);
}

#[test]
fn amounts_beyond_all_measure_are_an_error_and_no_other_amount() {
    let began = day(3, 1);
    let server = [interval(began, None, i64::MAX, i64::MAX)];
    let mut meter = Meter::new(Timestamp(began)).charged(0, Month(202_803), Money(i64::MIN));
    assert!(meter.charge(&server, Timestamp(began + HOUR)).is_err());
}

#[test]
fn months_begin_and_end_where_the_calendar_says() {
    for (month, begins) in [
        (202_802, "2028-02-01T00:00:00Z"),
        (202_803, "2028-03-01T00:00:00Z"),
        (202_812, "2028-12-01T00:00:00Z"),
        (210_003, "2100-03-01T00:00:00Z"),
    ] {
        let month = Month(month);
        assert_eq!(month.begins().rfc3339(), begins);
        assert_eq!(Month::of(month.begins()), month);
        assert_eq!(Month::of(Timestamp(month.ends().0 - 1)), month);
        assert_eq!(Month::of(month.ends()), month.next());
        assert_eq!(month.to_string().parse::<Month>().expect("parses"), month);
    }
    for wrong in [
        "", "2028", "2028-13", "2028-00", "28-01", "2028-1", "+028-01",
    ] {
        assert!(wrong.parse::<Month>().is_err(), "{wrong:?}");
    }
}

/// A server's life: it is there and not there by turns, with prices that change; and the moments of the runs.
fn lives() -> impl Strategy<Value = (Vec<Interval>, Vec<i64>)> {
    // Around the end of a February with 29 days, and of a year.
    let began = prop_oneof![Just(day(2, 27)), Just(day(12, 30)), Just(day(2, 20) + 7)];
    let step = (0..4 * HOUR, any::<bool>(), 0..60_i64, 0..900_i64);
    let steps = proptest::collection::vec(step, 1..12);
    let runs = proptest::collection::vec(0..10 * DAY, 0..8);
    (began, steps, runs).prop_map(|(began, steps, runs)| {
        let mut intervals = Vec::new();
        let mut at = began;
        let last = steps.len() - 1;
        for (index, (length, is_there, hourly, monthly)) in steps.into_iter().enumerate() {
            let ended = (index < last).then_some(at + length);
            if is_there || index == 0 {
                intervals.push(interval(at, ended, hourly, monthly));
            }
            at += length;
        }
        let mut runs: Vec<_> = runs.into_iter().map(|after| began + after).collect();
        runs.sort_unstable();
        (intervals, runs)
    })
}

proptest! {
    #[test]
    fn a_run_that_is_split_into_many_charges_the_same((intervals, runs) in lives()) {
        let until = intervals[0].began_at.0 + 10 * DAY;
        let at_once = charges(&mut Meter::new(intervals[0].began_at), &intervals, until);
        let mut split: Vec<Charge> = Vec::new();
        for run in runs.into_iter().chain([until]) {
            // Each run knows no more than what is in the rows of the charges.
            let mut meter = Meter::new(intervals[0].began_at);
            if let Some(last) = split.last() {
                let spent = split.iter().filter(|charge| charge.month == last.month);
                let spent = spent.map(|charge| charge.amount.0).sum();
                meter = meter.charged(last.hour, last.month, Money(spent));
            }
            // And nothing of what comes after it.
            let known: Vec<_> = intervals
                .iter()
                .filter(|interval| interval.began_at.0 <= run)
                .map(|interval| Interval {
                    ended_at: interval.ended_at.filter(|ended| ended.0 <= run),
                    ..interval.clone()
                })
                .collect();
            split.extend(charges(&mut meter, &known, run));
        }
        prop_assert_eq!(split, at_once);
    }

    #[test]
    fn no_hour_is_charged_twice_and_each_within_itself((intervals, _) in lives()) {
        let began = intervals[0].began_at.0;
        let charged = charges(&mut Meter::new(Timestamp(began)), &intervals, began + 10 * DAY);
        for pair in charged.windows(2) {
            prop_assert!(pair[0].hour < pair[1].hour);
        }
        for charge in charged {
            let within = charge.due_at.0 - began - charge.hour * HOUR;
            prop_assert!((0..HOUR).contains(&within));
            let in_force = |interval: &&Interval| {
                interval.began_at <= charge.due_at
                    && interval.ended_at.is_none_or(|ended| charge.due_at < ended)
            };
            prop_assert!(intervals.iter().any(|interval| in_force(&interval)));
        }
    }

    #[test]
    fn a_month_never_costs_more_than_its_most((intervals, _) in lives()) {
        let began = intervals[0].began_at;
        let charged = charges(&mut Meter::new(began), &intervals, began.0 + 10 * DAY);
        let most = intervals.iter().map(|interval| interval.monthly.0).max().unwrap_or(0);
        let mut months = std::collections::HashMap::<Month, i64>::new();
        for charge in charged {
            let sum = months.entry(charge.month).or_default();
            *sum += charge.amount.0;
            prop_assert!(*sum <= most);
        }
    }
}

#[test]
fn a_month_without_a_price_of_its_own_has_no_limit() {
    let began = day(3, 1);
    let monthly = monthly_price(Money(7), None).expect("fits");
    let server = [interval(began, None, 7, monthly.0)];
    let march = all(&server, day(4, 1) - 1);
    assert_eq!(march.len(), 744);
    assert!(march.iter().all(|(_, _, amount)| *amount == 7));
    assert_eq!(monthly_price(Money(0), None).expect("fits"), Money(0));
}

#[test]
fn a_month_costs_an_hour_at_the_least() {
    for (hourly, monthly, is_right) in [
        (7, 7, true),
        (7, 6, false),
        (7, 0, false),
        (0, 0, true),
        (0, 7, false),
    ] {
        let price = monthly_price(Money(hourly), Some(Money(monthly)));
        assert_eq!(price.is_ok(), is_right, "{hourly} {monthly}");
    }
}

#[test]
fn what_is_ahead_is_what_will_be_charged() {
    let began = day(3, 31);
    // Three hours of March are paid, and its fourth costs the rest; April begins anew.
    let server = [interval(began, None, 10, 35)];
    let mut meter = Meter::new(Timestamp(began));
    assert_eq!(charges(&mut meter, &server, began + 2 * HOUR).len(), 3);
    let cost = |from: i64, until: i64| {
        let cost = ahead(meter.clone(), &server, Timestamp(from), Timestamp(until));
        cost.expect("fits").0
    };
    assert_eq!(cost(began + 3 * HOUR, began + DAY), 5);
    assert_eq!(cost(began + 4 * HOUR, began + DAY), 0);
    assert_eq!(cost(began + 4 * HOUR, began + DAY + 1), 10);
    assert_eq!(cost(began, began + 2 * DAY), 5 + 35);
}
