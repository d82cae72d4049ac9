//! What the histories have met: a generator that ceases to make something of it fails the test.

use crate::oracle::{self, Oracle};

/// How often something was met.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Met {
    pub(super) histories: u64,
    pub(super) creates: u64,
    pub(super) upgrades: u64,
    pub(super) stops: u64,
    pub(super) losses: u64,
    pub(super) destroys: u64,
    pub(super) top_ups: u64,
    /// Runs that two replicas made at once.
    pub(super) doubled: u64,
    /// Runs that were killed on their way.
    pub(super) cut_off: u64,
    /// Killed runs that had charged some of those who owed something, and not all of them.
    pub(super) half_done: u64,
    /// Histories that were charged in more than one month.
    pub(super) month_ends: u64,
    /// Histories that were charged for hours of a 29th of February.
    pub(super) leap_days: u64,
    /// Histories in which a month has cost its most.
    pub(super) used_up: u64,
    /// Histories that owed something when a run was through.
    pub(super) owing: u64,
}

impl Met {
    /// Counts what is in a history that is over.
    pub(super) fn count(&mut self, oracle: &Oracle) {
        let servers = &oracle.servers;
        let charges = servers.iter().flat_map(|server| server.charges.values());
        let mut dates: Vec<_> = charges
            .map(|(due_at, _)| oracle::date_of(*due_at))
            .collect();
        let is_leap_day = |(_, month, day): &(i64, i64, i64)| (*month, *day) == (2, 29);
        self.leap_days += u64::from(dates.iter().any(is_leap_day));
        dates.sort_unstable();
        dates.dedup_by_key(|(year, month, _)| (*year, *month));
        self.month_ends += u64::from(dates.len() > 1);
        self.used_up += u64::from(servers.iter().any(|server| server.is_used_up));
        self.histories += 1;
    }

    /// Panics where something was met too seldom for so many histories, in so many seasons.
    pub(super) fn assert_enough(&self, seasons: u64) {
        let least = [
            ("creates", self.creates, self.histories),
            ("upgrades", self.upgrades, self.histories / 2),
            ("stops", self.stops, self.histories / 4),
            ("losses", self.losses, self.histories / 8),
            ("destroys", self.destroys, self.histories),
            ("top-ups", self.top_ups, self.histories / 2),
            ("runs of two at once", self.doubled, seasons / 2),
            ("runs that were cut off", self.cut_off, seasons / 2),
            ("runs that were half done", self.half_done, seasons / 4),
            ("month ends", self.month_ends, self.histories / 4),
            ("leap days", self.leap_days, self.histories / 40),
            ("months used up", self.used_up, self.histories / 4),
            ("organisations that owed", self.owing, self.histories / 8),
        ];
        for (what, met, least) in least {
            assert!(
                met >= least.max(1),
                "{what}: {met} were met, of {least}: {self:?}"
            );
        }
    }
}
