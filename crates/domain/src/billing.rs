//! What a server costs: the hours of its intervals, each charged once.
//!
//! Called by the store, which reads the intervals, and by `control::billing`, which writes the charges. The rule: hours are
//! counted from the beginning of a server's first interval. An hour is due at the first moment of it at which an interval
//! is in force, and costs the hourly price of that interval; in a calendar month (UTC, by the moment at which the hours
//! were due) no more than that interval's monthly price. What must stay true: a run that is split into many runs charges
//! the same; no hour is charged twice; a plan that costs something by the hour costs at least an hour in a month.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::offer::Money;
use crate::time::Timestamp;

/// An hour in microseconds.
const HOUR: i64 = 3_600_000_000;

/// The hours of the longest month.
const LONGEST_MONTH: i64 = 31 * 24;

/// A time for which a server had one price. It ends before `ended_at`, and goes on where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The slug of the plan.
    pub plan: String,
    /// What an hour costs.
    pub hourly: Money,
    /// The most that a calendar month costs.
    pub monthly: Money,
}

/// An hour of a server that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Its number: 0 is the first.
    pub hour: i64,
    /// The moment at which it was due.
    pub due_at: Timestamp,
    /// The calendar month of that moment.
    pub month: Month,
    /// The slug of the plan that it was charged by.
    pub plan: String,
    /// What it costs: nothing where the month has cost its most already.
    pub amount: Money,
}

/// How far a server was charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meter {
    began_at: Timestamp,
    next_hour: i64,
    spent: Option<(Month, Money)>,
}

/// A calendar month, as `year * 100 + month`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Month(pub i64);

/// What a calendar month of a plan costs at the most. Where that was not `given`, a month has no limit but its hours, and the
/// longest costs this much.
///
/// Errors: `Invalid` where servers would be had for less than an hour's price, or for nothing though there is a price.
pub fn monthly_price(hourly: Money, given: Option<Money>) -> Result<Money> {
    let Some(monthly) = given else {
        return hourly.times(LONGEST_MONTH);
    };
    if monthly < hourly {
        return Err(Error::invalid(format!(
            "a month costs at least an hour, and {monthly} is less than {hourly}; nothing was changed: without a monthly \
             price there is no limit but the month's hours"
        )));
    }
    if hourly == Money(0) && monthly > Money(0) {
        return Err(Error::invalid(format!(
            "servers are charged by the hour: with a monthly price of {monthly} and no hourly one they would cost nothing; \
             nothing was changed: set the hourly price"
        )));
    }
    Ok(monthly)
}

/// What the hours cost that are due from `from` on and before `until`, if nothing changes.
pub fn ahead(
    mut meter: Meter,
    intervals: &[Interval],
    from: Timestamp,
    until: Timestamp,
) -> Result<Money> {
    let mut total = Money(0);
    while let Some(charge) = meter.charge(intervals, Timestamp(until.0.saturating_sub(1)))? {
        if charge.due_at >= from {
            total = total.plus(charge.amount)?;
        }
    }
    Ok(total)
}

// === impl Interval ===

impl Interval {
    /// Whether it is in force at some moment from `from` on, and from when.
    fn from(&self, from: Timestamp) -> Option<Timestamp> {
        let begins = self.began_at.max(from);
        self.ended_at
            .is_none_or(|ended_at| begins < ended_at)
            .then_some(begins)
    }
}

// === impl Meter ===

impl Meter {
    /// Of a server whose first interval began then, and of which nothing was charged.
    pub fn new(began_at: Timestamp) -> Self {
        Self {
            began_at,
            next_hour: 0,
            spent: None,
        }
    }

    /// Of a server of which everything up to that hour was charged, the hour included, for so much in the month of it.
    #[must_use]
    pub fn charged(mut self, hour: i64, month: Month, spent: Money) -> Self {
        self.next_hour = hour.saturating_add(1);
        self.spent = Some((month, spent));
        self
    }

