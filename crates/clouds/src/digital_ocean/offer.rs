//! What DigitalOcean sells: regions and sizes with their prices, and the names of its images.
//!
//! Called by `catalog` reads through [`Cloud::offer`](crate::Cloud::offer), by `create` and `change` for the images, and by
//! `create` for what a region sells. What must stay true: a price is read from the digits that were sent, never through a
//! float.

use std::collections::HashMap;
use std::sync::Arc;

use domain::{Image, Plan, Region};
use serde_json::Value;

use super::{DigitalOcean, errors, wire};
use crate::cloud::{CloudResult, Offer};
use crate::text::decimal;

/// All of DigitalOcean's prices are in dollars.
const CURRENCY: &str = "USD";

/// The slugs of the regions that sell a size, by the size's.
pub(super) type SoldIn = HashMap<String, Vec<String>>;

// === impl DigitalOcean ===

impl DigitalOcean {
    /// Images are the operator's own, which are known by their distribution.
    pub(super) async fn read_offer(&self) -> CloudResult<Offer> {
        let (regions, sizes) = tokio::try_join!(
            self.client.list::<wire::Region>(&["regions"], &[]),
            self.client.list::<wire::Size>(&["sizes"], &[]),
        )?;
        let region = |region: wire::Region| Region {
            slug: region.slug,
            name: region.name,
            endpoint: self.client.host().to_owned(),
            country: String::new(),
            open: region.available,
        };
        Ok(Offer {
            regions: regions.into_iter().map(region).collect(),
            plans: sizes.into_iter().filter_map(plan).collect(),
            images: Vec::new(),
            currency: Some(CURRENCY.to_owned()),
        })
    }

    /// Refuses a size that a region does not sell, as DigitalOcean does when there is a firewall for it already.
    pub(super) async fn check_size(&self, size: &str, region: &str) -> CloudResult<()> {
        let ask = async {
            let sizes = self.client.list::<wire::Size>(&["sizes"], &[]).await?;
            let sold = sizes.into_iter().filter(|size| size.available);
            let sold: SoldIn = sold.map(|size| (size.slug, size.regions)).collect();
            CloudResult::Ok(Arc::new(sold))
        };
        let sold = self.sizes.get("", ask).await?;
        let mut regions = sold.get(size).into_iter().flatten();
        if regions.any(|one| one == region) {
            return Ok(());
        }
        Err(errors::rejected(format!("{size} is not sold in {region}")))
    }
}

/// What the slugs of sizes with GPUs begin with.
const WITH_GPUS: &str = "gpu-";

/// A size whose price can't be read is not offered: nobody would know what it costs.
fn plan(size: wire::Size) -> Option<Plan> {
    let hourly = decimal(size.price_hourly.get())?;
    let monthly = decimal(size.price_monthly.get())?;
    let transfer = decimal(size.transfer.get()).unwrap_or_default();
    Some(Plan {
        family: family(&size.slug).to_owned(),
        cpus: size.vcpus,
        memory_mib: size.memory,
        disk_gib: size.disk,
        // Whole ones only: the smallest size has half a terabyte, and more than that is not promised.
        bandwidth_tb: u32::try_from(transfer.0 / 1_000_000).unwrap_or(0),
        hourly,
        monthly,
        // DigitalOcean lists droplets with GPUs only where they alone are asked for, which can't be combined with a tag: one
        // whose create lost its answer would not be found again, and be paid for all the same.
        open: size.available && !size.regions.is_empty() && !size.slug.starts_with(WITH_GPUS),
        slug: size.slug,
    })
}

/// The group of a size, by the letters before its first `-`; a number in them is a generation.
fn family(slug: &str) -> &'static str {
    let series = slug.split('-').next().unwrap_or_default();
    let letters = series.trim_end_matches(|last: char| last.is_ascii_digit() || last == '_');
    match letters {
        "s" => "Basic",
        "g" | "gd" => "General Purpose",
        "c" => "CPU-Optimized",
        "m" => "Memory-Optimized",
        "so" => "Storage-Optimized",
        "gpu" => "GPU",
        _ => "Other",
    }
}

/// What an image is called in a call: a number, or a slug.
pub(super) fn image_id(image: &Image) -> Value {
    let slug = image_slug(image);
    slug.parse::<u64>().map_or(Value::String(slug), Value::from)
}

/// The slug of an image: the one that the operator named for it, where it is in DigitalOcean's form, else the one that
/// DigitalOcean gives to that distribution.
fn image_slug(image: &Image) -> String {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let alias = image.source.alias.as_deref();
    match alias.filter(|alias| !alias.is_empty() && alias.bytes().all(plain)) {
        Some(alias) => alias.to_owned(),
        None => format!("{}-x64", image.distribution.replace('.', "-")),
    }
}

#[cfg(test)]
mod tests {
    use domain::ImageSource;
    use domain::offer::Minimum;

    use super::*;

    #[test]
    fn a_size_is_of_the_family_that_its_slug_begins_with() {
        for (slug, expected) in [
            ("s-1vcpu-1gb-intel", "Basic"),
            ("g-2vcpu-8gb", "General Purpose"),
            ("gd-2vcpu-8gb", "General Purpose"),
            ("c-2", "CPU-Optimized"),
            ("c2-2vcpu-4gb", "CPU-Optimized"),
            ("m3-2vcpu-16gb", "Memory-Optimized"),
            ("so1_5-2vcpu-16gb", "Storage-Optimized"),
            ("gpu-h100x1-80gb", "GPU"),
            ("512mb", "Other"),
        ] {
            assert_eq!(family(slug), expected, "{slug}");
        }
    }

    #[test]
    fn a_size_whose_droplets_could_not_be_found_again_is_not_for_sale() {
        for (slug, open) in [("g-2vcpu-8gb", true), ("gpu-h100x1-80gb", false)] {
            let size = serde_json::json!({
                "slug": slug, "memory": 8192, "vcpus": 2, "disk": 25, "transfer": 4.0, "price_hourly": 0.09375,
                "price_monthly": 63.0, "available": true, "regions": ["nyc3"],
            });
            let size = serde_json::from_str(&size.to_string()).expect("is read");
            let plan = plan(size).expect("has a price");
            assert_eq!((plan.slug.as_str(), plan.open), (slug, open));
        }
    }

    #[test]
    fn an_image_is_known_by_its_distribution_unless_a_slug_is_named() {
        let slug = |distribution: &str, alias: Option<&str>| {
            image_slug(&Image {
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
        assert_eq!(slug("debian-12", None), "debian-12-x64");
        assert_eq!(slug("ubuntu-24.04", None), "ubuntu-24-04-x64");
        assert_eq!(slug("debian-12", Some("debian/12")), "debian-12-x64");
        assert_eq!(slug("debian-12", Some("docker-20-04")), "docker-20-04");
        assert_eq!(slug("debian-12", Some("129211873")), "129211873");
    }
}
