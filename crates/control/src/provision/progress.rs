//! What a server's owner sees meanwhile, and the last lines that the server printed.
//!
//! Used by the steps of [`install`](super::install). What must stay true: the percentage never goes back, also where
//! the script is run again, and the same words are not reported twice in a row.

use std::collections::VecDeque;

/// How many lines of the server's log go into an error.
pub(super) const KEPT_LINES: usize = 15;

/// So much of a line is kept: the server is its owner's, who may print what they like.
pub(super) const MAX_LINE: usize = 500;

/// The share of the whole that the script's own 0 to 100 percent stand for.
const SCRIPT_SHARE: (u32, u32) = (20, 85);

pub(super) struct Progress<F> {
    on_progress: F,
    percent: u8,
    words: String,
    last_lines: VecDeque<String>,
}

// === impl Progress ===

impl<F: FnMut(u8, &str) + Send> Progress<F> {
    pub(super) fn new(on_progress: F) -> Self {
        Self {
            on_progress,
            percent: 0,
            words: String::new(),
            last_lines: VecDeque::new(),
        }
    }

    /// What is going on now.
    pub(super) fn report(&mut self, percent: u8, words: &str) {
        if words == self.words {
            return;
        }
        self.percent = percent.clamp(self.percent, 100);
        words.clone_into(&mut self.words);
        (self.on_progress)(self.percent, words);
    }

    /// One line of the script's log: `@arcus PERCENT WORDS` is progress, all else is kept for an error.
    pub(super) fn line(&mut self, line: &str) {
        let line: &str = &line.chars().take(MAX_LINE).collect::<String>();
        let marked = line
            .strip_prefix("@arcus ")
            .and_then(|rest| rest.split_once(' '));
        if let Some((percent, words)) = marked
            && let Ok(percent) = percent.parse::<u32>()
        {
            let (from, to) = SCRIPT_SHARE;
            let percent = from + percent.min(100) * (to - from) / 100;
            self.report(u8::try_from(percent).unwrap_or(100), words);
        } else if !line.trim().is_empty() {
            if self.last_lines.len() == KEPT_LINES {
                self.last_lines.pop_front();
            }
            self.last_lines.push_back(line.to_owned());
        }
    }

    /// What was reported last.
    pub(super) fn words(&self) -> &str {
        &self.words
    }

    /// What the server printed last.
    pub(super) fn last_lines(&self) -> Vec<String> {
        self.last_lines.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_runs_again_reports_its_words_and_the_percentage_never_goes_back() {
        let mut seen = Vec::new();
        let mut progress =
            Progress::new(|percent, words: &str| seen.push((percent, words.to_owned())));
        for _ in 0..2 {
            progress.line("@arcus 0 fetching the lists of packages");
            progress.line("@arcus 0 fetching the lists of packages");
            progress.line("Get:1 http://deb.debian.org/debian bookworm InRelease");
            progress.line("@arcus 100 installed");
        }
        drop(progress);
        let lists = "fetching the lists of packages";
        let expected = [
            (20, lists),
            (85, "installed"),
            (85, lists),
            (85, "installed"),
        ];
        assert_eq!(
            seen,
            expected.map(|(percent, words)| (percent, words.to_owned()))
        );
    }

    #[test]
    fn the_last_lines_are_kept_and_no_more() {
        let mut progress = Progress::new(|_, _: &str| ());
        for number in 0..100 {
            progress.line(&format!("line {number}"));
            progress.line("");
        }
        let lines = progress.last_lines();
        assert_eq!(
            (lines.len(), lines[0].as_str(), lines[14].as_str()),
            (15, "line 85", "line 99")
        );
    }
}
