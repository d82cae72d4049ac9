//! Runs rounds, several at a time, and names the seed of each that fails.

use std::future::Future;
use std::time::Instant;

use tokio::task::JoinSet;

use crate::random::Random;

/// Rounds on their way at once: most of a round is waiting, for leases to run out and for the simulated cloud.
const AT_ONCE: usize = 5;

/// Runs `usual` rounds, some at once.
pub(crate) async fn run<F, R>(name: &str, usual: u64, round: F) -> u64
where
    F: Fn(u64, Random) -> R,
    R: Future<Output = ()> + Send + 'static,
{
    run_at_once(name, usual, AT_ONCE, round).await
}

/// Runs `usual` rounds with new seeds, so many at once; `ARCUS_CRASH_ROUNDS` says another number, `ARCUS_CRASH_SEED` that every round
/// has that seed (one round, unless a number is said). How many it were.
pub(crate) async fn run_at_once<F, R>(name: &str, usual: u64, at_once: usize, round: F) -> u64
where
    F: Fn(u64, Random) -> R,
    R: Future<Output = ()> + Send + 'static,
{
    let seed = variable("ARCUS_CRASH_SEED");
    let rounds = variable("ARCUS_CRASH_ROUNDS").unwrap_or(if seed.is_some() { 1 } else { usual });
    let first = u64::from(u32::from_le_bytes(domain::random::bytes())) * 1_000_000;
    let mut seeds = (0..rounds).map(|round| seed.unwrap_or(first + round));
    let started = Instant::now();
    let mut running: JoinSet<(u64, Result<(), tokio::task::JoinError>)> = JoinSet::new();
    let mut failed = Vec::new();
    loop {
        while running.len() < at_once && failed.is_empty() {
            let Some(seed) = seeds.next() else { break };
            let task = tokio::spawn(round(seed, Random::new(seed)));
            running.spawn(async move { (seed, task.await) });
        }
        let Some(ended) = running.join_next().await else {
            break;
        };
        let (seed, ended) = ended.expect("the round is joined");
        if ended.is_err() {
            eprintln!("{name}: this round failed; once more: ARCUS_CRASH_SEED={seed}");
            failed.push(seed);
        }
    }
    assert!(failed.is_empty(), "{name}: rounds failed: {failed:?}");
    eprintln!(
        "{name}: {rounds} rounds, seeds from {}, in {:.0?}",
        seed.unwrap_or(first),
        started.elapsed()
    );
    rounds
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number")),
    )
}
