//! Making a droplet: its group's firewall first, its keys, then the droplet with its tags in one call.
//!
//! What must stay true: nothing is sent that could not be found again, so the tags are in the very call that makes the
//! droplet; and a droplet whose making failed is not left behind.

use std::time::Duration;

use serde_json::{Value, json};

use super::offer::image_id;
use super::wire::{Action, Created};
use super::{DigitalOcean, droplets, errors, names};
use crate::cloud::{CloudResult, CreateInstance, ErrorClass, Instance};

/// DigitalOcean's limit, in bytes.
const MOST_USER_DATA: usize = 64 << 10;
/// How long the making may take before it is left to whoever waits for the droplet to run.
const CREATE_LIMIT: Duration = Duration::from_mins(5);

// === impl DigitalOcean ===

impl DigitalOcean {
    /// Returns when DigitalOcean has made it, or has said that it can't.
    pub(super) async fn create_droplet(&self, request: &CreateInstance) -> CloudResult<Instance> {
        let (tags, image) = self.check(request).await?;
        let (keys, ()) = tokio::try_join!(
            self.ensure_keys(&request.public_keys),
            self.ensure_firewall(&request.group, &request.ports),
        )?;
        let body = json!({
            "name": names::droplet(&request.name),
            "region": request.region,
            "size": request.plan.slug,
            "image": image,
            "ssh_keys": keys,
            "user_data": request.user_data,
            "tags": tags,
            "ipv6": true,
            "monitoring": true,
        });
        let created: Created = self.client.post(&["droplets"], &body).await?;
        let id = created.droplet.id;
        for link in created.links.actions {
            let action = Action {
                id: link.id,
                status: "in-progress".to_owned(),
                kind: "create".to_owned(),
            };
            match self.finish(&action, CREATE_LIMIT).await {
                Err(error) if error.class == ErrorClass::Rejected => {
                    self.take_back(id).await;
                    return Err(error);
                }
                // It is there, and its address is known: what becomes of it, the wait for it tells.
                Err(error) => tracing::debug!(%error, droplet = id, "its making can't be followed"),
                Ok(()) => {}
            }
        }
        Ok(droplets::shown(created.droplet))
    }

    /// The tags and the image that a droplet is made with, where DigitalOcean would take all that is asked for.
    pub(super) async fn check(
        &self,
        request: &CreateInstance,
    ) -> CloudResult<([String; 3], Value)> {
        let length = request.user_data.len();
        if length > MOST_USER_DATA {
            return Err(errors::rejected(format!(
                "the user data has {length} bytes, and DigitalOcean takes {MOST_USER_DATA} at the most"
            )));
        }
        let tags = [
            names::token(&request.tag)?,
            names::installation(&request.tag.installation)?,
            names::group(&request.group)?,
        ];
        self.check_size(&request.plan.slug, &request.region).await?;
        let image = match &request.snapshot {
            Some(snapshot) => Value::from(self.image_of(snapshot).await?),
            None => image_id(&request.image),
        };
        Ok((tags, image))
    }

    async fn take_back(&self, id: u64) {
        match self.delete_droplet(id).await {
            Err(error) if error.class != ErrorClass::NotFound => {
                tracing::warn!(%error, droplet = id, "a droplet whose making failed is still there");
            }
            _ => {}
        }
    }
}
