//! Memory at rest, and from start to `/readyz`, with no server and with 100,000.

use std::time::{Duration, Instant};

use testkit::{Arcus, Builder};

use crate::rows;
use crate::table::{Table, median, ms};

const ROUNDS: usize = 10;

pub(crate) async fn run(table: &mut Table) {
    let (mut empty, mut full) = (world(0).await, world(100_000).await);
    let mut times = [Vec::new(), Vec::new()];
    let mut memory = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (index, arcus) in [&mut empty, &mut full].into_iter().enumerate() {
            times[index].push(start(arcus).await);
            memory[index].push(Duration::from_micros(resident_kib(arcus).await));
        }
    }
    let [with_none, with_many] = times.map(median);
    let ratio = with_many.as_secs_f64() / with_none.as_secs_f64();
    table.at_most(
        "start to /readyz: 100,000 servers against none",
        ms(with_many),
        ms(with_none),
        ratio,
        None,
    );
    let [with_none, with_many] = memory.map(median);
    let mib = |kib: Duration| format!("{:.1} MiB", kib.as_secs_f64() * 1e6 / 1024.0);
    let ratio = with_many.as_secs_f64() / with_none.as_secs_f64();
    table.at_most(
        "resident memory at rest: 100,000 servers against none",
        mib(with_many),
        mib(with_none),
        ratio,
        None,
    );
}

async fn world(servers: usize) -> Arcus {
    // The rows that are added have no past that anybody could be charged for.
    let builder = Builder::new(env!("CARGO_BIN_EXE_arcus")).flag("--billing=off");
    let mut arcus = builder.start().await;
    let client = arcus.client().register("bench", "bench@example.com").await;
    client.add_provider("sandbox").await;
    arcus.stop().await;
    if servers > 0 {
        rows::add(arcus.folder(), servers).await;
    }
    arcus
}

async fn start(arcus: &mut Arcus) -> Duration {
    let started = Instant::now();
    arcus.restart().await;
    arcus.client().get("/readyz").await;
    started.elapsed()
}

/// The resident set a second after the start, by the kernel's own account.
async fn resident_kib(arcus: &mut Arcus) -> u64 {
    tokio::time::sleep(Duration::from_secs(1)).await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", arcus.pid())).expect("it runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("a figure");
    let kib = line
        .trim()
        .trim_end_matches("kB")
        .trim()
        .parse()
        .expect("a number");
    arcus.stop().await;
    kib
}
