//! A season: many histories on one clock, charged by two replicas, by one, or by one that is killed on its way.
//!
//! What must stay true: the ledger sums to zero after every step; once a run is through, every balance is the oracle's.

use std::future::Future;
use std::pin::pin;

use control::App;
use control::billing;
use domain::{Money, OrganisationId, Timestamp};
use store::Session;
use store::ledger::Sums;

use super::history::History;
use super::met::Met;
use super::random::Random;
use crate::common::{House, cut_off, registered};
use crate::oracle;

/// So many organisations live at the same time.
pub(super) const HISTORIES: i64 = 25;

/// One season.
pub(super) struct Season<'a> {
    house: &'a House,
    replica: &'a App,
    /// What everybody else has committed is seen through this, and nothing else.
    looking: Session,
    random: Random,
    histories: Vec<History>,
    minute: i64,
    /// One in so many runs is cut off, and as many are made by two at once.
    trouble: i64,
    /// How many steps a run takes, about.
    polls: i64,
}

/// What is on an invoice: whose it is, of which month, and how much.
pub(super) type Invoiced = (i64, i64, i64);

impl<'a> Season<'a> {
    /// Begins a season, at that minute or later.
    pub(super) async fn begin(
        house: &'a House,
        replica: &'a App,
        seed: u64,
        earliest: i64,
        trouble: i64,
    ) -> Self {
        let mut random = Random(seed);
        let minute = start(&mut random, earliest);
        let mut histories = Vec::new();
        house.set(at(minute));
        let mut session = house.write().await;
        for number in 0..HISTORIES {
            let customer = registered(&mut session, &format!("s{seed}-{number}")).await;
            let own = Random(random.next());
            histories.push(History::new(customer, own, minute));
        }
        session.commit().await.expect("commits");
        Self {
            house,
            replica,
            looking: house.read().await,
            random,
            histories,
            minute,
            trouble,
            polls: 500,
        }
    }

    /// Plays it to its end; the minute after it, and the invoices that are due for it.
    pub(super) async fn play(mut self, met: &mut Met) -> (i64, Vec<Invoiced>) {
        let mut next_charge = self.minute + self.pause();
        while let Some((turn, index)) = self.next() {
            if next_charge <= turn {
                self.go_to(next_charge);
                self.charge(met).await;
                next_charge = self.minute + 1 + self.pause();
            } else {
                self.go_to(turn);
                let history = &mut self.histories[index];
                history.step(self.house, self.minute, met).await;
                let organisation = history.organisation();
                self.sums(organisation, organisation).await;
            }
        }
        let rest = self.random.below(3);
        self.go_to(self.minute + rest);
        self.charge_all(met).await;
        for history in &mut self.histories {
            met.count(&history.oracle);
            history.assert_every_hour(&mut self.looking).await;
            history.settle(self.house).await;
        }
        self.assert_adds_up().await;
        (self.minute + 1, self.invoices())
    }

    /// Whose turn is next, and when.
    fn next(&self) -> Option<(i64, usize)> {
        let turns = self.histories.iter().enumerate();
        turns
            .filter_map(|(index, history)| Some((history.next?, index)))
            .min()
    }

    fn go_to(&mut self, minute: i64) {
        self.minute = self.minute.max(minute);
        self.house.set(at(self.minute));
    }

    /// Until the next run.
    fn pause(&mut self) -> i64 {
        match self.random.below(6) {
            0 => self.random.below(60),
            1 => self.random.below(6 * 60),
            2 | 3 => self.random.below(24 * 60),
            _ => self.random.below(3 * 24 * 60),
        }
    }

    async fn charge(&mut self, met: &mut Met) {
        if self.random.one_in(self.trouble) {
            self.charge_and_crash(met).await;
            if self.random.one_in(2) {
                // Life goes on, and the next run has to make up for this one. Not within this minute, of which nobody
                // knows how much was charged.
                self.go_to(self.minute + 1);
                return;
            }
        }
        self.charge_all(met).await;
    }

    /// A run that is killed somewhere on its way.
    async fn charge_and_crash(&mut self, met: &mut Met) {
        let before = self.assert_adds_up().await;
        self.look();
        let polls = self.random.below(self.polls + 1);
        let run = Box::pin(billing::charge_due(&self.house.app));
        if cut_off(polls, run).await {
            return;
        }
        met.cut_off += 1;
        let after = self.assert_adds_up().await;
        let (mut charged, mut left) = (0, 0);
        for history in &self.histories {
            let of = |sums: &[Sums]| balance(sums, history.organisation());
            let expected = history.oracle.paid - history.oracle.cost();
            charged += u64::from(of(&before) != of(&after));
            left += u64::from(of(&after) != expected);
        }
        met.half_done += u64::from(charged > 0 && left > 0);
    }

