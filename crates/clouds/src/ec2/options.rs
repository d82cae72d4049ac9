//! What the driver is opened with: the options of a region, and the names of Amazon's regions.
//!
//! Read once by [`open`](super::KIND). What must stay true: customers send credentials and never options, so that only
//! the operator can name an `endpoint`; and the name of a region becomes part of a host's name only when it can be one.
//!
//! | option | meaning | without it |
//! |---|---|---|
//! | `endpoint` | where calls for all regions go, such as a stand-in for tests | `https://ec2.REGION.amazonaws.com` |
//! | `aws_region` | the region of Amazon's that this region of the house is | the region's own slug |
//! | `subnet` | the subnet of new instances | one of the default VPC's |

use reqwest::Url;

use super::errors::rejected;
use crate::cloud::CloudResult;
use crate::registry::{ENDPOINT, Form, RegionOption, Settings};

/// Where what all regions have in common is asked.
pub(super) const DEFAULT_REGION: &str = "us-east-1";

/// What the operator may set for a region.
pub const REGION: &[RegionOption] = &[
    ENDPOINT,
    option(
        "aws_region",
        "The region of Amazon's that it is, where that has another name",
    ),
    option("subnet", "The subnet of new servers"),
];

const fn option(name: &'static str, description: &'static str) -> RegionOption {
    RegionOption {
        name,
        form: Form::Text,
        description,
    }
}

/// The options, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Options {
    /// The slug of the house's region; of no meaning for a customer's account.
    pub(super) region: String,
    /// The region of Amazon's behind it.
    pub(super) aws_region: Option<String>,
    /// Where all calls go, instead of each region's own host.
    pub(super) endpoint: Option<Url>,
    /// The subnet of new instances.
    pub(super) subnet: Option<String>,
}

// === impl Options ===

impl Options {
    /// Reads and checks them.
    pub(super) fn read(settings: &Settings) -> CloudResult<Self> {
        let text = |name| {
            settings
                .text(name)
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let aws_region = text("aws_region");
        if let Some(region) = &aws_region {
            checked(region)?;
        }
        let endpoint = text("endpoint").map(|url| {
            Url::parse(&url)
                .ok()
                .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
                .ok_or_else(|| rejected("endpoint is an address such as http://127.0.0.1:5000"))
        });
        Ok(Self {
            region: settings.region.clone(),
            aws_region,
            endpoint: endpoint.transpose()?,
            subnet: text("subnet"),
        })
    }

    /// Amazon's name for a region of ours.
    pub(super) fn amazons<'a>(&'a self, region: &'a str) -> &'a str {
        self.aws_region.as_deref().unwrap_or(region)
    }

    /// Where what all regions have in common is asked.
    pub(super) fn common(&self) -> &str {
        self.amazons(DEFAULT_REGION)
    }

    /// Where the calls for one of Amazon's regions go.
    pub(super) fn url(&self, aws_region: &str) -> CloudResult<Url> {
        if let Some(endpoint) = &self.endpoint {
            return Ok(endpoint.clone());
        }
        let host = host(checked(aws_region)?);
        Url::parse(&format!("https://{host}/"))
            .map_err(|_| rejected(format!("there is no region {aws_region:?}")))
    }
}

/// The host that serves a region's API.
fn host(aws_region: &str) -> String {
    let china = if aws_region.starts_with("cn-") {
        ".cn"
    } else {
        ""
    };
    format!("ec2.{aws_region}.amazonaws.com{china}")
}

/// Refuses what would lead a call elsewhere than to Amazon.
fn checked(region: &str) -> CloudResult<&str> {
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_name = (2..=32).contains(&region.len())
        && region.starts_with(|first: char| first.is_ascii_lowercase())
        && !region.ends_with('-')
        && region.bytes().all(letters);
    if is_name {
        Ok(region)
    } else {
        Err(rejected(format!("Amazon has no region {region:?}")))
    }
}

#[cfg(test)]
mod tests {
    use domain::credentials::Credentials;
    use serde_json::{Value, json};

    use super::*;
    use crate::Budget;

    fn read(options: &Value) -> CloudResult<Options> {
        Options::read(&Settings {
            region: "us-east-1".to_owned(),
            options: options.as_object().cloned().expect("an object"),
            credentials: Credentials::default(),
            budget: Budget::default(),
        })
    }

    #[test]
    fn every_region_is_served_by_its_own_host() {
        let options = read(&json!({})).expect("valid");
        for (region, host) in [
            ("us-east-1", "ec2.us-east-1.amazonaws.com"),
            ("cn-north-1", "ec2.cn-north-1.amazonaws.com.cn"),
        ] {
            let url = options.url(region).expect("a region");
            assert_eq!(url.as_str(), format!("https://{host}/"));
        }
    }

    #[test]
    fn a_region_that_would_lead_elsewhere_is_refused() {
        let options = read(&json!({})).expect("valid");
        for region in [
            "",
            "a",
            "evil.com/",
            "us-east-1.evil",
            "US-EAST-1",
            "x@y",
            "-us",
            "us-",
        ] {
            assert!(options.url(region).is_err(), "{region}");
        }
    }

    #[test]
    fn an_endpoint_is_an_address_over_http() {
        for wrong in ["127.0.0.1:5000", "ftp://host", "unix:///socket"] {
            assert!(read(&json!({ "endpoint": wrong })).is_err(), "{wrong}");
        }
        let options = read(&json!({ "endpoint": "http://127.0.0.1:5000" })).expect("valid");
        let url = options.url("eu-west-1").expect("an address");
        assert_eq!(url.as_str(), "http://127.0.0.1:5000/");
    }
}
