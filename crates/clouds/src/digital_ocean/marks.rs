//! What must not be done twice: a restore and a rebuild, which throw away what is on a disk.
//!
//! Called by `change` and `snapshots`. Who asked for one may die before it has written down that it is done, and asks for
//! it again; by then the droplet may have run and written. So the droplet bears a tag before the action is sent: the
//! mark of the change, and which action was the droplet's last before it. Asked for again, a later action of that kind
//! is the one. What must stay true: the tag is there before the action is.

use serde_json::Value;

use super::actions::USUAL_LIMIT;
use super::wire::Droplet;
use super::{DigitalOcean, names};
use crate::cloud::{CloudResult, InstanceRef};

// === impl DigitalOcean ===

impl DigitalOcean {
    /// Does it once under that mark, and waits for its end; then a droplet that was off is off again.
    pub(super) async fn run_once(
        &self,
        at: &InstanceRef,
        droplet: &Droplet,
        kind: &str,
        body: &Value,
        mark: &str,
    ) -> CloudResult<()> {
        let mut marks = droplet.tags.iter().filter_map(|tag| names::read_mark(tag));
        let borne = marks.find(|(_, _, borne)| *borne == mark);
        let Some((last, was_on, _)) = borne else {
            self.bear(droplet, mark).await?;
            self.run(droplet.id, body).await?;
            return self.as_before(at, !droplet.is_off()).await;
        };
        let later = self.actions_after(droplet.id, last, kind).await?;
        let begun = later.iter().filter(|action| action.status != "errored");
        match begun.max_by_key(|action| action.id) {
            // Of its power, somebody else may have decided since.
            Some(done) if done.status == "completed" => return Ok(()),
            Some(begun) => self.finish(begun, USUAL_LIMIT).await?,
            None => self.run(droplet.id, body).await?,
        }
        self.as_before(at, was_on).await
    }

    /// Gives the droplet that mark, and takes away those of earlier changes.
    async fn bear(&self, droplet: &Droplet, mark: &str) -> CloudResult<()> {
        let last = self.last_action(droplet.id).await?;
        let tag = names::mark(last, !droplet.is_off(), mark)?;
        self.put_tag(droplet.id, &tag).await?;
        let marks = droplet.tags.iter();
        for old in marks.filter(|tag| names::read_mark(tag).is_some()) {
            self.delete_tag(old).await?;
        }
        Ok(())
    }

    /// DigitalOcean starts what has a new disk.
    async fn as_before(&self, at: &InstanceRef, was_on: bool) -> CloudResult<()> {
        if was_on { Ok(()) } else { self.cut(at).await }
    }
}
