//! Where an image comes from: an alias at the Incus server itself, else a simplestreams server that it pulls from.
//!
//! Called by `create` and `change` before they touch anything, so that a missing image costs nobody a running server.

use domain::Image;
use serde_json::{Value, json};

use super::Incus;
use super::wire::Alias;
use crate::cloud::{CloudError, CloudResult, ErrorClass};

// === impl Incus ===

impl Incus {
    /// The source of an instance, as Incus's requests name it.
    pub(super) async fn image_source(&self, image: &Image) -> CloudResult<Value> {
        let source = &image.source;
        if let Some(alias) = &source.alias
            && self.has_image(alias).await?
        {
            return Ok(json!({ "type": "image", "alias": alias }));
        }
        match (&source.server, &source.remote_alias) {
            (Some(server), Some(alias)) => Ok(json!({
                "type": "image",
                "mode": "pull",
                "protocol": "simplestreams",
                "server": server,
                "alias": alias,
            })),
            _ => Err(CloudError::new(ErrorClass::Rejected, self.missing(image))),
        }
    }

    /// Whether there is an image of that alias and of the type that is made here.
    async fn has_image(&self, alias: &str) -> CloudResult<bool> {
        match self
            .client
            .get::<Alias>(&["images", "aliases", alias])
            .await
        {
            Ok(found) => Ok(found.kind.is_empty() || found.kind == self.options.instance_type()),
            Err(error) if error.class == ErrorClass::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn missing(&self, image: &Image) -> String {
        let kind = if self.options.vm {
            "virtual machines"
        } else {
            "containers"
        };
        match &image.source.alias {
            Some(alias) => format!(
                "the Incus server has no image {alias} for {kind}, and {} names no image server to fetch it from",
                image.slug
            ),
            None => format!("the image {} can't be had at an Incus server", image.slug),
        }
    }
}
