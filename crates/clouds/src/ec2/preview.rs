//! What making instances and taking them away would call, without calling it.
//!
//! Called by the trait. What must stay true: everything here looks and changes nothing; and what it names is what `create`,
//! `group`, `power` and `snapshots` send; what is sent at once stands in no order.

use std::collections::HashSet;

use super::Ec2;
use super::action::Action;
use super::create::shown_key;
use super::power::protected;
use super::snapshots::disks_behind;
use super::{group, user_data};
use crate::cloud::{CloudResult, CreateInstance, GroupRef, InstanceRef, PreviewedCall};

// === impl Ec2 ===

impl Ec2 {
    pub(super) async fn preview_instances(
        &self,
        requests: &[CreateInstance],
    ) -> CloudResult<Vec<PreviewedCall>> {
        let mut calls = Vec::new();
        let mut seen = HashSet::new();
        for request in requests {
            let region = request.region.as_str();
            user_data::encoded(&request.user_data)?;
            let offered = self.must_offer(region, &request.plan.slug);
            tokio::try_join!(offered, self.base(request))?;
            if seen.insert(("group", region, request.group.clone())) {
                calls.extend(self.preview_group(request).await?);
            }
            let name = group::name(&request.group);
            if shown_key(&request.public_keys).is_some()
                && seen.insert(("key", region, name.clone()))
                && !self.has_key_pair(region, &name).await?
            {
                let does = format!("imports the organisation's public key as {name}");
                calls.push(previewed(Action::ImportKeyPair, does));
            }
            let (name, plan, image) = (&request.name, &request.plan.slug, &request.image.slug);
            let does = format!("makes {name} in {region}: {plan}, from {image}");
            calls.push(previewed(Action::RunInstances, does));
        }
        Ok(calls)
    }

    async fn preview_group(&self, request: &CreateInstance) -> CloudResult<Vec<PreviewedCall>> {
        let (region, group) = (&request.region, &request.group);
        let missing = self.missing_rules(region, group, &request.ports).await?;
        let name = group::name(group);
        let mut calls = Vec::new();
        if missing.is_none() {
            let does = format!("makes the security group {name}");
            calls.push(previewed(Action::CreateSecurityGroup, does));
        }
        if missing != Some(0) {
            let mut ports: Vec<_> = request.ports.iter().map(u16::to_string).collect();
            ports.insert(0, "SSH".to_owned());
            let does = format!(
                "opens {} from everywhere in {name}, and everything inside the group",
                ports.join(", ")
            );
            calls.push(previewed(Action::AuthorizeSecurityGroupIngress, does));
        }
        Ok(calls)
    }

    pub(super) async fn preview_end(
        &self,
        instances: &[InstanceRef],
        group: Option<&GroupRef>,
    ) -> CloudResult<Vec<PreviewedCall>> {
        let mut calls = Vec::new();
        for at in instances {
            let id = &at.id;
            let does = format!("gives {id} its last name");
            calls.push(previewed(Action::CreateTags, does));
            if self.is_protected(at).await? {
                return Err(protected(at));
            }
            let does = format!("destroys {id} and its disks");
            calls.push(previewed(Action::TerminateInstances, does));
        }
        if let Some(group) = group {
            let name = group::name(&group.name);
            let found = self.groups_of_that_name(&group.region, &group.name);
            for _ in found.await? {
                let does = format!("deletes the security group {name}");
                calls.push(previewed(Action::DeleteSecurityGroup, does));
            }
            if self.has_key_pair(&group.region, &name).await? {
                let does = format!("deletes the key pair {name}");
                calls.push(previewed(Action::DeleteKeyPair, does));
            }
        }
        Ok(calls)
    }

    /// What deleting the snapshots of an instance calls, once that is gone.
    pub(super) async fn preview_rest(&self, at: &InstanceRef) -> CloudResult<Vec<PreviewedCall>> {
        let to_go = self.snapshots_to_go(at, None).await?;
        let id = &at.id;
        let mut calls = Vec::new();
        for image in &to_go.images {
            let name = &image.image_id;
            let does = format!("deletes the snapshot {name} of {id}");
            calls.push(previewed(Action::DeregisterImage, does));
            for disk in disks_behind(image) {
                let does = format!("deletes {disk}, which {name} kept");
                calls.push(previewed(Action::DeleteSnapshot, does));
            }
        }
        for disk in &to_go.left {
            let does = format!("deletes {disk}, which is left of a snapshot of {id}");
            calls.push(previewed(Action::DeleteSnapshot, does));
        }
        Ok(calls)
    }

    /// What putting an instance under our tag calls.
    pub(super) async fn preview_adoption(
        &self,
        at: &InstanceRef,
    ) -> CloudResult<Vec<PreviewedCall>> {
        self.must_be_ones_own(at).await?;
        let does = format!("puts the tags of this Arcus on {}", at.id);
        Ok(vec![previewed(Action::CreateTags, does)])
    }

    /// What taking our tag off one calls.
    pub(super) async fn preview_release_of(
        &self,
        at: &InstanceRef,
    ) -> CloudResult<Vec<PreviewedCall>> {
        if self.get_instance(at).await?.tag.is_none() {
            return Ok(Vec::new());
        }
        let does = format!("takes the tags of this Arcus off {}", at.id);
        Ok(vec![previewed(Action::DeleteTags, does)])
    }
}

fn previewed(action: Action, does: String) -> PreviewedCall {
    PreviewedCall::new(action.name(), does)
}
