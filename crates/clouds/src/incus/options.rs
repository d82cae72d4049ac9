//! What the driver is opened with: the options of a region, and which address may be spoken to.
//!
//! Read once by [`open`](super::KIND). What must stay true: only settings with `local` open a Unix socket. Customers
//! send credentials and never options, so they can't set it.
//!
//! | option | meaning | without it |
//! |---|---|---|
//! | `url` | `unix:///path`, `/path` or `https://host:8443` | the credentials' `url` |
//! | `local` | the operator's own region: a Unix socket is allowed | false |
//! | `private_networks` | private and loopback addresses are allowed; so with `local` | false |
//! | `name` | what users read for the region | the server's own name |
//! | `project` | the Incus project | `default` |
//! | `target` | the cluster member, or `@group`, that new instances go to | Incus chooses |
//! | `profiles` | the profiles of new instances, an array | `["default"]` |
//! | `pool` | the storage pool of root disks | the profiles' |
//! | `network` | the network of `eth0` | the profiles' |
//! | `vm` | virtual machines instead of containers | false |

use std::path::PathBuf;

use reqwest::Url;
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::cloud::{CloudError, CloudResult, ErrorClass};
use crate::registry::{Form, RegionOption, Settings};

/// What the operator may set for a region. The rest of the table above is for Arcus itself to set.
pub const REGION: &[RegionOption] = &[
    option(
        "url",
        Form::Text,
        "Where it listens: `unix:///var/lib/incus/unix.socket` or `https://HOST:8443`",
    ),
    option("project", Form::Text, "The Incus project"),
    option(
        "target",
        Form::Text,
        "The member or group of the Incus cluster for new servers",
    ),
    option("profiles", Form::Names, "A profile of new servers"),
    option("pool", Form::Text, "The storage pool of new servers"),
    option("network", Form::Text, "The network of new servers"),
    option("vm", Form::Flag, "Make virtual machines, not containers"),
];

const fn option(name: &'static str, form: Form, description: &'static str) -> RegionOption {
    RegionOption {
        name,
        form,
        description,
    }
}

/// Where an Incus server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// On this machine.
    Unix(PathBuf),
    /// Over TLS; scheme, host and port only.
    Https(Url),
}

/// The options, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The region's slug.
    pub region: String,
    /// What users read for the region.
    pub name: Option<String>,
    /// Where the server listens.
    pub endpoint: Endpoint,
    /// Whether only public addresses may be spoken to.
    pub public_only: bool,
    /// The Incus project.
    pub project: String,
    /// The cluster member or group for new instances.
    pub target: Option<String>,
    /// The profiles of new instances.
    pub profiles: Vec<String>,
    /// The pool of root disks, where it isn't the profiles'.
    pub pool: Option<String>,
    /// The network of `eth0`, where it isn't the profiles'.
    pub network: Option<String>,
    /// Virtual machines instead of containers.
    pub vm: bool,
}

// === impl Options ===

impl Options {
    /// Reads and checks them.
    pub fn read(settings: &Settings) -> CloudResult<Self> {
        let text = |name| {
            settings
                .text(name)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let given = settings
            .credentials
            .get("url")
            .map(|url| url.expose_secret().to_owned());
        let url = text("url").or(given).unwrap_or_default();
        let endpoint = Endpoint::parse(url.trim(), settings.flag("local"))?;
        let public_only = !settings.flag("local") && !settings.flag("private_networks");
        if let (true, Endpoint::Https(url)) = (public_only, &endpoint) {
            crate::outgoing::check(url)?;
        }
        Ok(Self {
            region: settings.region.clone(),
            name: text("name"),
            endpoint,
            public_only,
            project: text("project").unwrap_or_else(|| "default".to_owned()),
            target: text("target"),
            profiles: profiles(settings.options.get("profiles"))?,
            pool: text("pool"),
            network: text("network"),
            vm: settings.flag("vm"),
        })
    }

    /// Incus's word for what it makes here.
    pub fn instance_type(&self) -> &'static str {
        if self.vm {
            "virtual-machine"
        } else {
            "container"
        }
    }
}

fn profiles(value: Option<&Value>) -> CloudResult<Vec<String>> {
    match value {
        None | Some(Value::Null) => Ok(vec!["default".to_owned()]),
        Some(Value::Array(names)) => names
            .iter()
            .map(|name| name.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| rejected("profiles is an array of names")),
        Some(_) => Err(rejected("profiles is an array of names")),
    }
}

// === impl Endpoint ===

impl Endpoint {
    fn parse(url: &str, local: bool) -> CloudResult<Self> {
        if url.is_empty() {
            return Err(rejected("the url of the Incus server is missing"));
        }
        if url.starts_with("https://") {
            return https(url);
        }
        if !local {
            return Err(rejected("the url of an Incus server begins with https://"));
        }
        let path = url.strip_prefix("unix://").unwrap_or(url);
        if path.starts_with('/') {
            Ok(Self::Unix(PathBuf::from(path)))
        } else {
            Err(rejected(
                "the url is https://host:8443, unix:///path or /path",
            ))
        }
    }

    /// What calls are addressed to. The host of a Unix socket is a name that nothing resolves.
    pub fn base(&self) -> CloudResult<Url> {
        match self {
            Self::Https(url) => Ok(url.clone()),
            Self::Unix(_) => Url::parse("http://incus.invalid/")
                .map_err(|error| rejected(&format!("the url can't be used: {error}"))),
        }
    }

    /// What users read.
    pub fn shown(&self) -> String {
        match self {
            Self::Https(url) => {
                let host = url.host_str().unwrap_or_default();
                url.port()
                    .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
            }
            Self::Unix(_) => "local".to_owned(),
        }
    }
}

fn https(url: &str) -> CloudResult<Endpoint> {
    let url =
        Url::parse(url).map_err(|error| rejected(&format!("the url is not valid: {error}")))?;
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none();
    if bare && url.has_host() {
        Ok(Endpoint::Https(url))
    } else {
        Err(rejected(
            "the url holds a host and a port and nothing else, such as https://host:8443",
        ))
    }
}

fn rejected(message: &str) -> CloudError {
    CloudError::new(ErrorClass::Rejected, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unix_socket_is_for_the_operator_alone() {
        for url in [
            "unix:///var/lib/incus/unix.socket",
            "/var/lib/incus/unix.socket",
        ] {
            let path = PathBuf::from("/var/lib/incus/unix.socket");
            assert_eq!(
                Endpoint::parse(url, true).expect("allowed"),
                Endpoint::Unix(path)
            );
            assert_eq!(
                Endpoint::parse(url, false).expect_err("refused").class,
                ErrorClass::Rejected
            );
        }
    }

    #[test]
    fn only_https_is_spoken_over_the_network() {
        for (url, local) in [
            ("http://host:8443", true),
            ("http://host", false),
            ("host:8443", true),
            ("", true),
        ] {
            assert!(Endpoint::parse(url, local).is_err(), "{url}");
        }
        for url in [
            "https://u:p@host",
            "https://host/1.0",
            "https://host/?a=b",
            "https://",
        ] {
            assert!(Endpoint::parse(url, false).is_err(), "{url}");
        }
        assert_eq!(
            Endpoint::parse("https://host:8443", false)
                .expect("valid")
                .shown(),
            "host:8443"
        );
    }
}
