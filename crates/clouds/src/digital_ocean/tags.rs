//! Tags: whose a droplet is. Written with the create, or here where a droplet is put under another owner.
//!
//! Called by `change`, `marks`, `firewall` and the wait for the end. What must stay true: a droplet gets its new tags
//! before it loses the old ones, so that it is never nobody's; and a tag is deleted only when no droplet bears it, since
//! that would take it from all.

use reqwest::Method;
use serde_json::{Value, json};

use super::wire::Droplet;
use super::{DigitalOcean, errors, names};
use crate::cloud::{CloudResult, ErrorClass, InstanceRef, Tag};

// === impl DigitalOcean ===

impl DigitalOcean {
    pub(super) async fn adopt_droplet(&self, at: &InstanceRef, tag: &Tag) -> CloudResult<()> {
        let ours = [names::token(tag)?, names::installation(&tag.installation)?];
        let droplet = self.describe(at).await?;
        for tag in ours.iter().filter(|tag| !droplet.bears(tag)) {
            self.put_tag(droplet.id, tag).await?;
        }
        self.take_owners(droplet, &ours).await
    }

    pub(super) async fn release_droplet(&self, at: &InstanceRef) -> CloudResult<()> {
        let droplet = self.describe(at).await?;
        self.take_owners(droplet, &[]).await
    }

    /// Takes off those tags that say whose it is, but for some.
    async fn take_owners(&self, droplet: Droplet, staying: &[String]) -> CloudResult<()> {
        let old = droplet.tags.into_iter();
        let stays = |tag: &str| staying.iter().any(|one| one == tag);
        let old = old.filter(|tag| names::is_owners(tag) && !stays(tag));
        let mut old: Vec<_> = old.collect();
        // By the installation's it is listed, where only some are taken off.
        old.sort_by_key(|tag| !names::is_of_one(tag));
        for tag in old {
            self.take_tag(droplet.id, &tag).await?;
            self.forget(droplet.id, &[tag]).await;
        }
        Ok(())
    }

    /// Notes the tags of a droplet that is to go.
    pub(super) async fn remember(&self, droplet: &Droplet) {
        let mut leaving = self.leaving.lock().await;
        leaving.insert(droplet.id, droplet.tags.clone());
    }

    /// Deletes what one that is gone alone bore.
    pub(super) async fn forget_gone(&self, droplet: u64) {
        let tags = self.leaving.lock().await.remove(&droplet);
        self.forget(droplet, &tags.unwrap_or_default()).await;
    }

    /// Makes a tag, which may be there already.
    pub(super) async fn make_tag(&self, tag: &str) -> CloudResult<()> {
        let body = json!({ "name": tag });
        match self
            .client
            .change(Method::POST, &["tags"], Some(&body))
            .await
        {
            Err(error) if errors::is_taken(&error) => Ok(()),
            made => made,
        }
    }

    pub(super) async fn has_tag(&self, tag: &str) -> CloudResult<bool> {
        match self.client.get::<Value>(&["tags", tag]).await {
            Err(error) if error.class == ErrorClass::NotFound => Ok(false),
            known => known.map(|_| true),
        }
    }

    /// Puts a tag on a droplet.
    pub(super) async fn put_tag(&self, droplet: u64, tag: &str) -> CloudResult<()> {
        self.make_tag(tag).await?;
        let path = ["tags", tag, "resources"];
        let body = resources(droplet);
        self.client.change(Method::POST, &path, Some(&body)).await
    }

    /// Takes a tag off a droplet.
    async fn take_tag(&self, droplet: u64, tag: &str) -> CloudResult<()> {
        let path = ["tags", tag, "resources"];
        let body = resources(droplet);
        let taken = self.client.change(Method::DELETE, &path, Some(&body));
        match taken.await {
            Err(error) if error.class == ErrorClass::NotFound => Ok(()),
            taken => taken,
        }
    }

    /// Deletes those tags that a droplet alone bore, where it bears them no more: an account would fill up with them. The
    /// list of a tag may show it for a while yet. Nothing depends on it, so a failure is only told.
    async fn forget(&self, droplet: u64, tags: &[String]) {
        for tag in tags.iter().filter(|tag| names::is_of_one(tag)) {
            let forgotten = async {
                let bearers = self.tagged(tag).await?;
                if bearers.iter().all(|bearer| bearer.id == droplet) {
                    self.delete_tag(tag).await?;
                }
                CloudResult::Ok(())
            };
            if let Err(error) = forgotten.await {
                tracing::debug!(%error, tag, "a tag of a droplet that is gone stays behind");
            }
        }
    }

    /// Deletes a tag, from all that bears it.
    pub(super) async fn delete_tag(&self, tag: &str) -> CloudResult<()> {
        match self
            .client
            .change(Method::DELETE, &["tags", tag], None)
            .await
        {
            Err(error) if error.class == ErrorClass::NotFound => Ok(()),
            deleted => deleted,
        }
    }
}

fn resources(droplet: u64) -> Value {
    let id = droplet.to_string();
    json!({ "resources": [{ "resource_id": id, "resource_type": "droplet" }] })
}
