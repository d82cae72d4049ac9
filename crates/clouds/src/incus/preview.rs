//! What making instances and taking them away would call, without calling it.
//!
//! Called by the trait. What must stay true: everything here looks and changes nothing; and what it names is what `create`
//! and `power` send, in the same order.

use super::instances::check;
use super::power::STOPPED;
use super::{Incus, names};
use crate::cloud::{CloudResult, CreateInstance, InstanceRef, PreviewedCall};

// === impl Incus ===

impl Incus {
    pub(super) async fn preview_instances(
        &self,
        requests: &[CreateInstance],
    ) -> CloudResult<Vec<PreviewedCall>> {
        let starts = self.client.can("instance_create_start").await?;
        self.inherited().await?;
        let mut calls = Vec::new();
        for request in requests {
            check(&request.tag)?;
            self.source(request).await?;
            let (name, plan, image) = (&request.name, &request.plan.slug, &request.image.slug);
            let does = format!("makes {name}: {plan}, from {image}");
            calls.push(PreviewedCall::new("POST /1.0/instances", does));
            if !starts || request.snapshot.is_some() {
                let id = names::id_for(name, &request.tag.token);
                let path = format!("PUT /1.0/instances/{id}/state");
                calls.push(PreviewedCall::new(path, format!("starts {name}")));
            }
        }
        Ok(calls)
    }

    pub(super) async fn preview_end(
        &self,
        instances: &[InstanceRef],
    ) -> CloudResult<Vec<PreviewedCall>> {
        let mut calls = Vec::new();
        for at in instances {
            let (id, instance) = (&at.id, self.describe(at).await?);
            if instance.status != STOPPED {
                let path = format!("PUT /1.0/instances/{id}/state");
                calls.push(PreviewedCall::new(path, format!("switches {id} off")));
            }
            // It gets the rest of its last name only then, so that the last call can't name it yet.
            for (call, does) in [
                ("PATCH", format!("notes the last name of {id}")),
                ("POST", format!("gives {id} its last name, {id}-DEL...")),
            ] {
                let call = format!("{call} /1.0/instances/{id}");
                calls.push(PreviewedCall::new(call, does));
            }
            let does = format!("destroys {id}, its disk and its snapshots");
            let call = format!("DELETE /1.0/instances/{id}-DEL...");
            calls.push(PreviewedCall::new(call, does));
        }
        Ok(calls)
    }
}
