//! Another size: the type of the instance, and a root disk that grows.
//!
//! What must stay true: a disk is never made smaller, which Amazon can't do, and nothing is changed before that is known.

use std::time::Duration;

use domain::Plan;
use domain::server::Power;

use super::action::Action;
use super::errors::rejected;
use super::form::Form;
use super::{Ec2, wire};
use crate::cloud::{CloudResult, InstanceRef, Until};

/// How long a system may take to shut down before Amazon cuts its power, and some more.
const PATIENCE: Duration = Duration::from_mins(10);

// === impl Ec2 ===

impl Ec2 {
    pub(super) async fn resize_instance(&self, at: &InstanceRef, plan: &Plan) -> CloudResult<()> {
        let instance = self.describe(at).await?;
        let disk = instance
            .root_disk()
            .and_then(|disk| disk.volume_id.as_deref());
        let grows = match (plan.disk_gib, disk) {
            (0, _) => None,
            (wanted, Some(disk)) => self.growth(&at.region, disk, wanted).await?,
            (_, None) => return Err(rejected("nobody can tell how large the instance's disk is")),
        };
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
        if let Some(form) = grows {
            self.client
                .run(&at.region, Action::ModifyVolume, form)
                .await?;
        }
        Ok(())
    }

    /// What makes a disk as large as wanted; nothing where it is.
    async fn growth(&self, region: &str, disk: &str, wanted: u64) -> CloudResult<Option<Form>> {
        let form = Form::new().list("VolumeId", [disk]);
        let answer = self.client.call(region, Action::DescribeVolumes, form);
        let found: wire::Volumes = answer.await?;
        let size = found.volume_set.all.first().map_or(0, |volume| volume.size);
        if size > wanted {
            return Err(rejected(format!(
                "the disk has {size} GiB, and Amazon EC2 can't make it smaller: choose a size with {size} GiB or more"
            )));
        }
        let form = Form::new()
            .with("VolumeId", disk)
            .with("Size", wanted.to_string());
        Ok((size < wanted).then_some(form))
    }
}
