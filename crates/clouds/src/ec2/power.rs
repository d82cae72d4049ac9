//! Switching on and off, and the way out: retire and destroy.
//!
//! Each returns when Amazon has accepted it; how it ends is for `wait`. What must stay true: what is already so is a
//! success, so that each can be sent again after a crash; and an instance takes its snapshots along, since nobody would
//! remember to stop paying for them.

use domain::server::Power;

use super::Ec2;
use super::action::Action;
use super::client::Called;
use super::form::{Form, INSTALLATION, NAME, TOKEN};
use super::instances::gone;
use crate::cloud::{CloudError, CloudResult, ErrorClass, InstanceRef, Tag};

/// Amazon's code where an instance is in no state for what was asked.
const WRONG_STATE: [&str; 2] = ["IncorrectInstanceState", "IncorrectState"];

// === impl Ec2 ===

impl Ec2 {
    pub(super) async fn start_instance(&self, at: &InstanceRef) -> CloudResult<()> {
        let answer = self.of(at, Action::StartInstances, Form::new()).await;
        self.settled(at, answer, &[Power::Pending, Power::Running])
            .await
    }

    pub(super) async fn stop_instance(&self, at: &InstanceRef, force: bool) -> CloudResult<()> {
        let form = Form::new().with("Force", force.to_string());
        let answer = self.of(at, Action::StopInstances, form).await;
        self.settled(at, answer, &[Power::Stopping, Power::Stopped])
            .await
    }

    pub(super) async fn reboot_instance(&self, at: &InstanceRef) -> CloudResult<()> {
        let answer = self.of(at, Action::RebootInstances, Form::new()).await;
        if matches!(&answer, Err(failure) if WRONG_STATE.contains(&failure.code.as_str()))
            && self.describe(at).await?.power() == Power::Stopped
        {
            return self.start_instance(at).await;
        }
        self.settled(at, answer, &[Power::Pending]).await
    }

    pub(super) async fn retire_instance(
        &self,
        at: &InstanceRef,
        name: &str,
    ) -> CloudResult<InstanceRef> {
        self.tag(at, &[(NAME, name)]).await?;
        Ok(at.clone())
    }

    pub(super) async fn adopt_instance(&self, at: &InstanceRef, tag: &Tag) -> CloudResult<()> {
        let tags = [
            (INSTALLATION, tag.installation.as_str()),
            (TOKEN, tag.token.as_str()),
        ];
        self.tag(at, &tags).await
    }

    /// Without our tag nothing is called: the policy allows it on those alone that bear it.
    pub(super) async fn release_instance(&self, at: &InstanceRef) -> CloudResult<()> {
        if self.get_instance(at).await?.tag.is_none() {
            return Ok(());
        }
        let form = Form::new()
            .list("ResourceId", [at.id.as_str()])
            .with("Tag.1.Key", INSTALLATION)
            .with("Tag.2.Key", TOKEN);
        let answer = self.client.run(&at.region, Action::DeleteTags, form).await;
        answer.map_err(|failure| gone(failure.into(), at))
    }

    pub(super) async fn destroy_instance(&self, at: &InstanceRef) -> CloudResult<()> {
        self.delete_all_snapshots(at).await?;
        let answer = self.of(at, Action::TerminateInstances, Form::new()).await;
        match answer.map_err(CloudError::from) {
            Err(error) if error.class == ErrorClass::NotFound => Ok(()),
            answer => answer,
        }
    }

    async fn tag(&self, at: &InstanceRef, tags: &[(&str, &str)]) -> CloudResult<()> {
        let form = Form::new().list("ResourceId", [at.id.as_str()]).tags(tags);
        let answer = self.client.run(&at.region, Action::CreateTags, form).await;
        answer.map_err(|failure| gone(failure.into(), at))
    }

    /// Calls an action on one instance.
    pub(super) async fn of(&self, at: &InstanceRef, action: Action, form: Form) -> Called<()> {
        let form = form.list("InstanceId", [at.id.as_str()]);
        self.client.run(&at.region, action, form).await
    }

    /// Where Amazon says that the instance is in no state for it: it may be so already, or be gone for good.
    async fn settled(
        &self,
        at: &InstanceRef,
        answer: Called<()>,
        already: &[Power],
    ) -> CloudResult<()> {
        let failure = match answer {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        };
        if !WRONG_STATE.contains(&failure.code.as_str()) {
            return Err(gone(failure.into(), at));
        }
        match self.describe(at).await?.power() {
            Power::ShuttingDown | Power::Terminated => Err(CloudError::not_found(at)),
            power if already.contains(&power) => Ok(()),
            _ => Err(failure.into()),
        }
    }
}