    /// When the next hour is due that is not charged yet.
    pub fn next_due(&self, intervals: &[Interval]) -> Option<Timestamp> {
        let from = self.hour_begins(self.next_hour);
        intervals
            .iter()
            .filter_map(|interval| interval.from(from))
            .min()
    }

    /// The next charge that is due until then, that moment included, which counts as charged from now on.
    ///
    /// Errors: `Internal` where the amounts are beyond all measure.
    pub fn charge(&mut self, intervals: &[Interval], until: Timestamp) -> Result<Option<Charge>> {
        let Some(due_at) = self.next_due(intervals).filter(|due_at| *due_at <= until) else {
            return Ok(None);
        };
        // Of several at one moment, which nobody writes, the one that began last.
        let in_force = intervals
            .iter()
            .filter(|interval| interval.from(due_at) == Some(due_at))
            .max_by_key(|interval| interval.began_at);
        let Some(interval) = in_force else {
            return Ok(None);
        };
        let month = Month::of(due_at);
        let spent = match self.spent {
            Some((known, spent)) if known == month => spent,
            _ => Money(0),
        };
        let left = interval.monthly.minus(spent)?.max(Money(0));
        let amount = interval.hourly.max(Money(0)).min(left);
        let hour = (due_at.0 - self.began_at.0).div_euclid(HOUR);
        self.next_hour = hour.saturating_add(1);
        self.spent = Some((month, spent.plus(amount)?));
        Ok(Some(Charge {
            hour,
            due_at,
            month,
            plan: interval.plan.clone(),
            amount,
        }))
    }

    fn hour_begins(&self, hour: i64) -> Timestamp {
        Timestamp(self.began_at.0.saturating_add(hour.saturating_mul(HOUR)))
    }
}

// === impl Month ===

impl Month {
    /// The month of a moment, UTC.
    pub fn of(at: Timestamp) -> Self {
        let at = jiff::Timestamp::from_microsecond(at.0).unwrap_or(if at.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        });
        let date = jiff::tz::Offset::UTC.to_datetime(at);
        Self(i64::from(date.year()) * 100 + i64::from(date.month()))
    }

    /// Its first moment.
    pub fn begins(self) -> Timestamp {
        let year = i16::try_from(self.0.div_euclid(100)).unwrap_or(i16::MAX);
        let month = i8::try_from(self.0.rem_euclid(100)).unwrap_or(i8::MAX);
        jiff::civil::Date::new(year, month, 1)
            .ok()
            .and_then(|date| {
                jiff::tz::Offset::UTC
                    .to_timestamp(date.to_datetime(jiff::civil::Time::midnight()))
                    .ok()
            })
            .map_or(Timestamp(i64::MAX), |at| Timestamp(at.as_microsecond()))
    }

    /// The first moment after it.
    pub fn ends(self) -> Timestamp {
        self.next().begins()
    }

    /// The month after it.
    #[must_use]
    pub fn next(self) -> Self {
        match (self.0.div_euclid(100), self.0.rem_euclid(100)) {
            (year, 12) => Self((year + 1) * 100 + 1),
            (year, month) => Self(year * 100 + month + 1),
        }
    }
}

impl fmt::Display for Month {
    /// `2027-03`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:04}-{:02}",
            self.0.div_euclid(100),
            self.0.rem_euclid(100)
        )
    }
}

impl FromStr for Month {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::invalid(format!("{text:?} is no month; write one such as 2027-03"));
        let (year, month) = text.split_once('-').ok_or_else(wrong)?;
        let digits = |part: &str, length| {
            part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(year, 4) || !digits(month, 2) {
            return Err(wrong());
        }
        let year: i64 = year.parse().map_err(|_| wrong())?;
        let month: i64 = month.parse().map_err(|_| wrong())?;
        if (1..=12).contains(&month) {
            Ok(Self(year * 100 + month))
        } else {
            Err(wrong())
        }
    }
}
