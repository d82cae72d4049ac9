//! Which of the instances that bear a server's tag Arcus made: where a copy bears its original's tag, not all of them.
//!
//! Asked by whoever looks for a server by its tag: its operations, drift, and the search for orphans. What must stay
//! true: nothing is concluded from a copy, and no copy is destroyed as if it were a fault's double.

use clouds::{Cloud, Instance};
use domain::server::Server;
use domain::{Result, Timestamp};
use store::Session;

/// What is known of one server's making.
pub(crate) enum Originals {
    /// Its cloud gives the tag to no copy.
    All,
    /// Its making ended then; `None` where it has not ended, or the server was adopted.
    MadeUntil(Option<Timestamp>),
}

// === impl Originals ===

impl Originals {
    /// What is known of the making of a server at its cloud.
    pub(crate) async fn of(
        session: &mut Session,
        cloud: &dyn Cloud,
        server: &Server,
    ) -> Result<Self> {
        if !cloud.copies_bear_tags() {
            return Ok(Self::All);
        }
        let made = store::operations::created_at(session, server.id).await?;
        Ok(Self::MadeUntil(made))
    }

    /// Whether Arcus made an instance that bears the server's tag; `None` where nobody knows. What came to be after the
    /// making had ended is somebody's copy.
    pub(crate) fn include(&self, instance: &Instance) -> Option<bool> {
        match self {
            Self::All => Some(true),
            Self::MadeUntil(made) => {
                let (made, created) = made.zip(instance.created_at)?;
                Some(created <= made)
            }
        }
    }
}
