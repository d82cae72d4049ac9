//! Random histories, each against the oracle: servers are made, changed, stopped, lost, found and destroyed; money comes
//! in; and charging runs, alone, together with another replica, or until it is cut off somewhere.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use control::App;
use control::billing;
use domain::server::{Desired, Setup};
use domain::{Money, ServerId, Timestamp};
use testkit::Database;

use crate::common::{Customer, House, asked_for, free, made, plan};
use crate::oracle::{self, Oracle, Price};

/// SplitMix64: a history can be played again by its number.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: i64) -> i64 {
        let bound = u64::try_from(bound).expect("a bound");
        i64::try_from(self.next() % bound).expect("fits")
    }

    fn one_in(&mut self, bound: i64) -> bool {
        self.below(bound) == 0
    }

    /// Cheap and dear, with months that are used up soon, late and never.
    fn price(&mut self) -> Price {
        let hourly = [0, 1, 7_400, 15_000, 238_000, 1_000_003]
            [usize::try_from(self.below(6)).expect("fits")];
        let hours = [0, 1, 3, 50, 676, 800][usize::try_from(self.below(6)).expect("fits")];
        (hourly, hourly * hours + self.below(2))
    }
}

/// One history: an organisation, its servers, and the oracle's idea of them.
struct History<'a> {
    house: &'a House,
    replica: &'a App,
    random: Random,
    customer: Customer,
    servers: Vec<(ServerId, bool)>,
    oracle: Oracle,
    minute: i64,
    // How much of what happens is charged by two, or cut off.
    trouble: i64,
}

fn at(minute: i64) -> Timestamp {
    Timestamp(minute * 60_000_000)
}

impl History<'_> {
    async fn play(&mut self) {
        let steps = 4 + self.random.below(7);
        self.create().await;
        for _ in 0..steps {
            let minutes = match self.random.below(10) {
                0 => 0,
                1 | 2 => self.random.below(60),
                3 => 60,
                4..=7 => self.random.below(6 * 60),
                8 => 60 * self.random.below(24),
                _ => self.random.below(4 * 24 * 60),
            };
            self.wait(minutes);
            self.step().await;
        }
        // Nothing goes on when the next history begins.
        for index in 0..self.servers.len() {
            self.destroy(index).await;
        }
        self.wait(self.minute % 3);
        self.charge().await;
        for (index, (server, _)) in self.servers.iter().enumerate() {
            let charged = self.house.charges(*server).await;
            let charged = charged.iter().map(|charge| {
                let due_at = charge.due_at.0 / 60_000_000;
                (charge.hour, (due_at, charge.amount.0))
            });
            let expected = &self.oracle.servers[index].charges;
            assert_eq!(
                charged.collect::<std::collections::BTreeMap<_, _>>(),
                *expected
            );
        }
    }

    fn wait(&mut self, minutes: i64) {
        self.minute += minutes;
        self.oracle.wait_until(self.minute);
        self.house.set(at(self.minute));
    }

    async fn step(&mut self) {
        match self.random.below(16) {
            0 | 1 => self.create().await,
            2..=4 => self.resize().await,
            5 => self.lose_or_find().await,
            6 => self.stop().await,
            7 => {
                let index = self.any();
                self.destroy(index).await;
            }
            8 | 9 => self.pay().await,
            _ => self.charge().await,
        }
    }

    fn any(&mut self) -> usize {
        let count = i64::try_from(self.servers.len()).expect("few");
        usize::try_from(self.random.below(count)).expect("fits")
    }

    async fn create(&mut self) {
        if self.servers.len() == 3 {
            return;
        }
        let price = self.random.price();
        let mut session = self.house.write().await;
        let server = asked_for(&mut session, &self.customer, &plan(price.0, price.1)).await;
        made(&mut session, server.id).await;
        session.commit().await.expect("commits");
        self.oracle.servers.push(oracle::Server::default());
        self.oracle.set(self.servers.len(), Some(price));
        self.servers.push((server.id, true));
    }

    async fn resize(&mut self) {
        let index = self.any();
        let (server, is_there) = self.servers[index];
        if is_there {
            let price = self.random.price();
            self.house.resize(server, &plan(price.0, price.1)).await;
            self.oracle.set(index, Some(price));
        }
    }

    /// It vanished at its cloud, and comes back after a while or at once.
    async fn lose_or_find(&mut self) {
        let index = self.any();
        let (server, is_there) = self.servers[index];
        if !is_there {
            return;
        }
        let organisation = self.customer.actor.organisation.id;
        let mut session = self.house.write().await;
        store::servers::set_setup(&mut session, server, Setup::Lost, Some("it is lost"))
            .await
            .expect("writes");
        store::billing::end(&mut session, server)
            .await
            .expect("ends");
        session.commit().await.expect("commits");
        self.oracle.set(index, None);
        let minutes = self.random.below(150);
        self.wait(minutes);
        if self.random.one_in(3) {
            self.charge().await;
        }
        let mut session = self.house.write().await;
        store::servers::set_setup(&mut session, server, Setup::Ready, None)
            .await
            .expect("writes");
        store::billing::begin(&mut session, server)
            .await
            .expect("begins");
        let now = store::servers::by_id(&mut session, organisation, server)
            .await
            .expect("is there");
        session.commit().await.expect("commits");
        self.oracle.set(index, Some((now.hourly.0, now.monthly.0)));
    }

    /// A server that is off costs the same.
    async fn stop(&mut self) {
        let (server, _) = self.servers[self.servers.len() - 1];
        let mut session = self.house.write().await;
        store::servers::want(&mut session, server, Desired::Stopped)
            .await
            .expect("writes");
        session.commit().await.expect("commits");
    }

    async fn destroy(&mut self, index: usize) {
        let (server, is_there) = self.servers[index];
        if is_there {
            self.house.destroy(server).await;
            self.oracle.set(index, None);
            self.servers[index].1 = false;
        }
    }

    async fn pay(&mut self) {
        let amount = 1 + self.random.below(2_000_000);
        self.house.pay(&self.customer, amount).await;
        self.oracle.paid += amount;
        self.assert_adds_up().await;
    }

    async fn charge(&mut self) {
        if self.random.one_in(self.trouble) {
            // Killed somewhere on its way.
            let polls = self.random.below(120);
            cut_off(polls, billing::charge_due(&self.house.app)).await;
            self.assert_adds_up().await;
        }
        if self.random.one_in(self.trouble * 2) {
            let (one, other) = tokio::join!(
                billing::charge_due(&self.house.app),
                billing::charge_due(self.replica)
            );
            one.expect("charges");
            other.expect("charges");
        } else {
            self.house.charge().await;
        }
        self.oracle.tick();
        let balance = self.assert_adds_up().await;
        assert_eq!(balance, self.oracle.paid - self.oracle.cost());
    }

    /// The balance, which is what the organisation's lines sum to, as all of them sum to nothing.
    async fn assert_adds_up(&self) -> i64 {
        let organisation = self.customer.actor.organisation.id;
        let mut session = self.house.read().await;
        let sums = store::ledger::sums_for_test(&mut session, organisation).await;
        let balance = store::ledger::balance(&mut session, organisation).await;
        let balance = balance.expect("is known").unwrap_or_default();
        assert_eq!(sums.expect("sums"), (balance, Money(0)));
        balance.0
    }
}

