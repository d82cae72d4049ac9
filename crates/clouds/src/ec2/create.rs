//! Creating: from an image or a snapshot, with its tags, its firewall and its disk in one call.
//!
//! What must stay true: the tags come with the call that makes the instance, and Amazon knows the token, so that the
//! same call sent twice makes one; every disk that it makes goes with the instance; the metadata service answers to the
//! instance's own processes only (version 2, one hop).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::action::Action;
use super::client::Called;
use super::errors::{Failure, rejected};
use super::form::{Form, INSTALLATION, NAME, TOKEN};
use super::{Ec2, SETTLING, group, user_data, wire, wire_network};
use crate::cloud::{CloudError, CloudResult, CreateInstance, ErrorClass, Instance};

/// The smallest root disk, in GiB, where a plan has none of its own.
const SMALLEST_DISK: u64 = 8;
/// The longest that a client token may be.
const LONGEST_CLIENT_TOKEN: usize = 64;

/// Whether the type of a create is offered: asked for once, and awaited before anything is made.
pub(super) type Offered<'a> = Shared<BoxFuture<'a, CloudResult<()>>>;

/// What the disk of an instance begins as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Base {
    /// The AMI.
    pub(super) id: String,
    /// Where it expects its root disk.
    pub(super) root: String,
    /// The least that its root disk has, in GiB.
    pub(super) least_gib: u64,
    /// Where it has further disks, as one of an instance with more than one has.
    pub(super) others: Vec<String>,
}

// === impl Ec2 ===

impl Ec2 {
    pub(super) async fn create_instance(&self, request: &CreateInstance) -> CloudResult<Instance> {
        let region = request.region.as_str();
        let user_data = user_data::encoded(&request.user_data)?;
        let offered = self.must_offer(region, &request.plan.slug).boxed().shared();
        // All are waited for, whatever becomes of the others: none is dropped half-way. What they make, they make when the
        // type is known to be offered.
        let (is_offered, base, group, key) = tokio::join!(
            offered.clone(),
            self.base(request),
            self.group(request, offered.clone()),
            self.key_pair(request, offered.clone())
        );
        is_offered?;
        let (base, group, key) = (base?, group?, key?);
        let disk = request.plan.disk_gib.max(SMALLEST_DISK).max(base.least_gib);
        let tags = [
            (NAME, request.name.as_str()),
            (INSTALLATION, request.tag.installation.as_str()),
            (TOKEN, request.tag.token.as_str()),
        ];
        let form = Form::new()
            .with("ClientToken", client_token(&request.tag.token))
            .with("ImageId", &base.id)
            .with("InstanceType", &request.plan.slug)
            .with("MinCount", "1")
            .with("MaxCount", "1")
            .with("UserData", user_data)
            .list("SecurityGroupId", [group.as_str()])
            .maybe("SubnetId", self.options.subnet.as_deref())
            .maybe("KeyName", key)
            .with("MetadataOptions.HttpTokens", "required")
            .with("MetadataOptions.HttpPutResponseHopLimit", "1")
            .with("BlockDeviceMapping.1.DeviceName", &base.root)
            .with("BlockDeviceMapping.1.Ebs.VolumeSize", disk.to_string())
            .with("BlockDeviceMapping.1.Ebs.VolumeType", "gp3")
            .with("BlockDeviceMapping.1.Ebs.DeleteOnTermination", "true");
        // What else the image brings is as large as it says, and goes with the instance as well.
        let form = (2..)
            .zip(&base.others)
            .fold(form, |form, (number, device)| {
                let mapping = format!("BlockDeviceMapping.{number}");
                form.with(format!("{mapping}.DeviceName"), device)
                    .with(format!("{mapping}.Ebs.DeleteOnTermination"), "true")
            });
        let form = form.tags_of("instance", &tags).tags_of("volume", &tags);
        let made = self.run_instances(region, form).await?;
        let instance = made.instances_set.all.first().ok_or_else(|| {
            CloudError::new(
                ErrorClass::OutcomeUnknown,
                "Amazon EC2 answered a create without an instance",
            )
        })?;
        Ok(instance.shown(region))
    }

    /// What was made for its group a moment ago may not be known everywhere yet. Amazon knows the token, so that sending the
    /// call again makes no second one.
    async fn run_instances(&self, region: &str, form: Form) -> CloudResult<wire::Reservation> {
        let deadline = Instant::now() + SETTLING;
        loop {
            let action = Action::RunInstances;
            let answer: Called<_> = self.client.call(region, action, form.clone()).await;
            match answer {
                Err(failure) if is_unknown_yet(&failure.code) && Instant::now() < deadline => {
                    tokio::time::sleep(group::PAUSE).await;
                }
                answer => return answer.map_err(|failure| self.refused(region, failure)),
            }
        }
    }