    /// A run that comes to its end, whatever becomes of another beside it.
    async fn charge_all(&mut self, met: &mut Met) {
        let run = Box::pin(billing::charge_due(&self.house.app));
        if self.random.one_in(self.trouble) {
            met.doubled += 1;
            let other = Box::pin(billing::charge_due(self.replica));
            if self.random.one_in(2) {
                let polls = self.random.below(self.polls + 1);
                let (run, _) = tokio::join!(run, cut_off(polls, other));
                run.expect("charges");
            } else {
                let ((run, polls), other) = tokio::join!(counted(run), other);
                run.expect("charges");
                other.expect("charges");
                // Each is woken for the other as well.
                self.polls = polls / 2;
            }
        } else {
            let (run, polls) = counted(run).await;
            run.expect("charges");
            self.polls = polls;
        }
        self.look();
        let sums = self.assert_adds_up().await;
        for history in &self.histories {
            let balance = balance(&sums, history.organisation());
            assert_eq!(balance, history.oracle.paid - history.oracle.cost());
            met.owing += u64::from(balance < 0);
        }
    }

    /// Every oracle looks at its servers, up to this minute.
    fn look(&mut self) {
        for history in &mut self.histories {
            history.oracle.wait_until(self.minute);
            history.oracle.tick();
        }
    }

    /// Panics unless the lines of all transactions sum to nothing, and those of every organisation's own account to its
    /// balance; what there is of each.
    async fn assert_adds_up(&mut self) -> Vec<Sums> {
        let first = self.histories[0].organisation();
        let last = self.histories[self.histories.len() - 1].organisation();
        self.sums(first, last).await
    }

    /// The same for those organisations only: all that a step of theirs can have changed.
    async fn sums(&mut self, first: OrganisationId, last: OrganisationId) -> Vec<Sums> {
        let sums = store::ledger::sums_for_test(&mut self.looking, first, last).await;
        let sums = sums.expect("are known");
        for one in &sums {
            assert_eq!((one.own, one.all), (one.balance, Money(0)), "{one:?}");
        }
        sums
    }

    fn invoices(&self) -> Vec<Invoiced> {
        let mut due = Vec::new();
        for history in &self.histories {
            let organisation = history.organisation().0;
            for ((year, month), amount) in history.oracle.months() {
                due.push((organisation, year * 100 + month, amount));
            }
        }
        due
    }
}

/// One that has had no transaction has nothing.
fn balance(sums: &[Sums], organisation: OrganisationId) -> i64 {
    let mut of_it = sums.iter().filter(|one| one.organisation == organisation);
    of_it.next().map_or(0, |one| one.balance.0)
}

pub(super) fn at(minute: i64) -> Timestamp {
    Timestamp(minute * 60_000_000)
}

/// Mostly shortly before something of the calendar: the end of a month, or the next 29th of February.
fn start(random: &mut Random, earliest: i64) -> i64 {
    let (year, month) = oracle::month_of(earliest);
    let (next_year, next_month) = if month == 12 {
        (year + 1, 1)
    } else {
        (year, month + 1)
    };
    let before = |moment: i64, random: &mut Random| moment - random.below(2 * 24 * 60);
    let start = match random.below(8) {
        0 | 1 => earliest + random.below(600),
        2 => {
            // None is farther away than from 2096 to 2104.
            let is_next =
                |year: &i64| oracle::is_leap(*year) && oracle::minute_of(*year, 2, 27) >= earliest;
            let leap = (year..=year + 8).find(is_next);
            before(oracle::minute_of(leap.expect("there is one"), 3, 1), random)
        }
        _ => before(oracle::minute_of(next_year, next_month, 1), random),
    };
    start.max(earliest)
}

/// What something comes to, and how many steps it took.
async fn counted<T>(work: impl Future<Output = T>) -> (T, i64) {
    let mut work = pin!(work);
    let mut polls = 0;
    let done = std::future::poll_fn(|context| {
        polls += 1;
        work.as_mut().poll(context)
    })
    .await;
    (done, polls)
}
