//! What making droplets and taking them away would call, without calling it.
//!
//! Called by the trait. What must stay true: everything here looks and changes nothing; and what it names is what `create`,
//! `keys`, `firewall`, `power`, `snapshots` and `tags` send.

use std::collections::HashSet;

use super::keys::{fingerprints, key_name};
use super::{DigitalOcean, firewall, names};
use crate::cloud::{CloudResult, CreateInstance, GroupRef, InstanceRef, PreviewedCall};

// === impl DigitalOcean ===

impl DigitalOcean {
    pub(super) async fn preview_droplets(
        &self,
        requests: &[CreateInstance],
    ) -> CloudResult<Vec<PreviewedCall>> {
        let mut calls = Vec::new();
        let mut seen = HashSet::new();
        for request in requests {
            self.check(request).await?;
            for (fingerprint, _) in fingerprints(&request.public_keys)? {
                if seen.insert(fingerprint.clone()) && !self.has_key(&fingerprint).await? {
                    let name = key_name(&fingerprint);
                    let does = format!("gives the account a public key as {name}; it stays");
                    calls.push(PreviewedCall::new("POST /v2/account/keys", does));
                }
            }
            if seen.insert(request.group.clone()) {
                calls.extend(self.preview_firewall(request).await?);
            }
            let (name, plan, image) = (&request.name, &request.plan.slug, &request.image.slug);
            let does = format!("makes {name} in {}: {plan}, from {image}", request.region);
            calls.push(PreviewedCall::new("POST /v2/droplets", does));
        }
        Ok(calls)
    }

    async fn preview_firewall(&self, request: &CreateInstance) -> CloudResult<Vec<PreviewedCall>> {
        let tag = names::group(&request.group)?;
        let wanted = firewall::wanted(&tag, &request.ports);
        let ports: Vec<_> = request.ports.iter().map(u16::to_string).collect();
        let ports = [vec!["SSH".to_owned()], ports].concat().join(", ");
        let opens = format!("opens {ports} from everywhere, and everything inside the group");
        let make_tag = || PreviewedCall::new("POST /v2/tags", format!("makes the tag {tag}"));
        let Some(found) = self.firewalls_named(&tag).await?.into_iter().next() else {
            let does = format!("makes the firewall {tag}: {opens}");
            return Ok(vec![
                make_tag(),
                PreviewedCall::new("POST /v2/firewalls", does),
            ]);
        };
        let mut calls = Vec::new();
        let path = format!("POST /v2/firewalls/{}", found.id);
        if !firewall::missing(&found, &wanted).is_empty() {
            let does = format!("{opens}, in the firewall {tag}");
            calls.push(PreviewedCall::new(format!("{path}/rules"), does));
        }
        if !firewall::is_of(&found, &tag) {
            let does = format!("puts the firewall before the droplets that bear {tag}");
            calls.push(make_tag());
            calls.push(PreviewedCall::new(format!("{path}/tags"), does));
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
            let droplet = self.describe(at).await?;
            let name = names::shown(&droplet.name);
            let does = format!("gives {name} its last name");
            let path = format!("POST /v2/droplets/{id}/actions");
            calls.push(PreviewedCall::new(path, does));
            let does = format!("destroys {name} and its disk");
            calls.push(PreviewedCall::new(
                format!("DELETE /v2/droplets/{id}"),
                does,
            ));
            for tag in droplet.tags.iter().filter(|tag| names::is_of_one(tag)) {
                let does = format!("deletes the tag that {name} alone bore");
                calls.push(PreviewedCall::new(format!("DELETE /v2/tags/{tag}"), does));
            }
        }
        if let Some(group) = group {
            let tag = names::group(&group.name)?;
            for found in self.firewalls_named(&tag).await? {
                let path = format!("DELETE /v2/firewalls/{}", found.id);
                let does = format!("deletes the firewall {tag}");
                calls.push(PreviewedCall::new(path, does));
            }
            if self.has_tag(&tag).await? {
                let does = format!("deletes the tag {tag}");
                calls.push(PreviewedCall::new(format!("DELETE /v2/tags/{tag}"), does));
            }
        }
        Ok(calls)
    }

    /// What deleting the snapshots of a droplet calls, once that is gone.
    pub(super) async fn preview_rest(&self, at: &InstanceRef) -> CloudResult<Vec<PreviewedCall>> {
        let left = self.snapshots_of_gone(at).await?.into_iter();
        let calls = left.map(|snapshot| {
            let does = format!("deletes the snapshot {} of {}", snapshot.name, at.id);
            PreviewedCall::new(format!("DELETE /v2/snapshots/{}", snapshot.id), does)
        });
        Ok(calls.collect())
    }

    /// What taking our tags off one calls.
    pub(super) async fn preview_release_of(
        &self,
        at: &InstanceRef,
    ) -> CloudResult<Vec<PreviewedCall>> {
        let droplet = self.describe(at).await?;
        let owners = droplet.tags.iter().filter(|tag| names::is_owners(tag));
        let (its_own, shared): (Vec<_>, Vec<_>) = owners.partition(|tag| names::is_of_one(tag));
        let mut calls = Vec::new();
        for tag in its_own.into_iter().chain(shared) {
            let path = format!("DELETE /v2/tags/{tag}/resources");
            let does = format!("takes the tag off {}", at.id);
            calls.push(PreviewedCall::new(path, does));
            if names::is_of_one(tag) {
                let does = "deletes the tag that it alone bore";
                calls.push(PreviewedCall::new(format!("DELETE /v2/tags/{tag}"), does));
            }
        }
        Ok(calls)
    }
}

/// What putting a droplet under our tags calls: one of the two is the droplet's own, and has no name yet.
pub(super) fn adoption(at: &InstanceRef) -> Vec<PreviewedCall> {
    let id = &at.id;
    let both = ["its own server", "this Arcus"].into_iter();
    let calls = both.flat_map(|whose| {
        [
            PreviewedCall::new("POST /v2/tags", format!("makes the tag of {whose}")),
            PreviewedCall::new(
                "POST /v2/tags/TAG/resources",
                format!("puts the tag of {whose} on {id}"),
            ),
        ]
    });
    calls.collect()
}
