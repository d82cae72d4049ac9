//! What may be changed about a server: its size and its system; and what must not be done twice.
//!
//! Each waits for Hetzner's action, so that its end is known when it returns. A rebuild and a restore throw away what is on
//! a disk. Who asked for one may die before it has written down that it is done, and asks for it again; by then the server
//! may have run and written. So the server bears the mark of the change before the action is sent, and which action was its
//! last before that: asked for again, a later action of that kind is the one. What must stay true: the mark is there before
//! the action is; a disk is never made smaller.

use domain::{Image, Plan};
use serde_json::{Value, json};

use super::actions::USUAL_LIMIT;
use super::wire::Server;
use super::{Hetzner, create, errors, labels, servers};
use crate::cloud::{CloudResult, InstanceRef};

/// What Hetzner calls the action that puts a new disk in.
const REBUILT: &str = "rebuild_server";

// === impl Hetzner ===

impl Hetzner {
    /// Hetzner changes the size of what is off, and leaves it off. The disk grows with the size; it never shrinks, so there
    /// is no way back from a larger one.
    pub(super) async fn resize_server(&self, at: &InstanceRef, plan: &Plan) -> CloudResult<()> {
        let server = self.describe(at).await?;
        let disk = server.primary_disk_size;
        if plan.disk_gib < disk {
            return Err(errors::rejected(format!(
                "the disk has {disk} GB and {} has {}; Hetzner Cloud makes no disk smaller",
                plan.slug, plan.disk_gib
            )));
        }
        let grows = plan.disk_gib > disk;
        if server.server_type.name == plan.slug && !grows {
            return Ok(());
        }
        // An earlier call, whose answer was lost, may be at it.
        self.settle(server.id, "change_server_type").await?;
        let server = self.describe(at).await?;
        if server.server_type.name == plan.slug && server.primary_disk_size >= plan.disk_gib {
            return Ok(());
        }
        self.shut_down(at, &server).await?;
        let body = json!({ "server_type": plan.slug, "upgrade_disk": grows });
        let changed = self.run(server.id, "change_type", &body).await;
        changed.map_err(|error| servers::gone(error, at))
    }

    pub(super) async fn rebuild_server(
        &self,
        at: &InstanceRef,
        image: &Image,
        user_data: &str,
        mark: &str,
    ) -> CloudResult<()> {
        create::check_user_data(user_data)?;
        let server = self.describe(at).await?;
        let image = self
            .system_image(image, &server.server_type.architecture)
            .await?;
        let body = json!({ "image": image.to_string(), "user_data": user_data });
        self.replace_disk(at, &server, &body, mark).await
    }

    /// Does it once under that mark, and waits for its end; then a server that was off is off again.
    pub(super) async fn replace_disk(
        &self,
        at: &InstanceRef,
        server: &Server,
        body: &Value,
        mark: &str,
    ) -> CloudResult<()> {
        let Some((last, was_on)) = labels::read_mark(&server.labels, mark) else {
            self.bear(at, server, mark).await?;
            self.run(server.id, "rebuild", body).await?;
            return self.as_before(at, !server.is_off()).await;
        };
        let later = self.last_actions(server.id).await?.into_iter();
        let mut later = later.filter(|action| {
            action.id > last && action.command == REBUILT && action.status != "error"
        });
        match later.next() {
            // Of its power, somebody else may have decided since.
            Some(done) if done.status == "success" => return Ok(()),
            Some(begun) => self.finish(&begun, USUAL_LIMIT).await?,
            None => self.run(server.id, "rebuild", body).await?,
        }
        self.as_before(at, was_on).await
    }

    /// Gives the server that mark, instead of that of an earlier change.
    async fn bear(&self, at: &InstanceRef, server: &Server, mark: &str) -> CloudResult<()> {
        let last = self.last_actions(server.id).await?;
        let last = last.first().map_or(0, |action| action.id);
        let mut labels = server.labels.clone();
        labels::put_mark(&mut labels, mark, last, !server.is_off())?;
        self.put(at, None, &labels).await
    }

    /// Hetzner starts what has a new disk.
    async fn as_before(&self, at: &InstanceRef, was_on: bool) -> CloudResult<()> {
        if was_on { Ok(()) } else { self.cut(at).await }
    }
}
