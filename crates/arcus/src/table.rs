//! Printing for people and, with `--json`, for programs.
#![expect(clippy::print_stdout, reason = "this is what a command answers")]

use comfy_table::{Table, presets};
use domain::{Error, Result};
use serde::Serialize;

/// Prints rows under a header.
pub(crate) fn print(header: &[&str], rows: Vec<Vec<String>>) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table.add_rows(rows);
    println!("{table}");
}

/// Prints a value as JSON.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Error::internal("this can't be printed").source(error))?;
    println!("{text}");
    Ok(())
}

/// Prints a line.
pub(crate) fn line(text: &str) {
    println!("{text}");
}
