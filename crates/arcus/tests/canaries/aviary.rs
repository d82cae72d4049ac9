//! The canaries, and everything that was heard while they lived.

use std::collections::BTreeMap;
use std::path::Path;

use domain::random;
use testkit::Answer;

use crate::search::{Canary, Find, Searcher};

/// All canaries of one tale.
#[derive(Default)]
pub(crate) struct Aviary {
    canaries: Vec<Canary>,
    heard: Vec<Heard>,
}

/// Something that somebody may read.
struct Heard {
    place: String,
    bytes: Vec<u8>,
    /// The canaries that belong there.
    allowed: Vec<&'static str>,
}

// === impl Aviary ===

impl Aviary {
    /// A new secret, with letters in it that are written differently in addresses and in base64.
    pub(crate) fn breed(&mut self, name: &'static str) -> String {
        let secret = format!(
            "{}+/{}~{}",
            random::hex::<8>(),
            random::hex::<8>(),
            random::hex::<8>()
        );
        self.keep(name, &secret);
        secret
    }

    /// A secret that somebody else has made.
    pub(crate) fn keep(&mut self, name: &'static str, secret: impl AsRef<[u8]>) {
        self.canaries.push(Canary::new(name, secret));
    }

    /// An answer, in which the canaries of these names belong.
    pub(crate) fn hear(&mut self, place: &str, answer: Answer, allowed: &[&'static str]) -> Answer {
        let headers = format!("{:?}", answer.headers);
        self.read(
            &format!("the answer to {place}: {}", answer.status),
            [headers.as_bytes(), answer.text.as_bytes()].concat(),
            allowed,
        );
        answer
    }

    /// Anything else.
    pub(crate) fn read(&mut self, place: &str, bytes: Vec<u8>, allowed: &[&'static str]) {
        self.heard.push(Heard {
            place: place.to_owned(),
            bytes,
            allowed: allowed.to_vec(),
        });
    }

    /// Every file of a folder, and of those within, as it is now. The key file holds no secret but its own, which seals all
    /// others. The simulated cloud's file is a cloud's.
    pub(crate) fn read_files(&mut self, when: &str, folder: &Path) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() {
                self.read_files(when, &path);
            } else if path.is_file() && name != "keys" {
                let allowed: &[_] = if name.starts_with("sandbox.db") {
                    &[USER_DATA]
                } else {
                    &[]
                };
                let bytes = std::fs::read(&path).expect("is read");
                self.read(&format!("the file {name} {when}"), bytes, allowed);
            }
        }
    }

    /// How much was heard in places of that name.
    pub(crate) fn heard_in(&self, place: &str) -> usize {
        let there = self
            .heard
            .iter()
            .filter(|heard| heard.place.contains(place));
        there.map(|heard| heard.bytes.len()).sum()
    }

    /// Fails where a canary was heard that does not belong there; and where one was never heard that must have been.
    pub(crate) fn assert_silent(&self) {
        let searcher = Searcher::new(&self.canaries);
        let mut finds: BTreeMap<(&str, &str, String), Find> = BTreeMap::new();
        let mut is_user_data_at_the_cloud = false;
        for heard in &self.heard {
            for find in searcher.finds(&heard.place, &heard.bytes) {
                if heard.allowed.contains(&find.canary) {
                    is_user_data_at_the_cloud |= find.canary == USER_DATA;
                } else {
                    finds.insert((find.canary, find.form, find.place.clone()), find);
                }
            }
        }
        assert!(
            is_user_data_at_the_cloud,
            "what must be found is not: the search is none"
        );
        let told: Vec<_> = finds.values().map(|find| format!("{find:#?}")).collect();
        assert!(
            told.is_empty(),
            "{} leaks:\n{}",
            told.len(),
            told.join("\n")
        );
    }
}

/// What the owner of a server tells its system; its cloud is told that too.
pub(crate) const USER_DATA: &str = "the owner's user data";
