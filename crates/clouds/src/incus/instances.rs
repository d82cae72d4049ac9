//! Instances as Incus shows them: one, those with a tag, those of an installation; and putting one under our tag.
//!
//! What must stay true: an instance that Incus can't describe just now (a member of its cluster is away) is an error
//! and never a gap in a list, since a server that is missing from a list counts as gone.

use std::time::Duration;

use futures::future::try_join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::shown::{INSTALLATION, NAME, TOKEN, UNREACHABLE};
use super::wire::{self, State};
use super::{Incus, names};
use crate::cloud::{CloudError, CloudResult, ErrorClass, Instance, InstanceRef, Tag};

/// How long a list waits for an instance that it can't describe to become one that it can, or none.
const FLUX_LIMIT: Duration = Duration::from_secs(10);

// === impl Incus ===

impl Incus {
    pub(super) async fn get_instance(&self, at: &InstanceRef) -> CloudResult<Instance> {
        Ok(self.with_state(at).await?.shown(&at.region))
    }

    /// An instance with its state, where that can be had.
    pub(super) async fn with_state(&self, at: &InstanceRef) -> CloudResult<wire::Instance> {
        let path = ["instances", names::checked(at)?];
        match self.client.query(&path, &[("recursion", "1")]).await {
            // Its processes ended while Incus counted them. Without them there is no address to show either.
            Err(error) if error.class == ErrorClass::Rejected => self.describe(at).await,
            result => result,
        }
    }

    /// An instance without its state and snapshots, which costs Incus less.
    pub(super) async fn describe(&self, at: &InstanceRef) -> CloudResult<wire::Instance> {
        self.client.get(&["instances", names::checked(at)?]).await
    }

    pub(super) async fn state(&self, at: &InstanceRef) -> CloudResult<State> {
        self.client
            .get(&["instances", names::checked(at)?, "state"])
            .await
    }

    /// [`state`](Self::state), for those who can't do without: where its processes ended while Incus counted them, it is
    /// asked again later.
    pub(super) async fn state_now(&self, at: &InstanceRef) -> CloudResult<State> {
        match self.state(at).await {
            Err(error) if error.class == ErrorClass::Rejected => {
                Err(CloudError::new(ErrorClass::Unavailable, error.message))
            }
            result => result,
        }
    }

    pub(super) async fn find_instances(
        &self,
        region: &str,
        tag: &Tag,
    ) -> CloudResult<Vec<Instance>> {
        check(tag)?;
        // Incus gathers the state of every instance before it filters, so only the few that are found are asked.
        let seen = self.filtered(TOKEN, &tag.token, "1").await?;
        let ours = seen
            .iter()
            .filter(|instance| instance.tag().as_ref() == Some(tag));
        let with_state = ours.map(|instance| async {
            let at = InstanceRef {
                region: region.to_owned(),
                id: instance.name.clone(),
            };
            present(self.get_instance(&at).await)
        });
        Ok(try_join_all(with_state)
            .await?
            .into_iter()
            .flatten()
            .collect())
    }

    pub(super) async fn list_instances(
        &self,
        region: &str,
        installation: &str,
    ) -> CloudResult<Vec<Instance>> {
        check_value(installation)?;
        let seen = self.filtered(INSTALLATION, installation, "2").await?;
        let ours = seen.iter().filter(|instance| {
            instance
                .config
                .get(INSTALLATION)
                .is_some_and(|value| value == installation)
        });
        Ok(ours.map(|instance| instance.shown(region)).collect())
    }

    pub(super) async fn adopt_instance(&self, at: &InstanceRef, tag: &Tag) -> CloudResult<()> {
        check(tag)?;
        let instance = self.describe(at).await?;
        let name = instance.shown_name().to_owned();
        let config = json!({ INSTALLATION: tag.installation, TOKEN: tag.token, NAME: name });
        self.patch(&instance, json!({ "config": config })).await
    }

    pub(super) async fn release_instance(&self, at: &InstanceRef) -> CloudResult<()> {
        let instance = self.describe(at).await?;
        // Incus keeps no setting that is empty.
        let config = json!({ INSTALLATION: "", TOKEN: "", NAME: "" });
        self.patch(&instance, json!({ "config": config })).await
    }

    /// Changes some of an instance's settings and leaves the others.
    pub(super) async fn patch(
        &self,
        instance: &wire::Instance,
        mut body: Value,
    ) -> CloudResult<()> {
        // Incus empties a description that isn't sent along.
        body["description"] = Value::from(instance.description.as_str());
        self.client
            .change(
                Method::PATCH,
                &["instances", &instance.name],
                &[],
                Some(&body),
            )
            .await
            .map(drop)
    }

    /// The instances with that value. Incus matches without regard to case, so callers look again.
    async fn filtered(
        &self,
        key: &str,
        value: &str,
        recursion: &str,
    ) -> CloudResult<Vec<wire::Instance>> {
        let filter = format!("config.{key} eq {value} or status eq {UNREACHABLE}");
        let parameters = [("recursion", recursion), ("filter", &filter)];
        let seen: Vec<wire::Instance> = self.client.query(&["instances"], &parameters).await?;
        let described = seen.into_iter().map(|instance| async {
            if instance.is_described() {
                Ok(Some(instance))
            } else {
                self.look_closer(&instance.name).await
            }
        });
        Ok(try_join_all(described)
            .await?
            .into_iter()
            .flatten()
            .collect())
    }

    /// Looks at an instance that a list couldn't describe: one that is just being destroyed is shown so too, and is
    /// gone in a moment.
    async fn look_closer(&self, id: &str) -> CloudResult<Option<wire::Instance>> {
        let path = ["instances", id];
        let look = || self.client.get::<wire::Instance>(&path);
        match present(look().await) {
            Ok(None) => return Ok(None),
            Ok(Some(instance)) if instance.is_described() => return Ok(Some(instance)),
            // How its operation ends is seen by looking again.
            _ => drop(self.settle_within(id, FLUX_LIMIT).await),
        }
        match present(look().await)? {
            Some(instance) if !instance.is_described() => Err(CloudError::new(
                ErrorClass::Unavailable,
                format!("Incus can't say what {id} is doing; its machine may be away"),
            )),
            instance => Ok(instance),
        }
    }
}

/// What is gone is no failure of a list.
fn present<T>(result: CloudResult<T>) -> CloudResult<Option<T>> {
    match result {
        Err(error) if error.class == ErrorClass::NotFound => Ok(None),
        result => result.map(Some),
    }
}

/// A tag becomes a part of a filter, where spaces and patterns would mean something.
pub(super) fn check(tag: &Tag) -> CloudResult<()> {
    check_value(&tag.installation)?;
    check_value(&tag.token)
}

fn check_value(value: &str) -> CloudResult<()> {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    if !value.is_empty() && value.bytes().all(harmless) {
        Ok(())
    } else {
        Err(CloudError::new(
            ErrorClass::Rejected,
            "a tag holds letters, digits and - _ . :",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_that_would_change_the_filter_is_refused() {
        for value in ["", "a b", "a or status eq Running", ".*", "(x)", "\"x\""] {
            let tag = Tag {
                installation: "arcus".to_owned(),
                token: value.to_owned(),
            };
            assert!(check(&tag).is_err(), "{value}");
        }
    }
}
