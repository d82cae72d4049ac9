//! Images: Hetzner has one of each name for each architecture, and a server type is of one of those.
//!
//! Called by `create` and `change`. What must stay true: an image is chosen by the architecture that it will run on.

use domain::Image;

use super::wire;
use super::{Hetzner, errors};
use crate::cloud::CloudResult;

// === impl Hetzner ===

impl Hetzner {
    /// The id of an image of Hetzner's own, for that architecture; or the one that the operator has named by its number.
    pub(super) async fn system_image(&self, image: &Image, architecture: &str) -> CloudResult<u64> {
        let name = name_of(image);
        if let Ok(id) = name.parse() {
            return Ok(id);
        }
        let ask = async {
            let parameters = [
                ("type", "system"),
                ("name", name.as_str()),
                ("architecture", architecture),
                ("include_deprecated", "true"),
            ];
            let found: Vec<wire::Image> = self.client.list(&["images"], &parameters).await?;
            // The newest, where there are several.
            let newest = found.iter().map(|image| image.id).max();
            newest.ok_or_else(|| {
                errors::rejected(format!(
                    "Hetzner Cloud has no image {name} for the architecture {architecture}"
                ))
            })
        };
        self.images
            .get(&format!("{architecture}/{name}"), ask)
            .await
    }
}

/// The name or number of an image: the one that the operator gave for it, where it is in Hetzner's form, else the one that
/// Hetzner gives to that distribution, which is ours.
fn name_of(image: &Image) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    let alias = image.source.alias.as_deref();
    let alias = alias.filter(|alias| !alias.is_empty() && alias.bytes().all(plain));
    alias.unwrap_or(&image.distribution).to_owned()
}

#[cfg(test)]
mod tests {
    use domain::ImageSource;
    use domain::offer::Minimum;

    use super::*;

    #[test]
    fn an_image_is_known_by_its_distribution_unless_a_name_is_given() {
        let name = |distribution: &str, alias: Option<&str>| {
            name_of(&Image {
                slug: "image".to_owned(),
                name: "Image".to_owned(),
                distribution: distribution.to_owned(),
                login_user: "root".to_owned(),
                source: ImageSource {
                    alias: alias.map(str::to_owned),
                    ..ImageSource::default()
                },
                packages: Vec::new(),
                minimum: Minimum::default(),
                open: true,
            })
        };
        assert_eq!(name("debian-12", None), "debian-12");
        assert_eq!(name("ubuntu-24.04", Some("ubuntu/24.04")), "ubuntu-24.04");
        assert_eq!(name("debian-12", Some("rocky-9")), "rocky-9");
        assert_eq!(name("debian-12", Some("4711")), "4711");
    }
}
