//! What may be changed about a droplet: its size and its system.
//!
//! Each waits for DigitalOcean's action, so that its end is known when it returns. What must stay true: a disk is never
//! made smaller, and never thrown away twice for one wish.

use domain::{Image, Plan};
use serde_json::json;

use super::offer::image_id;
use super::{DigitalOcean, droplets, errors, names};
use crate::cloud::{CloudResult, InstanceRef};

// === impl DigitalOcean ===

impl DigitalOcean {
    /// DigitalOcean changes the size of what is off, and leaves it off. The disk grows with the size; it never shrinks,
    /// so there is no way back from a larger one.
    pub(super) async fn resize_droplet(&self, at: &InstanceRef, plan: &Plan) -> CloudResult<()> {
        // An earlier call, whose answer was lost, may be at it. Who is told that it is done starts the droplet.
        let settled = self.settle(names::id(at)?, "resize").await;
        settled.map_err(|error| droplets::gone(error, at))?;
        let droplet = self.describe(at).await?;
        if plan.disk_gib < droplet.disk {
            return Err(errors::rejected(format!(
                "the disk has {} GiB and {} has {}; DigitalOcean makes no disk smaller",
                droplet.disk, plan.slug, plan.disk_gib
            )));
        }
        let grows = plan.disk_gib > droplet.disk;
        if droplet.size_slug == plan.slug && !grows {
            return Ok(());
        }
        self.shut_down(at, &droplet).await?;
        let body = json!({ "type": "resize", "size": plan.slug, "disk": grows });
        match self.run(droplet.id, &body).await {
            // An earlier call, whose answer was lost, has been at it meanwhile.
            Err(error) if errors::is_taken(&error) => {
                let now = self.describe(at).await?;
                if now.size_slug == plan.slug && now.disk >= plan.disk_gib {
                    Ok(())
                } else {
                    Err(error)
                }
            }
            resized => resized.map_err(|error| droplets::gone(error, at)),
        }
    }

    /// DigitalOcean takes no other user data than those that the droplet was made with: cloud-init of the new system
    /// reads those again, so its packages and keys are those of the beginning until somebody logs in and changes them.
    pub(super) async fn rebuild_droplet(
        &self,
        at: &InstanceRef,
        image: &Image,
        mark: &str,
    ) -> CloudResult<()> {
        let droplet = self.describe(at).await?;
        let body = json!({ "type": "rebuild", "image": image_id(image) });
        self.run_once(at, &droplet, "rebuild", &body, mark).await
    }
}
