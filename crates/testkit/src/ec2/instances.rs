//! Instances: made, tagged, shown.

use std::collections::BTreeMap;
use std::sync::Weak;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::asked::{Asked, Fields, fits};
use super::calls::{Refusal, Reply, refuse};
use super::catalog::{self, ACCOUNT};
use super::networks::{SUBNET, VPC};
use super::world::{Instance, Kept, State, Tags, Volume, World, new_id, now};
use super::xml::{element, items, text};

/// The most that user data may have, before base64.
const LONGEST_USER_DATA: usize = 16 * 1024;

// === impl World ===

impl World {
    /// `ends` says that it ends while it starts.
    pub(super) fn run(&mut self, asked: &Asked, ends: bool) -> Reply {
        let fields = &asked.fields;
        let token = fields.text("ClientToken").to_owned();
        let key = (asked.region.clone(), token.clone());
        if let Some((earlier, id)) = self.tokens.get(&key) {
            if earlier != fields {
                let message = "The request uses the same client token as a previous, but non-identical request.";
                return Err(refuse(400, "IdempotentParameterMismatch", message));
            }
            return self.reservation(id);
        }
        let made = self.make(asked, ends)?;
        let id = made.id.clone();
        self.instances.insert(id.clone(), made);
        if !token.is_empty() {
            self.tokens.insert(key, (fields.clone(), id.clone()));
        }
        self.reservation(&id)
    }

    fn reservation(&self, id: &str) -> Reply {
        let instance = self.instances.get(id).ok_or_else(|| not_found(id))?;
        Ok(self.shown_reservation(instance))
    }

    fn make(&mut self, asked: &Asked, ends: bool) -> Result<Instance, Refusal> {
        let fields = &asked.fields;
        if (fields.must("MinCount")?, fields.must("MaxCount")?) != ("1", "1") {
            return Err(refuse(
                400,
                "InvalidParameterValue",
                "one instance at a time",
            ));
        }
        let living = self.instances.values();
        let living = living.filter(|instance| instance.state != State::Terminated);
        if living.count() >= self.instance_limit {
            let message = "You have requested more instances than your current instance limit allows for the specified \
                           instance type.";
            return Err(refuse(400, "InstanceLimitExceeded", message));
        }
        let kind = fields.must("InstanceType")?;
        if !catalog::has_type(kind) {
            let message = format!("Invalid value '{kind}' for InstanceType.");
            return Err(refuse(400, "InvalidParameterValue", message));
        }
        if !catalog::is_offered(&asked.region, kind) {
            let message = "The requested configuration is currently not supported. Please check the documentation for \
                           supported configurations.";
            return Err(refuse(400, "Unsupported", message));
        }
        let image = fields.must("ImageId")?.to_owned();
        let disks = self.disks_of(&asked.region, &image)?;
        let groups = fields.list("SecurityGroupId");
        for group in &groups {
            self.group(&asked.region, group)?;
        }
        let name = fields.get("KeyName").map(str::to_owned);
        if let Some(name) = &name
            && !self.has_key(&asked.region, name)
        {
            let message = format!("The key pair '{name}' does not exist");
            return Err(refuse(400, "InvalidKeyPair.NotFound", message));
        }
        let user_data = STANDARD.decode(fields.text("UserData")).map_err(|_| {
            refuse(
                400,
                "InvalidUserData.Malformed",
                "Invalid BASE64 encoding of user data",
            )
        })?;
        if user_data.len() > LONGEST_USER_DATA {
            let message = "User data is limited to 16384 bytes";
            return Err(refuse(400, "InvalidParameterValue", message));
        }
        let volumes = volumes(fields, disks)?;
        let id = new_id("i");
        let bodies = self.bodies.as_ref().and_then(Weak::upgrade);
        // What ends at once has no system.
        let bodies = bodies.filter(|_| !ends);
        let body = bodies.map(|bodies| bodies.start(&id, &user_data));
        let number = self.number();
        let (high, low) = (number / 250 % 250, number % 250 + 4);
        let end = if ends {
            State::Terminated
        } else {
            State::Running
        };
        let seen_from = self.settled();
        let mut tags = Tags::default();
        for (key, value) in fields.tags_of("instance") {
            tags.put(&key, &value, Instant::now());
        }
        Ok(Instance {
            id,
            region: asked.region.clone(),
            reservation: new_id("r"),
            kind: kind.to_owned(),
            image,
            key: name,
            groups,
            subnet: fields.get("SubnetId").unwrap_or(SUBNET).to_owned(),
            client_token: fields.text("ClientToken").to_owned(),
            is_spot: fields.get("InstanceMarketOptions.MarketType") == Some("spot"),
            metadata: (
                fields
                    .get("MetadataOptions.HttpTokens")
                    .unwrap_or("optional")
                    .to_owned(),
                fields
                    .get("MetadataOptions.HttpPutResponseHopLimit")
                    .unwrap_or("1")
                    .to_owned(),
            ),
            tags,
            volumes,
            state: State::Pending,
            next: Some((Instant::now() + self.pace, end)),
            reason: ends.then_some((
                "Server.InternalError",
                "Server.InternalError: Internal error on launch",
            )),
            private_ip: format!("172.31.{high}.{low}"),
            public_ip: (!ends).then(|| format!("54.210.{high}.{low}")),
            launched_at: now(),
            made_at: now(),
            seen_from,
            lingers_until: None,
            ended_at: None,
            is_protected: false,
            is_forgotten: false,
            body,
        })
    }

