//! Random histories, each against the oracle: servers are made, changed, stopped, lost, found and destroyed; money comes
//! in; and charging runs, alone, together with another replica, or until it is killed somewhere.
//!
//! `season` plays many of them on one clock, `history` owns what one organisation does, `met` counts what they meet. What
//! must stay true: a season can be played again by its seed, which is told where it fails.

mod history;
mod met;
mod random;
mod season;

use std::time::Instant;

use testkit::Database;

use self::met::Met;
use self::season::{HISTORIES, Season, at};
use crate::common::{House, free};
use crate::oracle;

/// So many seasons are in a part on SQLite. There are eight parts: with those on PostgreSQL, 10,000 histories and some.
const SEASONS: u64 = 49;

/// So many are played on PostgreSQL.
const POSTGRES_SEASONS: u64 = 12;

/// `ARCUS_BILLING_TIMES=10` plays ten times as many.
fn times() -> u64 {
    let said = std::env::var("ARCUS_BILLING_TIMES").ok();
    said.map_or(1, |said| said.parse().expect("a number"))
}

/// Plays seasons one after the other on one database, and looks at the invoices at the end.
async fn play(database: Database, part: u64, seasons: u64, trouble: i64) {
    let began = Instant::now();
    let seasons = seasons * times();
    // What is proved here is not that anything outlasts a power cut.
    database
        .run("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$")
        .await;
    let house = House::new(database, free()).await;
    let replica = house.replica().await;
    let (mut met, mut due) = (Met::default(), Vec::new());
    let mut minute = oracle::minute_of(2027, 11, 27);
    for number in 0..seasons {
        let seed = part * 1_000_000 + number;
        let told = Told(seed);
        let season = Season::begin(&house, &replica, seed, minute, trouble).await;
        let invoices;
        (minute, invoices) = season.play(&mut met).await;
        due.extend(invoices);
        drop(told);
    }
    // Of the last month, and of the one in which the last ones paid.
    house.set(at(minute + 62 * 24 * 60));
    house.charge().await;
    house.assert_adds_up().await;
    let invoices = store::invoices::all(&mut house.read().await, i64::MAX).await;
    let mut invoices = invoices.expect("are known");
    invoices.reverse();
    let numbers = invoices.iter().map(|invoice| invoice.number);
    assert!(
        numbers.eq((1..).take(due.len())),
        "there is a gap or a double"
    );
    let written = invoices.iter().map(|invoice| {
        let lines: i64 = invoice.lines.iter().map(|line| line.amount.0).sum();
        assert_eq!(lines, invoice.total.0);
        (invoice.organisation_id.0, invoice.month.0, invoice.total.0)
    });
    let mut written: Vec<_> = written.collect();
    written.sort_unstable();
    due.sort_unstable();
    assert_eq!(written, due);
    assert_eq!(met.histories, seasons * HISTORIES.unsigned_abs());
    met.assert_enough(seasons);
    eprintln!("{met:?} in {:?}", began.elapsed());
}

/// Says which season it was that failed.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this was the season with the seed {}", self.0);
        }
    }
}

/// One test for each part, so that there is work for every processor.
macro_rules! every_charge_is_the_oracles {
    ($($name:ident = $part:literal),+ $(,)?) => {
        mod every_charge_is_the_oracles {
            use super::*;

            $(#[tokio::test]
            async fn $name() {
                Box::pin(play(Database::sqlite(), $part, SEASONS, 3)).await;
            })+

            #[tokio::test]
            async fn where_hardly_a_run_comes_to_its_end() {
                Box::pin(play(Database::sqlite(), 100, SEASONS, 1)).await;
            }

            #[tokio::test]
            async fn on_postgresql_too() {
                Box::pin(play(Database::postgres().await, 200, POSTGRES_SEASONS, 2)).await;
            }
        }
    };
}

every_charge_is_the_oracles! {
    in_part_1 = 1,
    in_part_2 = 2,
    in_part_3 = 3,
    in_part_4 = 4,
    in_part_5 = 5,
    in_part_6 = 6,
    in_part_7 = 7,
}