/// Lets something go on for so many steps, and drops it where it is then.
async fn cut_off<T>(polls: i64, work: impl Future<Output = T>) {
    let mut work = pin!(work);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        work.as_mut().poll(context).map(drop)
    })
    .await;
}

/// Plays histories one after the other on one database, and looks at the invoices at the end.
async fn play(database: Database, seed: u64, count: u64, trouble: i64) {
    let began = Instant::now();
    let house = House::new(database, free()).await;
    let replica = house.replica().await;
    let mut invoiced = 0;
    let mut expected = Vec::new();
    let mut minute = oracle::minute_of(2027, 11, 27);
    for number in 0..count {
        let seed = seed + number;
        let told = Told(seed);
        let mut random = Random(seed);
        minute = start(&mut random, minute);
        house.set(at(minute));
        let customer = house.customer(&format!("c{seed}")).await;
        let mut history = History {
            house: &house,
            replica: &replica,
            random,
            customer,
            servers: Vec::new(),
            oracle: Oracle::new(minute),
            minute,
            trouble,
        };
        history.play().await;
        minute = history.minute + 1;
        let organisation = history.customer.actor.organisation.id;
        for (month, amount) in history.oracle.months() {
            expected.push((
                organisation.0,
                i64::from(month.0) * 100 + i64::from(month.1),
                amount,
            ));
            invoiced += 1;
        }
        drop(told);
    }
    house.set(at(minute + 62 * 24 * 60));
    house.charge().await;
    house.assert_adds_up().await;
    let invoices = store::invoices::all(&mut house.read().await, i64::MAX).await;
    let mut invoices = invoices.expect("are known");
    invoices.reverse();
    let numbers: Vec<i64> = invoices.iter().map(|invoice| invoice.number).collect();
    assert_eq!(numbers, (1..=invoiced).collect::<Vec<_>>());
    let mut written: Vec<_> = invoices
        .iter()
        .map(|invoice| {
            let lines: i64 = invoice.lines.iter().map(|line| line.amount.0).sum();
            assert_eq!(lines, invoice.total.0);
            (invoice.organisation_id.0, invoice.month.0, invoice.total.0)
        })
        .collect();
    written.sort_unstable();
    expected.sort_unstable();
    assert_eq!(written, expected);
    eprintln!("{count} histories in {:?}", began.elapsed());
}

/// Mostly shortly before something of the calendar: the end of a month, of a February, of a year.
fn start(random: &mut Random, earliest: i64) -> i64 {
    let (year, month) = oracle::month_of(earliest);
    let (next_year, next_month) = if month == 12 {
        (year + 1, 1)
    } else {
        (year, month + 1)
    };
    let end = oracle::minute_of(next_year, next_month, 1);
    let before_end = end - random.below(3 * 24 * 60);
    if random.one_in(4) || before_end < earliest {
        earliest + random.below(600)
    } else {
        before_end
    }
}

/// Says which history it was that failed.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this was the history with the seed {}", self.0);
        }
    }
}

/// How many histories are played; `ARCUS_BILLING_HISTORIES` says another number.
fn histories() -> u64 {
    let said = std::env::var("ARCUS_BILLING_HISTORIES").ok();
    said.map_or(800, |said| said.parse().expect("a number"))
}

#[tokio::test]
async fn every_charge_is_the_oracles_in_one_half_of_the_histories() {
    let half = histories() / 2;
    Box::pin(play(Database::sqlite(), 0, half, 25)).await;
}

#[tokio::test]
async fn every_charge_is_the_oracles_in_the_other_half() {
    let half = histories() / 2;
    Box::pin(play(Database::sqlite(), half, half, 25)).await;
}

#[tokio::test]
async fn every_charge_is_the_oracles_on_postgresql_too() {
    Box::pin(play(Database::postgres().await, 10_000, 100, 3)).await;
}

#[tokio::test]
async fn every_charge_is_the_oracles_where_hardly_a_run_comes_to_its_end() {
    Box::pin(play(Database::sqlite(), 20_000, 100, 2)).await;
}