    pub(super) fn describe_instances(&self, asked: &Asked) -> Reply {
        let fields = &asked.fields;
        let ids = fields.list("InstanceId");
        if !ids.is_empty() && fields.get("MaxResults").is_some() {
            let message = "The parameter instancesSet cannot be used with the parameter maxResults";
            return Err(refuse(400, "InvalidParameterCombination", message));
        }
        for id in &ids {
            self.instance(&asked.region, id)?;
        }
        let filters = fields.filters()?;
        for (name, _) in &filters {
            if !is_filter(name) {
                let message = format!("The filter '{name}' is invalid");
                return Err(refuse(400, "InvalidParameterValue", message));
            }
        }
        let seen = self.of(&asked.region).filter(|instance| instance.is_seen());
        let found = seen.filter(|instance| ids.is_empty() || ids.contains(&instance.id));
        let found: Vec<&Instance> = found
            .filter(|instance| filters.iter().all(|filter| instance.fits(filter)))
            .collect();
        let (page, next) = fields.page(found, self.page);
        let shown = page.iter().map(|instance| self.shown_reservation(instance));
        let next = next.map(|token| text("nextToken", token));
        Ok([items("reservationSet", shown), next.unwrap_or_default()].concat())
    }

    pub(super) fn create_tags(&mut self, asked: &Asked) -> Reply {
        let tags = asked.fields.tags("Tag");
        let from = self.settled();
        for id in asked.fields.list("ResourceId") {
            let instance = self.instance_mut(&asked.region, &id)?;
            for (key, value) in &tags {
                instance.tags.put(key, value, from);
            }
        }
        Ok(text("return", true))
    }

    pub(super) fn delete_tags(&mut self, asked: &Asked) -> Reply {
        for id in asked.fields.list("ResourceId") {
            let instance = self.instance_mut(&asked.region, &id)?;
            for tag in asked.fields.below("Tag") {
                instance.tags.remove(tag.text("Key"));
            }
        }
        Ok(text("return", true))
    }

    pub(super) fn attribute(&self, asked: &Asked) -> Reply {
        let id = asked.fields.must("InstanceId")?;
        let instance = self.instance(&asked.region, id)?;
        let name = asked.fields.must("Attribute")?;
        if name != "disableApiTermination" {
            let message = format!("Value ({name}) for parameter attribute is invalid.");
            return Err(refuse(400, "InvalidParameterValue", message));
        }
        let value = text("value", instance.is_protected);
        Ok([text("instanceId", id), element(name, &value)].concat())
    }

    pub(super) fn console(&self, asked: &Asked) -> Reply {
        let id = asked.fields.must("InstanceId")?;
        let instance = self.instance(&asked.region, id)?;
        let printed = STANDARD.encode(format!("{} is up\n", instance.id));
        Ok([
            text("instanceId", id),
            text("timestamp", now()),
            text("output", printed),
        ]
        .concat())
    }

    /// One that can be seen.
    pub(super) fn instance(&self, region: &str, id: &str) -> Result<&Instance, Refusal> {
        if !id.starts_with("i-") {
            let message = format!("Invalid id: \"{id}\"");
            return Err(refuse(400, "InvalidInstanceID.Malformed", message));
        }
        let found = self.instances.get(id);
        found
            .filter(|found| found.region == region && found.is_seen())
            .ok_or_else(|| not_found(id))
    }

    pub(super) fn instance_mut(
        &mut self,
        region: &str,
        id: &str,
    ) -> Result<&mut Instance, Refusal> {
        self.instance(region, id)?;
        self.instances.get_mut(id).ok_or_else(|| not_found(id))
    }

    fn shown_reservation(&self, instance: &Instance) -> String {
        [
            text("reservationId", &instance.reservation),
            text("ownerId", ACCOUNT),
            items("groupSet", []),
            items("instancesSet", [self.shown_instance(instance)]),
        ]
        .concat()
    }

