//! Which of Amazon's images (AMIs) a server is made from: the newest of a distribution, by who publishes it.
//!
//! Called by `create`. What must stay true: an image is chosen by its owner's account number and never by its name alone,
//! since anybody may publish an image of any name.

use super::action::Action;
use super::create::Base;
use super::errors::rejected;
use super::form::Form;
use super::{Ec2, wire};
use crate::cloud::CloudResult;
use domain::Image;

/// A publisher of images: distributions that begin with `prefix`, by `owner`, under names such as `name` with the
/// release for `{}`.
struct Publisher {
    prefix: &'static str,
    owner: &'static str,
    name: &'static str,
}

/// The account numbers are those that Debian and Canonical publish.
const PUBLISHERS: &[Publisher] = &[
    Publisher {
        prefix: "debian-",
        owner: "136693071363",
        name: "debian-{}-amd64-*",
    },
    Publisher {
        prefix: "ubuntu-",
        owner: "099720109477",
        name: "ubuntu/images/hvm-ssd*/ubuntu-*-{}-amd64-server-*",
    },
];

// === impl Ec2 ===

impl Ec2 {
    /// What a server of that image starts from in a region.
    pub(super) async fn image(&self, region: &str, image: &Image) -> CloudResult<Base> {
        let alias = image.source.alias.as_deref().unwrap_or_default();
        let form = if alias.starts_with("ami-") {
            Form::new().list("ImageId", [alias])
        } else {
            published(&image.distribution)?
        };
        let key = format!("{region}/{alias}/{}", image.distribution);
        let newest = self.newest(region, form, image);
        self.images.get(&key, newest).await
    }

    async fn newest(&self, region: &str, form: Form, image: &Image) -> CloudResult<Base> {
        let answer = self.client.call(region, Action::DescribeImages, form);
        let found: wire::Images = answer.await?;
        // Dates in one form: the order of the letters is that of time.
        let newest = found
            .images_set
            .all
            .into_iter()
            .max_by(|one, other| one.creation_date.cmp(&other.creation_date));
        newest.map(Base::from).ok_or_else(|| {
            rejected(format!(
                "Amazon EC2 has no image of {} in {region}",
                image.distribution
            ))
        })
    }
}

fn published(distribution: &str) -> CloudResult<Form> {
    let found = PUBLISHERS.iter().find_map(|publisher| {
        let release = distribution.strip_prefix(publisher.prefix)?;
        // What the release could widen the search with is not part of any.
        let is_release = |byte: u8| byte.is_ascii_digit() || byte == b'.';
        (!release.is_empty() && release.bytes().all(is_release)).then_some((publisher, release))
    });
    let (publisher, release) = found.ok_or_else(|| {
        rejected(format!(
            "it is not known who publishes {distribution:?} on Amazon EC2: give the image the alias of an AMI"
        ))
    })?;
    Ok(Form::new()
        .list("Owner", [publisher.owner])
        .filter("name", [publisher.name.replace("{}", release).as_str()])
        .filter("architecture", ["x86_64"])
        .filter("state", ["available"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(distribution: &str) -> Option<(String, String)> {
        let form = published(distribution).ok()?;
        let value = |name: &str| {
            let found = form.fields().iter().find(|(field, _)| field == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        Some((value("Owner.1"), value("Filter.1.Value.1")))
    }

    #[test]
    fn a_distribution_is_looked_for_at_who_publishes_it() {
        let debian = asked("debian-13").expect("is known");
        assert_eq!(debian.0, "136693071363");
        assert_eq!(debian.1, "debian-13-amd64-*");
        let ubuntu = asked("ubuntu-24.04").expect("is known");
        assert_eq!(ubuntu.0, "099720109477");
        assert_eq!(
            ubuntu.1,
            "ubuntu/images/hvm-ssd*/ubuntu-*-24.04-amd64-server-*"
        );
        for unknown in ["arch", "debian-", "debian-*", "ubuntu-noble", ""] {
            assert_eq!(asked(unknown), None, "{unknown}");
        }
    }
}
