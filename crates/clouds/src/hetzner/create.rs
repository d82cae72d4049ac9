//! Making a server: its group's firewall and network first, its keys, then the server with its labels in one call.
//!
//! What must stay true: nothing is sent that could not be found again, so the labels and the name that follows from the
//! token are in the very call that makes the server; and a server whose making failed is not left behind.

use std::time::Duration;

use domain::server::Power;
use serde_json::json;

use super::wire::{Created, Labels};
use super::{Hetzner, errors, labels, servers};
use crate::cloud::{CloudError, CloudResult, CreateInstance, ErrorClass, Instance};

/// Hetzner's limit, in bytes.
const MOST_USER_DATA: usize = 32 << 10;
/// How long the making may take before it is left to whoever waits for the server to run.
const CREATE_LIMIT: Duration = Duration::from_mins(5);
/// What follows the making, and is for whoever waits for the server to run.
const STARTED: &str = "start_server";

/// Refuses what Hetzner would not take.
pub(super) fn check_user_data(user_data: &str) -> CloudResult<()> {
    let length = user_data.len();
    if length <= MOST_USER_DATA {
        return Ok(());
    }
    Err(errors::rejected(format!(
        "the user data has {length} bytes, and Hetzner Cloud takes {MOST_USER_DATA} at the most"
    )))
}

// === impl Hetzner ===

impl Hetzner {
    /// Returns when Hetzner has made it, or has said that it can't.
    pub(super) async fn create_server(&self, request: &CreateInstance) -> CloudResult<Instance> {
        let (labels, image) = self.check_request(request).await?;
        let (keys, group) = tokio::try_join!(
            self.ensure_keys(&request.public_keys),
            self.ensure_group(&request.group, &request.region, &request.ports),
        )?;
        let body = json!({
            "name": labels::hostname(&request.name, &request.tag.token),
            "location": request.region,
            "server_type": request.plan.slug,
            "image": image.to_string(),
            "ssh_keys": keys,
            "user_data": request.user_data,
            "labels": labels,
            "firewalls": [{ "firewall": group.firewall }],
            "networks": [group.network],
            "start_after_create": true,
        });
        let created: Created = match self.client.post(&["servers"], &body).await {
            Ok(created) => created,
            Err(error) if errors::is_taken(&error) => {
                return self.made_before(request, error).await;
            }
            Err(error) => return Err(self.forget_what_is_gone(request, error)),
        };
        let next = created.next_actions.iter();
        let next = next.filter(|action| action.command != STARTED);
        for action in std::iter::once(&created.action).chain(next) {
            match self.finish(action, CREATE_LIMIT).await {
                Err(error) if error.class == ErrorClass::Rejected => {
                    self.take_back(created.server.id).await;
                    return Err(error);
                }
                // It is there, and its address is known: what becomes of it, the wait for it tells.
                Err(error) => {
                    tracing::debug!(%error, server = created.server.id, "its making can't be followed");
                }
                Ok(()) => {}
            }
        }
        Ok(servers::shown(&created.server))
    }

    /// The labels and the image that a server is made with, where Hetzner would take all that is asked for.
    pub(super) async fn check_request(
        &self,
        request: &CreateInstance,
    ) -> CloudResult<(Labels, u64)> {
        check_user_data(&request.user_data)?;
        let mut labels = Labels::new();
        labels::put_owner(&mut labels, &request.tag)?;
        labels::put_name(&mut labels, &request.name);
        labels::put_group(&mut labels, &request.group)?;
        Ok((labels, self.image_for(request).await?))
    }

    async fn image_for(&self, request: &CreateInstance) -> CloudResult<u64> {
        let (size, location) = (&request.plan.slug, &request.region);
        let architecture = self.architecture_in(size, location).await?;
        if let Some(snapshot) = &request.snapshot {
            return self.image_of(snapshot).await;
        }
        self.system_image(&request.image, &architecture).await
    }

    /// The name is taken: by this very server, which an earlier try has made, or else by one of somebody's. One that is on
    /// its way out is not the one, and its name is free when it is gone.
    async fn made_before(
        &self,
        request: &CreateInstance,
        taken: CloudError,
    ) -> CloudResult<Instance> {
        let found = self.find_servers(&request.region, &request.tag).await?;
        match found.into_iter().next() {
            None => Err(taken),
            Some(one) if one.power == Power::ShuttingDown => {
                let message = format!("the server {} is still being deleted", one.at.id);
                Err(CloudError::new(ErrorClass::Unavailable, message))
            }
            Some(one) => Ok(one),
        }
    }

    /// What was kept may be gone meanwhile: it is asked for anew at the next try.
    fn forget_what_is_gone(&self, request: &CreateInstance, error: CloudError) -> CloudError {
        if !matches!(error.class, ErrorClass::NotFound | ErrorClass::Rejected) {
            return error;
        }
        self.groups.forget(&format!("{}/", request.group));
        self.keys.forget("");
        self.images.forget("");
        match error.class {
            ErrorClass::NotFound => CloudError::new(ErrorClass::Unavailable, error.message),
            _ => error,
        }
    }

    async fn take_back(&self, id: u64) {
        match self.delete_server(id).await {
            Err(error) if error.class != ErrorClass::NotFound => {
                tracing::warn!(%error, server = id, "a server whose making failed is still there");
            }
            _ => {}
        }
    }
}
