//! Another size: the type of the instance, and a root disk that grows.
//!
//! What must stay true: a disk is never made smaller, which Amazon can't do, and nothing is changed before that is known; the
//! disk comes first, since Amazon refuses to change one for hours after an earlier change, and then nothing is changed at all,
//! nor waited for; and what is as it should be already is not changed again.

use std::time::Duration;

use domain::Plan;
use domain::server::Power;

use super::action::Action;
use super::client::Called;
use super::errors::{NOT_ALLOWED, rejected};
use super::form::Form;
use super::{Ec2, wire};
use crate::cloud::{CloudResult, InstanceRef, Until};

/// How long a system may take to shut down before Amazon cuts its power, and some more.
const PATIENCE: Duration = Duration::from_mins(10);
/// Amazon's code where a disk was changed a while ago: it may be changed again after hours.
const NOT_FOR_HOURS: &str = "VolumeModificationRateExceeded";
/// Its codes for that, and for one that is being changed.
const NOT_AGAIN_YET: [&str; 2] = ["IncorrectModificationState", NOT_FOR_HOURS];

// === impl Ec2 ===

impl Ec2 {
    pub(super) async fn resize_instance(&self, at: &InstanceRef, plan: &Plan) -> CloudResult<()> {
        let offered = self.must_offer(&at.region, &plan.slug);
        let (instance, ()) = tokio::try_join!(self.describe(at), offered)?;
        let disk = instance
            .root_disk()
            .and_then(|disk| disk.volume_id.as_deref());
        let grows = match (plan.disk_gib, disk) {
            (0, _) => None,
            (wanted, Some(disk)) => self
                .must_grow(&at.region, disk, wanted)
                .await?
                .then_some(disk),
            (_, None) => return Err(rejected("nobody can tell how large the instance's disk is")),
        };
        if let Some(disk) = grows {
            self.grow(&at.region, disk, plan.disk_gib).await?;
        }
        if instance.instance_type != plan.slug {
            if instance.power() != Power::Stopped {
                self.stop_instance(at, false).await?;
                self.wait_until(at, Until::Stopped, PATIENCE).await?;
            }
            let form = Form::new()
                .with("InstanceId", &at.id)
                .with("InstanceType.Value", &plan.slug);
            let action = Action::ModifyInstanceAttribute;
            self.client.run(&at.region, action, form).await?;
        }
        Ok(())
    }

    /// Makes a disk so large. One that is just becoming so shows its old size for a while, and takes no other change: then it
    /// was asked for before.
    async fn grow(&self, region: &str, disk: &str, wanted: u64) -> CloudResult<()> {
        let form = Form::new()
            .with("VolumeId", disk)
            .with("Size", wanted.to_string());
        let answer = self.client.run(region, Action::ModifyVolume, form);
        match answer.await {
            Err(failure)
                if NOT_AGAIN_YET.contains(&failure.code.as_str())
                    && self.becomes(region, disk, wanted).await? =>
            {
                Ok(())
            }
            Err(failure) if failure.code == NOT_FOR_HOURS => Err(rejected(format!(
                "{}: nothing was changed; ask for it again when Amazon EC2 lets the disk be changed again",
                failure.error.message
            ))),
            answer => Ok(answer?),
        }
    }

    /// Whether the last change of a disk, which is under way or done, makes it so large.
    async fn becomes(&self, region: &str, disk: &str, wanted: u64) -> CloudResult<bool> {
        let form = Form::new().list("VolumeId", [disk]);
        let action = Action::DescribeVolumesModifications;
        let answer: Called<wire::Modifications> = self.client.call(region, action, form).await;
        let found = match answer {
            // By a policy from before this look.
            Err(failure) if failure.code == NOT_ALLOWED => return Ok(false),
            answer => answer?,
        };
        let mut all = found.volume_modification_set.all.into_iter();
        Ok(all.any(|one| one.target_size == wanted && one.modification_state != "failed"))
    }

    /// Whether a disk is smaller than wanted; a larger one is refused.
    async fn must_grow(&self, region: &str, disk: &str, wanted: u64) -> CloudResult<bool> {
        let form = Form::new().list("VolumeId", [disk]);
        let answer = self.client.call(region, Action::DescribeVolumes, form);
        let found: wire::Volumes = answer.await?;
        let size = found.volume_set.all.first().map_or(0, |volume| volume.size);
        if size > wanted {
            return Err(rejected(format!(
                "the disk has {size} GiB, and Amazon EC2 can't make it smaller: choose a size with {size} GiB or more"
            )));
        }
        Ok(size < wanted)
    }
}
