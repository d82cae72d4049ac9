//! What a command prints: the end of it, bounded, and each line as it comes.
//!
//! Used by [`Session::run`](crate::Session::run) alone. What must stay true: memory stays bounded whatever a command
//! prints, and every line is handed on exactly once.

/// How much of each stream is kept.
const KEPT: usize = 64 * 1024;

/// A line longer than this is handed on in pieces.
const LONGEST_LINE: usize = 8 * 1024;

/// What a finished command left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit status; 128 and the signal's number where a signal ended it.
    pub status: u32,
    /// The last 64 KiB of its standard output.
    pub stdout: String,
    /// The last 64 KiB of its standard error.
    pub stderr: String,
}

/// One stream: the end of it, and the line that is not complete yet.
#[derive(Default)]
pub(crate) struct Capture {
    tail: Vec<u8>,
    line: Vec<u8>,
}

// === impl Output ===

impl Output {
    /// Whether the command ended with status 0.
    pub fn success(&self) -> bool {
        self.status == 0
    }
}

// === impl Capture ===

impl Capture {
    /// Takes what came and hands on the lines that it completes.
    pub(crate) fn push(&mut self, bytes: &[u8], mut on_line: impl FnMut(&str)) {
        self.tail.extend_from_slice(bytes);
        // Trimmed at twice the size, so that each byte is moved once at the most.
        if self.tail.len() > 2 * KEPT {
            self.tail.drain(..self.tail.len() - KEPT);
        }
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.line.len() >= LONGEST_LINE {
                self.flush(&mut on_line);
            }
        }
    }

    /// The stream is over: hands on an unfinished last line.
    pub(crate) fn finish(mut self, mut on_line: impl FnMut(&str)) -> String {
        self.flush(&mut on_line);
        let from = self.tail.len().saturating_sub(KEPT);
        String::from_utf8_lossy(&self.tail[from..]).into_owned()
    }

    fn flush(&mut self, on_line: &mut impl FnMut(&str)) {
        if !self.line.is_empty() {
            on_line(String::from_utf8_lossy(&self.line).trim_end_matches(['\r', '\n']));
            self.line.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_handed_on_whole_however_the_bytes_are_cut() {
        let mut lines = Vec::new();
        let mut capture = Capture::default();
        for piece in ["on", "e\r\n\ntw", "o\nthr", "ee"] {
            capture.push(piece.as_bytes(), |line| lines.push(line.to_owned()));
        }
        let all = capture.finish(|line| lines.push(line.to_owned()));
        assert_eq!(lines, ["one", "", "two", "three"]);
        assert_eq!(all, "one\r\n\ntwo\nthree");
    }

    #[test]
    fn no_more_than_the_end_of_a_long_output_is_kept() {
        let mut capture = Capture::default();
        for _ in 0..5 {
            capture.push(&vec![b'a'; KEPT], |_| ());
        }
        capture.push(b"the end", |_| ());
        let kept = capture.finish(|_| ());
        assert_eq!(kept.len(), KEPT);
        assert!(kept.ends_with("the end"));
    }

    #[test]
    fn a_line_without_an_end_is_handed_on_in_pieces() {
        let mut pieces = 0;
        let mut capture = Capture::default();
        for _ in 0..16 {
            capture.push(&[b'a'; 1024], |_| pieces += 1);
        }
        assert_eq!(pieces, 2);
    }
}
