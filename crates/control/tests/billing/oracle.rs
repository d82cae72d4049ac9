//! The rule once more, as simply as can be: minute by minute, with the hours that were charged so far. It shares nothing
//! with the program but the prices, and has a calendar of its own.

use std::collections::{BTreeMap, HashMap};

/// A price, by the hour and by the month.
pub(crate) type Price = (i64, i64);

/// A year and a month.
pub(crate) type YearMonth = (i64, i64);

/// The minutes of a day.
const DAY: i64 = 24 * 60;

/// What one server costs.
#[derive(Default)]
pub(crate) struct Server {
    first: Option<i64>,
    price: Option<Price>,
    months: HashMap<YearMonth, i64>,
    /// By the hour's number: the minute at which it was due, and what it cost.
    pub(crate) charges: BTreeMap<i64, (i64, i64)>,
    /// Whether a month of it has cost its most.
    pub(crate) is_used_up: bool,
}

/// What several servers cost, up to a minute.
pub(crate) struct Oracle {
    minute: i64,
    pub(crate) servers: Vec<Server>,
    /// What was paid.
    pub(crate) paid: i64,
}

impl Oracle {
    pub(crate) fn new(minute: i64) -> Self {
        Self {
            minute,
            servers: Vec::new(),
            paid: 0,
        }
    }

    /// Time passes: at every minute, each server that is there is looked at.
    pub(crate) fn wait_until(&mut self, minute: i64) {
        while self.minute < minute {
            self.tick();
            self.minute += 1;
        }
    }

    /// Looks at all servers, as they are at this minute.
    pub(crate) fn tick(&mut self) {
        for server in &mut self.servers {
            server.tick(self.minute);
        }
    }

    /// A server has this price from this minute on, or is not there.
    pub(crate) fn set(&mut self, server: usize, price: Option<Price>) {
        let server = &mut self.servers[server];
        if price.is_some() {
            server.first.get_or_insert(self.minute);
        }
        server.price = price;
    }

    /// What all servers have cost.
    pub(crate) fn cost(&self) -> i64 {
        let charges = self.servers.iter().flat_map(|server| &server.charges);
        charges.map(|(_, (_, amount))| amount).sum()
    }

    /// What was charged in each month in which something was.
    pub(crate) fn months(&self) -> BTreeMap<YearMonth, i64> {
        let mut months = BTreeMap::new();
        for server in &self.servers {
            for (month, amount) in &server.months {
                *months.entry(*month).or_default() += amount;
            }
        }
        months.retain(|_, amount| *amount > 0);
        months
    }
}

impl Server {
    fn tick(&mut self, minute: i64) {
        let (Some(first), Some((hourly, monthly))) = (self.first, self.price) else {
            return;
        };
        let hour = (minute - first) / 60;
        if self.charges.contains_key(&hour) {
            return;
        }
        let spent = self.months.entry(month_of(minute)).or_default();
        let amount = hourly.min(monthly - *spent).max(0);
        *spent += amount;
        self.is_used_up |= amount < hourly;
        self.charges.insert(hour, (minute, amount));
    }
}

/// The month of a minute since 1970, UTC.
pub(crate) fn month_of(minute: i64) -> YearMonth {
    let (year, month, _) = date_of(minute);
    (year, month)
}

/// The year, month and day of a minute since 1970, UTC: counted off, year by year and month by month.
pub(crate) fn date_of(minute: i64) -> (i64, i64, i64) {
    let (mut year, mut month, mut days) = (1970, 1, minute / DAY);
    while days >= days_of_year(year) {
        days -= days_of_year(year);
        year += 1;
    }
    while days >= days_of_month(year, month) {
        days -= days_of_month(year, month);
        month += 1;
    }
    (year, month, days + 1)
}

/// The minute at which a day of a month begins.
pub(crate) fn minute_of(year: i64, month: i64, day: i64) -> i64 {
    let years: i64 = (1970..year).map(days_of_year).sum();
    let months: i64 = (1..month).map(|month| days_of_month(year, month)).sum();
    (years + months + day - 1) * DAY
}

/// Whether a year has a 29th of February.
pub(crate) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of_year(year: i64) -> i64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[test]
fn the_oracles_calendar_is_everybodys() {
    let mut date = jiff::civil::date(1970, 1, 1);
    for day in 0..minute_of(2201, 1, 1) / DAY {
        let known = (date.year(), date.month(), date.day());
        let (year, month, day_of_month) = date_of(day * DAY + DAY - 1);
        let counted = (i64::from(known.0), i64::from(known.1), i64::from(known.2));
        assert_eq!((year, month, day_of_month), counted);
        assert_eq!(minute_of(year, month, day_of_month), day * DAY);
        date = date.tomorrow().expect("there is one");
    }
}