    pub(super) async fn base(&self, request: &CreateInstance) -> CloudResult<Base> {
        let region = request.region.as_str();
        match &request.snapshot {
            Some(snapshot) => self.snapshot_base(region, snapshot).await,
            None => self.image(region, &request.image).await,
        }
    }

    /// What was kept may be gone meanwhile: it is asked for anew at the next try.
    fn refused(&self, region: &str, failure: Failure) -> CloudError {
        let prefix = format!("{region}/");
        match failure.code.as_str() {
            "InvalidAMIID.NotFound" | "InvalidAMIID.Unavailable" => self.images.forget(&prefix),
            "InvalidGroupId.Malformed" => self.groups.forget(&prefix),
            "InvalidKeyPair.NotFound" => self.keys.forget(&prefix),
            code if group::is_unknown_group(code) => self.groups.forget(&prefix),
            _ => return failure.into(),
        }
        CloudError::new(ErrorClass::Unavailable, failure.error.message)
    }

    /// Imports the first key that Amazon would take, for its console to show; user data brings all of them. It is the
    /// group's, and goes with it.
    async fn key_pair(
        &self,
        request: &CreateInstance,
        offered: Offered<'_>,
    ) -> CloudResult<Option<String>> {
        let (region, group) = (request.region.as_str(), request.group.as_str());
        let Some(key) = shown_key(&request.public_keys) else {
            return Ok(None);
        };
        let name = group::name(group);
        let ensure = async {
            if !request.is_first && self.has_key_pair(region, &name).await? {
                return Ok(());
            }
            offered.await?;
            let material = STANDARD.encode(key.trim());
            let form = Form::new()
                .with("KeyName", &name)
                .with("PublicKeyMaterial", material);
            match self.client.run(region, Action::ImportKeyPair, form).await {
                Err(failure) if failure.code == "InvalidKeyPair.Duplicate" => Ok(()),
                answer => CloudResult::Ok(answer?),
            }
        };
        self.keys.get(&format!("{region}/{group}/"), ensure).await?;
        Ok(Some(name))
    }

    pub(super) async fn has_key_pair(&self, region: &str, name: &str) -> CloudResult<bool> {
        let form = Form::new().filter("key-name", [name]);
        let answer = self.client.call(region, Action::DescribeKeyPairs, form);
        let found: wire_network::KeyPairs = answer.await?;
        Ok(!found.key_set.all.is_empty())
    }
}

fn is_unknown_yet(code: &str) -> bool {
    group::is_unknown_group(code) || code == "InvalidKeyPair.NotFound"
}

/// The key of these that Amazon's console shows.
pub(super) fn shown_key(keys: &[String]) -> Option<&String> {
    keys.iter()
        .find(|key| key.starts_with("ssh-ed25519 ") || key.starts_with("ssh-rsa "))
}

/// The token as Amazon accepts one: a longer one becomes its digest, which is as unique.
fn client_token(token: &str) -> String {
    if token.len() <= LONGEST_CLIENT_TOKEN && token.is_ascii() {
        token.to_owned()
    } else {
        hex::encode(Sha256::digest(token.as_bytes()))
    }
}

// === impl Base ===

impl From<wire::Image> for Base {
    fn from(image: wire::Image) -> Self {
        let root = if image.root_device_name.is_empty() {
            "/dev/xvda".to_owned()
        } else {
            image.root_device_name
        };
        let disks = image.block_device_mapping.all.into_iter();
        let (first, others): (Vec<_>, Vec<_>) = disks
            .filter(|disk| disk.ebs.is_there())
            .partition(|disk| disk.device_name == root);
        let sizes = first.iter().filter_map(|disk| disk.ebs.volume_size);
        Self {
            id: image.image_id,
            least_gib: sizes.max().unwrap_or_default(),
            root,
            others: others.into_iter().map(|disk| disk.device_name).collect(),
        }
    }
}

/// What a create is refused with when its snapshot is gone.
pub(super) fn no_snapshot(name: &str) -> CloudError {
    rejected(format!("there is no snapshot {name:?} any more"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_that_amazon_accepts() {
        assert_eq!(client_token("short"), "short");
        let long = client_token(&"x".repeat(65));
        assert_eq!(long.len(), LONGEST_CLIENT_TOKEN);
        assert_ne!(long, client_token(&"x".repeat(66)));
    }
}