    fn shown_instance(&self, instance: &Instance) -> String {
        let groups = instance.groups.iter().map(|id| {
            let group = self.groups.iter().find(|group| group.id == *id);
            let name = group.map(|group| text("groupName", &group.name));
            [text("groupId", id), name.unwrap_or_default()].concat()
        });
        let reason = instance
            .reason
            .filter(|_| instance.state == State::Terminated);
        let reason = reason.map(|(code, message)| {
            element(
                "stateReason",
                &[text("code", code), text("message", message)].concat(),
            )
        });
        let optional = |name: &str, value: Option<&String>| {
            value.map(|value| text(name, value)).unwrap_or_default()
        };
        let there = instance.state != State::Terminated;
        let lifecycle = instance.is_spot.then(|| text("instanceLifecycle", "spot"));
        let disk = |volume: &Volume| {
            let ebs = [
                text("volumeId", &volume.id),
                text("status", "attached"),
                text("attachTime", &instance.made_at),
                text("deleteOnTermination", volume.goes),
            ];
            let ebs = element("ebs", &ebs.concat());
            [text("deviceName", &volume.device), ebs].concat()
        };
        let disks = instance.volumes.iter().filter(|_| there).map(disk);
        let (tokens, hops) = &instance.metadata;
        let metadata = [
            text("state", "applied"),
            text("httpTokens", tokens),
            text("httpPutResponseHopLimit", hops),
            text("httpEndpoint", "enabled"),
        ];
        [
            text("instanceId", &instance.id),
            text("imageId", &instance.image),
            shown_state("instanceState", instance.state),
            text("privateDnsName", ""),
            text("dnsName", ""),
            text(
                "reason",
                reason.as_ref().map_or("", |_| "Server.InternalError"),
            ),
            optional("keyName", instance.key.as_ref()),
            text("amiLaunchIndex", 0),
            text("instanceType", &instance.kind),
            text("launchTime", &instance.launched_at),
            element(
                "placement",
                &text("availabilityZone", format!("{}a", instance.region)),
            ),
            element("monitoring", &text("state", "disabled")),
            text("subnetId", &instance.subnet),
            text("vpcId", VPC),
            optional(
                "privateIpAddress",
                Some(&instance.private_ip).filter(|_| there),
            ),
            optional("ipAddress", instance.public_ip.as_ref()),
            items("groupSet", groups),
            reason.unwrap_or_default(),
            text("architecture", "x86_64"),
            text("rootDeviceType", "ebs"),
            text("rootDeviceName", &instance.root().device),
            items("blockDeviceMapping", disks),
            text("virtualizationType", "hvm"),
            lifecycle.unwrap_or_default(),
            text("clientToken", &instance.client_token),
            items("tagSet", shown_tags(&instance.tags.shown())),
            text("hypervisor", "xen"),
            items("networkInterfaceSet", []),
            element("metadataOptions", &metadata.concat()),
        ]
        .concat()
    }
}

/// The disks that a create asks for: those of its image, by what it says otherwise of them.
fn volumes(fields: &Fields, disks: Vec<Kept>) -> Result<Vec<Volume>, Refusal> {
    let mappings = fields.below("BlockDeviceMapping");
    let volume = |disk: Kept| {
        let mut all = mappings.iter();
        let mapping = all.find(|mapping| mapping.text("DeviceName") == disk.device);
        let said = |name| mapping.and_then(|mapping| mapping.get(name));
        let least = disk.size;
        let size = mapping.and_then(|mapping| mapping.number("Ebs.VolumeSize"));
        let size = size.unwrap_or(least);
        if size < least {
            let message = format!(
                "Volume of size {size}GB is smaller than snapshot, expect size >= {least}GB"
            );
            return Err(refuse(400, "InvalidBlockDeviceMapping", message));
        }
        Ok(Volume {
            id: new_id("vol"),
            device: disk.device,
            size,
            kind: said("Ebs.VolumeType").unwrap_or("gp2").to_owned(),
            tags: fields.tags_of("volume"),
            goes: said("Ebs.DeleteOnTermination").map_or(disk.goes, |said| said == "true"),
            change: None,
        })
    };
    disks.into_iter().map(volume).collect()
}

pub(super) fn not_found(id: &str) -> Refusal {
    let message = format!("The instance ID '{id}' does not exist");
    refuse(400, "InvalidInstanceID.NotFound", message)
}

pub(super) fn shown_state(name: &str, state: State) -> String {
    let code = text("code", state as u16);
    element(name, &[code, text("name", state.name())].concat())
}

pub(super) fn shown_tags(tags: &BTreeMap<String, String>) -> Vec<String> {
    let shown =
        |(key, value): (&String, &String)| [text("key", key), text("value", value)].concat();
    tags.iter().map(shown).collect()
}

fn is_filter(name: &str) -> bool {
    name.starts_with("tag:")
        || ["instance-id", "instance-state-name", "instance.group-id"].contains(&name)
}

// === impl Instance ===

impl Instance {
    fn fits(&self, (name, wanted): &(String, Vec<String>)) -> bool {
        let is = |value: &str| wanted.iter().any(|wanted| fits(wanted, value));
        match name.as_str() {
            "instance-id" => is(&self.id),
            "instance-state-name" => is(self.state.name()),
            "instance.group-id" => self.groups.iter().any(|group| is(group)),
            tag => tag
                .strip_prefix("tag:")
                .and_then(|key| self.tags.get(key))
                .is_some_and(is),
        }
    }
}
