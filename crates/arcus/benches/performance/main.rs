//! Where speed counts, as ratios against a named peer in the same run: medians of ten.
//!
//! `cargo bench -p arcus --bench performance [NAME...]` runs all, or those that are named, prints a table, and with
//! `ARCUS_BENCH_OUT=FILE` writes it as Markdown. `scripts/bench.sh` is the way to run it.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod burst;
mod ec2;
mod footprint;
mod incus;
mod listing;
mod load;
mod rows;
mod serving;
mod table;

use table::Table;

#[tokio::main]
async fn main() {
    if let Ok(file) = std::env::var(serving::BARE) {
        return serving::be_bare(&file).await;
    }
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|name| !name.starts_with('-'))
        .collect();
    let runs = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    let mut table = Table::default();
    if runs("incus") {
        incus::run(&mut table).await;
    }
    if runs("burst") {
        burst::run(&mut table).await;
    }
    if runs("ec2") {
        ec2::run(&mut table).await;
    }
    if runs("listing") {
        listing::run(&mut table).await;
    }
    if runs("serving") {
        serving::run(&mut table).await;
    }
    if runs("footprint") {
        footprint::run(&mut table).await;
    }
    println!("{}", table.markdown());
    if let Ok(path) = std::env::var("ARCUS_BENCH_OUT") {
        std::fs::write(&path, table.markdown()).expect("the figures are written");
    }
    assert!(table.all_hold(), "a figure is outside of its bound");
}
