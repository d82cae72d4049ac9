//! The rule once more, as simply as can be: minute by minute, with a set of the hours that were charged. It shares nothing
//! with the program but the prices.

use std::collections::{BTreeMap, HashMap, HashSet};

/// A price, by the hour and by the month.
pub(crate) type Price = (i64, i64);

/// A year and a month.
pub(crate) type YearMonth = (i16, i8);

/// What one server costs.
#[derive(Default)]
pub(crate) struct Server {
    first: Option<i64>,
    price: Option<Price>,
    hours: HashSet<i64>,
    months: HashMap<YearMonth, i64>,
    /// By the hour's number: the minute at which it was due, and what it cost.
    pub(crate) charges: BTreeMap<i64, (i64, i64)>,
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

    /// What was charged in each month.
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
        if self.hours.insert(hour) {
            let spent = self.months.entry(month_of(minute)).or_default();
            let amount = hourly.min(monthly - *spent).max(0);
            *spent += amount;
            self.charges.insert(hour, (minute, amount));
        }
    }
}

/// The month of a minute since 1970, UTC.
pub(crate) fn month_of(minute: i64) -> YearMonth {
    let at = jiff::Timestamp::from_second(minute * 60).expect("a time");
    let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
    (date.year(), date.month())
}

/// The minute at which a day of a month begins.
pub(crate) fn minute_of(year: i16, month: i8, day: i8) -> i64 {
    let day = jiff::civil::date(year, month, day);
    let midnight = day
        .to_zoned(jiff::tz::TimeZone::UTC)
        .expect("there is midnight");
    midnight.timestamp().as_second() / 60
}
