//! Looking: one instance, those of a tag, those of an installation; and what the console printed.
//!
//! What must stay true: an instance that is gone is not among those found or listed, although Amazon shows it for an
//! hour; and a list is read to its last page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::action::Action;
use super::form::{Form, INSTALLATION, TOKEN};
use super::shown::NOT_GONE;
use super::{Ec2, wire};
use crate::cloud::{CloudError, CloudResult, ErrorClass, Instance, InstanceRef, Tag};

/// The most that a page holds.
const PAGE: &str = "1000";

// === impl Ec2 ===

impl Ec2 {
    /// The credentials are accepted where every account may ask.
    pub(super) async fn check_credentials(&self) -> CloudResult<()> {
        let region = self.options.common();
        let answer = self
            .client
            .run(region, Action::DescribeRegions, Form::new());
        Ok(answer.await?)
    }

    pub(super) async fn find_instances(
        &self,
        region: &str,
        tag: &Tag,
    ) -> CloudResult<Vec<Instance>> {
        let form = of_installation(&tag.installation)
            .filter(&format!("tag:{TOKEN}"), [tag.token.as_str()]);
        self.all(region, form).await
    }

    pub(super) async fn list_instances(
        &self,
        region: &str,
        installation: &str,
    ) -> CloudResult<Vec<Instance>> {
        self.all(region, of_installation(installation)).await
    }

    pub(super) async fn get_instance(&self, at: &InstanceRef) -> CloudResult<Instance> {
        Ok(self.describe(at).await?.shown(&at.region))
    }

    /// One instance in Amazon's terms.
    pub(super) async fn describe(&self, at: &InstanceRef) -> CloudResult<wire::Instance> {
        let form = Form::new().list("InstanceId", [at.id.as_str()]);
        let answer = self
            .client
            .call(&at.region, Action::DescribeInstances, form);
        let page: wire::Reservations = answer.await.map_err(|failure| gone(failure.into(), at))?;
        instances(page)
            .find(|instance| instance.instance_id == at.id)
            .ok_or_else(|| CloudError::not_found(at))
    }

    /// Those with one of these ids; an id that no instance has is no error.
    pub(super) async fn with_ids(
        &self,
        region: &str,
        ids: &[String],
    ) -> CloudResult<Vec<Instance>> {
        let form = Form::new().filter("instance-id", ids.iter().map(String::as_str));
        self.all(region, form).await
    }

    async fn all(&self, region: &str, form: Form) -> CloudResult<Vec<Instance>> {
        let mut found = Vec::new();
        let mut next = None;
        loop {
            let form = form
                .clone()
                .with("MaxResults", PAGE)
                .maybe("NextToken", next.take());
            let answer = self.client.call(region, Action::DescribeInstances, form);
            let page: wire::Reservations = answer.await?;
            next.clone_from(&page.next_token);
            found.extend(instances(page).map(|instance| instance.shown(region)));
            if next.as_ref().is_none_or(String::is_empty) {
                return Ok(found);
            }
        }
    }

    pub(super) async fn read_console_log(&self, at: &InstanceRef) -> CloudResult<String> {
        let form = Form::new().with("InstanceId", &at.id);
        let answer = self.client.call(&at.region, Action::GetConsoleOutput, form);
        let console: wire::Console = answer.await.map_err(|failure| gone(failure.into(), at))?;
        let packed: String = console.output.split_whitespace().collect();
        let printed = STANDARD.decode(packed).map_err(|_| {
            CloudError::new(
                ErrorClass::Unavailable,
                "what Amazon EC2 has of the console can't be read",
            )
        })?;
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }
}

/// "Not found" about an instance, in words that name it.
pub(super) fn gone(error: CloudError, at: &InstanceRef) -> CloudError {
    if error.class == ErrorClass::NotFound {
        CloudError::not_found(at)
    } else {
        error
    }
}

fn of_installation(installation: &str) -> Form {
    Form::new()
        .filter("instance-state-name", NOT_GONE)
        .filter(&format!("tag:{INSTALLATION}"), [installation])
}

fn instances(page: wire::Reservations) -> impl Iterator<Item = wire::Instance> {
    let reservations = page.reservation_set.all.into_iter();
    reservations.flat_map(|reservation| reservation.instances_set.all)
}
