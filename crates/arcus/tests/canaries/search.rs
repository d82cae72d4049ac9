//! Finds canaries, in whatever form they are: as they are, in base64, as addresses and JSON have them, in hexadecimal
//! digits, and pieces of them, since words are cut off at some length.
//!
//! What must stay true: its own tests plant every form and see it found; without them an empty result means nothing.

use std::collections::BTreeSet;

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::NO_PAD;

/// How much of a canary a mask shows, from its beginning.
const MASK: usize = 4;
/// How long a piece is: shorter ones would be found by chance.
const PIECE: usize = 12;

/// A secret that nobody but its owner may ever see again.
#[derive(Debug, Clone)]
pub(crate) struct Canary {
    pub(crate) name: &'static str,
    value: Vec<u8>,
}

/// Where a canary was found, and in which form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Find {
    pub(crate) canary: &'static str,
    pub(crate) place: String,
    pub(crate) form: &'static str,
    /// What stands around it.
    pub(crate) around: String,
}

/// Looks for many at once.
pub(crate) struct Searcher {
    automaton: AhoCorasick,
    /// What each pattern of the automaton is.
    patterns: Vec<(&'static str, &'static str)>,
}

// === impl Canary ===

impl Canary {
    /// A secret that is a text, or the bytes of a key.
    pub(crate) fn new(name: &'static str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref().to_vec();
        assert!(
            value.len() >= MASK + PIECE,
            "{name} is too short to be told from other text"
        );
        Self { name, value }
    }
}

// === impl Searcher ===

impl Searcher {
    pub(crate) fn new(canaries: &[Canary]) -> Self {
        let (mut patterns, mut needles) = (Vec::new(), Vec::new());
        for canary in canaries {
            for piece in canary.value[MASK..].chunks_exact(PIECE) {
                for (form, needle) in forms(piece) {
                    patterns.push((canary.name, form));
                    needles.push(needle);
                }
            }
        }
        let automaton = AhoCorasick::new(needles).expect("patterns");
        Self {
            automaton,
            patterns,
        }
    }

    /// What is found in these bytes: each canary once for each form.
    pub(crate) fn finds(&self, place: &str, bytes: &[u8]) -> Vec<Find> {
        let mut seen = BTreeSet::new();
        let mut finds = Vec::new();
        for found in self.automaton.find_overlapping_iter(bytes) {
            let (canary, form) = self.patterns[found.pattern().as_usize()];
            if seen.insert((canary, form)) {
                let around = found.start().saturating_sub(200)..bytes.len().min(found.end() + 40);
                finds.push(Find {
                    canary,
                    place: place.to_owned(),
                    form,
                    around: String::from_utf8_lossy(&bytes[around]).into_owned(),
                });
            }
        }
        finds
    }
}

/// A piece of a secret in every form.
fn forms(piece: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![("as it is", piece.to_vec())];
    let mut add = |form: &'static str, text: String| forms.push((form, text.into_bytes()));
    for before in 0..3 {
        add("in base64", in_base64(&STANDARD, piece, before));
        add(
            "in base64 for addresses",
            in_base64(&URL_SAFE, piece, before),
        );
    }
    let upper = |byte: u8| format!("%{byte:02X}");
    let lower = |byte: u8| format!("%{byte:02x}");
    add("as addresses have it", escaped(piece, b"-._~", upper));
    add(
        "as addresses have it, in small letters",
        escaped(piece, b"-._~", lower),
    );
    add("as paths have it", escaped(piece, b"-._~/", upper));
    add(
        "as paths have it, in small letters",
        escaped(piece, b"-._~/", lower),
    );
    add(
        "in hexadecimal digits",
        piece.iter().map(|byte| format!("{byte:02x}")).collect(),
    );
    add(
        "in large hexadecimal digits",
        piece.iter().map(|byte| format!("{byte:02X}")).collect(),
    );
    if let Ok(text) = str::from_utf8(piece) {
        let json = serde_json::Value::from(text).to_string();
        let json = json.trim_matches('"').to_owned();
        // A log line in JSON may hold an answer in JSON.
        let twice = serde_json::Value::from(json.as_str()).to_string();
        add(
            "as JSON has it with its slashes escaped",
            json.replace('/', "\\/"),
        );
        add("as JSON has it", json);
        add("as JSON in JSON has it", twice.trim_matches('"').to_owned());
        add(
            "as XML has it",
            text.replace('&', "&amp;").replace('<', "&lt;"),
        );
    }
    // Where nothing is written differently, one form is enough.
    let mut seen = BTreeSet::new();
    forms.retain(|(_, needle)| seen.insert(needle.clone()));
    forms
}

