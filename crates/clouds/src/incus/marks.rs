//! What must not be done twice: a restore and a rebuild, which throw away what is on a disk.
//!
//! Called by `restore` and `change`. Who asked for one may die before it has written down that it is done, and asks for it
//! again; by then the server may have run and written. So whoever asks gives a mark, and the instance bears it
//! ([`MARK`]). What must stay true: the key that says that it isn't done yet ([`BEGUN`]) is taken away by Incus, in the
//! very write by which it gives the instance its new disk's settings, and by nobody else but a refusal.

use super::wire;

/// Which of these changes the instance had last.
pub(super) const MARK: &str = "user.arcus.mark";

/// Which of them was begun. Both give an instance the settings `image.*` of its new disk: the image's at a rebuild, the
/// snapshot's at a restore, which is older than what is begun now.
pub(super) const BEGUN: &str = "image.arcus.begun";

// === impl wire::Instance ===

impl wire::Instance {
    /// Whether that change was begun, and Incus hasn't done it.
    pub(super) fn has_begun(&self, mark: &str) -> bool {
        self.bears(BEGUN, mark)
    }

    /// Whether it had that change, with all that belongs to it.
    pub(super) fn has_done(&self, mark: &str) -> bool {
        self.bears(MARK, mark) && !self.has_begun(mark)
    }

    fn bears(&self, key: &str, mark: &str) -> bool {
        self.config.get(key).is_some_and(|found| found == mark)
    }
}
