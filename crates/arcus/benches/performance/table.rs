//! The figures, and what they are held against.

use std::fmt::Write;
use std::time::Duration;

/// Figures as they come.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

struct Row {
    what: String,
    ours: String,
    peer: String,
    ratio: String,
    bound: String,
    holds: bool,
}

// === impl Table ===

impl Table {
    /// A ratio that must stay at or below its bound; without one it is told and not judged.
    pub(crate) fn at_most(
        &mut self,
        what: &str,
        ours: String,
        peer: String,
        ratio: f64,
        bound: Option<f64>,
    ) {
        self.push(
            what,
            ours,
            peer,
            ratio,
            bound.map(|bound| format!("≤ {bound}")),
            bound.is_none_or(|bound| ratio <= bound),
        );
    }

    /// A ratio that must reach its bound.
    pub(crate) fn at_least(
        &mut self,
        what: &str,
        ours: String,
        peer: String,
        ratio: f64,
        bound: f64,
    ) {
        self.push(
            what,
            ours,
            peer,
            ratio,
            Some(format!("≥ {bound}")),
            ratio >= bound,
        );
    }

    fn push(
        &mut self,
        what: &str,
        ours: String,
        peer: String,
        ratio: f64,
        bound: Option<String>,
        holds: bool,
    ) {
        println!("{what}: {ours} against {peer}: {ratio:.3}");
        self.rows.push(Row {
            what: what.to_owned(),
            ours,
            peer,
            ratio: format!("{ratio:.3}"),
            bound: bound.unwrap_or_else(|| "–".to_owned()),
            holds,
        });
    }

    pub(crate) fn all_hold(&self) -> bool {
        self.rows.iter().all(|row| row.holds)
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text =
            "| what | Arcus | peer | ratio | bound | holds |\n|---|---|---|---|---|---|\n"
                .to_owned();
        for row in &self.rows {
            let holds = if row.holds { "yes" } else { "NO" };
            writeln!(
                text,
                "| {} | {} | {} | {} | {} | {holds} |",
                row.what, row.ours, row.peer, row.ratio, row.bound
            )
            .expect("a string takes all");
        }
        text
    }
}

/// The middle of the measurements.
pub(crate) fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}

/// A duration for people.
pub(crate) fn ms(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}