/// The characters of base64 that follow from these bytes alone, where so many others stand before them in their group.
fn in_base64(alphabet: &Alphabet, piece: &[u8], before: usize) -> String {
    let engine = GeneralPurpose::new(alphabet, NO_PAD);
    let text = engine.encode([&vec![0; before], piece].concat());
    // A character is six bits: those that hold bits of what stands before are no part of it, nor is one that is not full.
    let first = (before * 8).div_ceil(6);
    let end = (before + piece.len()) * 8 / 6;
    text[first..end].to_owned()
}

fn escaped(piece: &[u8], plain: &[u8], escape: impl Fn(u8) -> String) -> String {
    let shown = |byte: &u8| {
        if byte.is_ascii_alphanumeric() || plain.contains(byte) {
            char::from(*byte).to_string()
        } else {
            escape(*byte)
        }
    };
    piece.iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose;
    use serde_json::json;

    use super::*;

    /// With all that is written differently somewhere.
    const SECRET: &str = "k3y+of/the \"house\"=1234567890&abcdefghij";

    fn is_found(planted: &[u8]) -> bool {
        let canaries = [
            Canary::new("another", "zzzzzzzzzzzzzzzzzzzzz"),
            Canary::new("planted", SECRET),
        ];
        let finds = Searcher::new(&canaries).finds("here", planted);
        assert!(
            finds
                .iter()
                .all(|find| find.canary == "planted" && find.place == "here")
        );
        !finds.is_empty()
    }

    #[test]
    fn a_canary_is_found_as_it_is_within_other_bytes() {
        let planted = [&[0, 159, 146][..], SECRET.as_bytes(), &[255, 0]].concat();
        assert!(is_found(&planted));
    }

    #[test]
    fn a_canary_is_found_in_base64_of_either_alphabet_wherever_it_stands() {
        let engines = [
            general_purpose::STANDARD,
            general_purpose::STANDARD_NO_PAD,
            general_purpose::URL_SAFE,
            general_purpose::URL_SAFE_NO_PAD,
        ];
        for engine in engines {
            for before in 0..7 {
                let text = format!("{}{SECRET}{}", "x".repeat(before), "y".repeat(before % 4));
                assert!(is_found(engine.encode(&text).as_bytes()), "{before}");
            }
        }
    }

    #[test]
    fn a_canary_is_found_as_addresses_have_it() {
        let escaped = |upper: bool| -> String {
            let escape = |byte: u8| {
                if upper {
                    format!("%{byte:02X}")
                } else {
                    format!("%{byte:02x}")
                }
            };
            let shown = |byte: u8| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    escape(byte)
                }
            };
            SECRET.bytes().map(shown).collect()
        };
        assert!(is_found(
            format!("https://host/?a={}&b", escaped(true)).as_bytes()
        ));
        assert!(is_found(
            format!("https://host/?a={}&b", escaped(false)).as_bytes()
        ));
    }

    #[test]
    fn a_canary_is_found_in_hexadecimal_digits() {
        let small: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(is_found(small.as_bytes()));
        assert!(is_found(small.to_uppercase().as_bytes()));
    }

    #[test]
    fn a_canary_is_found_as_json_has_it_also_in_json_in_json() {
        let once = json!({ "key": SECRET }).to_string();
        assert!(is_found(once.as_bytes()));
        assert!(is_found(json!({ "line": once }).to_string().as_bytes()));
        assert!(is_found(once.replace('/', "\\/").as_bytes()));
    }

    #[test]
    fn a_canary_that_was_cut_off_is_found() {
        assert!(is_found(&SECRET.as_bytes()[..MASK + PIECE]));
        assert!(is_found(&SECRET.as_bytes()[MASK + 5..]));
    }

    #[test]
    fn a_masked_canary_is_not_found_and_neither_is_another_text() {
        let masked = format!("{}{}", &SECRET[..MASK], "*".repeat(SECRET.len() - MASK));
        assert!(!is_found(masked.as_bytes()));
        assert!(!is_found(b"k3y+of nothing that anybody hides"));
    }
}
