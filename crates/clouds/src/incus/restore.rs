//! Going back to a snapshot: the disk and nothing else.
//!
//! Incus also puts back what the instance was called, whose it was, how large and at which address. So what it is like is
//! written down first (`note`), and put back afterwards. What must stay true: the note is there from before the restore
//! until everything is as before again, so that the same call after a crash or a lost answer puts the same things back,
//! and not what the snapshot had. With the mark (`marks`) it tells whether Incus has done it already:
//!
//! | begun | note | what is left to do |
//! |---|---|---|
//! | no | no | all of it; or nothing, where the instance bears the mark |
//! | yes | perhaps | to write the note, to restore, to put back |
//! | no | yes | to put back: Incus took the first away with the other settings |

use reqwest::Method;
use serde_json::{Value, json};

use super::errors::is_final;
use super::marks::{BEGUN, MARK};
use super::note::{Note, profile_for};
use super::operations::USUAL_LIMIT;
use super::power::STOPPED;
use super::{Incus, names, wire};
use crate::cloud::{CloudError, CloudResult, InstanceRef};

// === impl Incus ===

impl Incus {
    /// Incus switches a running instance off for this, and on again.
    pub(super) async fn go_back_to_snapshot(
        &self,
        at: &InstanceRef,
        name: &str,
        mark: &str,
    ) -> CloudResult<()> {
        let id = names::checked(at)?;
        let name = names::snapshot(name)?;
        // How an earlier try ends is not to be seen before.
        self.quiet_within(id, USUAL_LIMIT).await?;
        let before = self.describe(at).await?;
        let profile = profile_for(&before);
        let note = match self.note_of(&profile, mark).await? {
            None if before.has_done(mark) => return Ok(()),
            None => self.begin_restore(&before, &profile, name, mark).await?,
            Some(note) if before.has_begun(mark) => note,
            Some(note) => return self.complete(at, &profile, &note).await,
        };
        let body = json!({ "restore": name });
        let restored = self
            .client
            .run(Method::PUT, &["instances", id], Some(&body), USUAL_LIMIT)
            .await;
        match &restored {
            // It may have been done all the same; the next try sees that by the mark.
            Err(error) if !is_final(error) => return restored,
            _ => {}
        }
        let completed = match self.complete(at, &profile, &note).await {
            Err(error) if !is_final(&error) => return Err(error),
            completed => completed,
        };
        if restored.is_err() {
            self.no_longer_begun(at, mark).await;
        }
        restored.and(completed)
    }

    /// Marks it as begun, and writes down what it is like: in this order, since a note without that mark says that Incus
    /// has done it.
    async fn begin_restore(
        &self,
        before: &wire::Instance,
        profile: &str,
        snapshot: &str,
        mark: &str,
    ) -> CloudResult<Note> {
        let path = ["instances", &before.name, "snapshots", snapshot];
        // One that is gone is refused before anything is touched.
        self.client.get::<wire::Snapshot>(&path).await?;
        let note = Note::on(before, mark);
        if !before.has_begun(mark) {
            let begun = json!({ "config": { BEGUN: mark } });
            self.patch(before, begun).await?;
        }
        self.write_down(&before.name, profile, &note).await?;
        Ok(note)
    }

    /// Puts back what is not the disk's, and forgets the note: also where that is refused for good, since nobody will ask
    /// for it again.
    async fn complete(&self, at: &InstanceRef, profile: &str, note: &Note) -> CloudResult<()> {
        let completed = self.put_back(at, note).await;
        if completed.as_ref().err().is_none_or(is_final) {
            self.forget(profile).await;
        }
        completed
    }

    /// Each of what was lost by itself, the limits first: what is refused, such as a disk that was larger, must not leave the
    /// rest as the snapshot has it.
    async fn put_back(&self, at: &InstanceRef, note: &Note) -> CloudResult<()> {
        let mut after = self.describe(at).await?;
        let mut config = note.lost_settings(&after);
        if !after.has_begun(&note.mark) {
            config.insert(MARK.to_owned(), Value::from(note.mark.as_str()));
        }
        after.description.clone_from(&note.description);
        let mut lost = Vec::new();
        if !config.is_empty() {
            lost.push((
                "what it is called and its size".to_owned(),
                json!({ "config": config }),
            ));
        }
        for (name, device) in note.lost_devices(&after) {
            lost.push((
                format!("its device {name}"),
                json!({ "devices": { name: device } }),
            ));
        }
        let mut refused = None;
        for (what, body) in lost {
            match self.apply(&after, body).await {
                Err(error) if is_final(&error) => {
                    refused.get_or_insert_with(|| not_put_back(&what, &error));
                }
                applied => applied?,
            }
        }
        if note.ran && self.describe(at).await?.status == STOPPED {
            self.switch_on(&after.name).await?;
        }
        refused.map_or(Ok(()), Err)
    }

    /// Takes the mark of a refused restore away: after its note, which would otherwise say that Incus has done it.
    async fn no_longer_begun(&self, at: &InstanceRef, mark: &str) {
        let unmark = async {
            let instance = self.describe(at).await?;
            if instance.has_begun(mark) {
                let unmarked = json!({ "config": { BEGUN: "" } });
                self.patch(&instance, unmarked).await?;
            }
            Ok::<_, CloudError>(())
        };
        if let Err(error) = unmark.await {
            tracing::info!(instance = at.id, %error, "the mark of a refused restore is left on it");
        }
    }
}

fn not_put_back(what: &str, error: &CloudError) -> CloudError {
    let reason = &error.message;
    CloudError::new(
        error.class,
        format!(
            "the disk was put back, but {what} could not be, and is as the snapshot has it: {reason}"
        ),
    )
}
