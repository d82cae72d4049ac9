//! What the tests here begin with: an Arcus, a cloud's imitation, and the printed customer of both.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::digital_ocean::{self, StandIn as Ocean};
use testkit::ec2::{self, StandIn as Amazon};
use testkit::{Arcus, Builder, Client};

use crate::printed::{curl, is_id};

/// How long a server may take to become what a test wants: others boot beside it.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// Printed for Amazon.
const ADD_EC2: &str = r#"
curl -X POST "http://s.cloudhero.io:8080/providers"
  -H  "Content-Type: application/json"
  -H "Authentication-Token: meowmeowmeow"
  -d '{"cloud_provider": "ec2", "provider_name": "my-provider",
       "accessKey": "AWSAccessKey",
       "secretKey": "AWSSecretKey"}'
"#;

/// Printed for DigitalOcean.
const ADD_DIGITAL_OCEAN: &str = r#"
curl -X POST "http://s.cloudhero.io:8080/providers"
  -H  "Content-Type: application/json"
  -H "Authentication-Token: meowmeowmeow"
  -d '{"cloud_provider": "digital_ocean", "provider_name": "my-provider",
       "access_token": "DOaccesToken"}'
"#;

/// A cloud's imitation.
pub(super) enum Cloud {
    /// Amazon EC2, as moto has it.
    Moto(String),
    /// Amazon EC2.
    Amazon(Amazon),
    /// DigitalOcean.
    DigitalOcean(Ocean),
}

/// An instance as the cloud itself shows it.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) is_running: bool,
    pub(super) is_stopped: bool,
    pub(super) address: String,
}

/// An Arcus with the customer that is printed, "account", at a cloud. Arcus goes before its cloud does.
pub(super) struct Stage {
    _arcus: Arcus,
    pub(super) client: Client,
    pub(super) cloud: Cloud,
}

// === impl Cloud ===

impl Cloud {
    pub(super) fn moto() -> Option<Self> {
        let moto = std::env::var("ARCUS_TEST_MOTO").ok();
        if moto.is_none() {
            eprintln!("SKIPPED, nothing was tested: ARCUS_TEST_MOTO names no moto");
        }
        moto.map(Self::Moto)
    }

    /// Its kind, as providers have it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Moto(_) | Self::Amazon(_) => "ec2",
            Self::DigitalOcean(_) => "digital_ocean",
        }
    }

    /// The credentials that it takes, by their names.
    pub(super) fn credentials(&self) -> Value {
        match self {
            Self::Moto(_) => {
                json!({"accessKey": "AKIAKK0KKBNK3TDSFZGG", "secretKey": "XR1+CRk9/YlD5jRS0rJod09ds9N5xT+EUsiUAFw"})
            }
            Self::Amazon(_) => json!({"accessKey": ec2::ACCESS_KEY, "secretKey": ec2::SECRET_KEY}),
            Self::DigitalOcean(_) => json!({"access_token": digital_ocean::TOKEN}),
        }
    }

    pub(super) fn region(&self) -> &'static str {
        match self {
            Self::Moto(_) | Self::Amazon(_) => "us-east-1",
            Self::DigitalOcean(_) => "fra1",
        }
    }

    pub(super) fn size(&self) -> &'static str {
        match self {
            Self::Moto(_) | Self::Amazon(_) => "t2.micro",
            Self::DigitalOcean(_) => "s-1vcpu-1gb",
        }
    }

    /// What an operator sets to have Arcus speak to it.
    fn variable(&self) -> (&'static str, String) {
        match self {
            Self::Moto(address) => ("ARCUS_EC2_ENDPOINT", address.clone()),
            Self::Amazon(amazon) => ("ARCUS_EC2_ENDPOINT", amazon.url()),
            Self::DigitalOcean(ocean) => ("ARCUS_DIGITAL_OCEAN_ENDPOINT", ocean.url()),
        }
    }

    /// What there is, by the cloud's own word.
    pub(super) fn instances(&self) -> Vec<Instance> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match self {
            Self::Moto(_) => panic!("moto is not asked"),
            Self::Amazon(amazon) => {
                let living = amazon.living().into_iter();
                let shown = living.map(|instance| Instance {
                    name: instance.tags["Name"].clone(),
                    is_running: instance.state == "running",
                    is_stopped: instance.state == "stopped",
                    address: instance.address.unwrap_or_default(),
                    id: instance.id,
                });
                shown.collect()
            }
            Self::DigitalOcean(ocean) => {
                let droplets = ocean.shown().into_iter();
                let shown = droplets.map(|droplet| Instance {
                    id: droplet["id"].to_string(),
                    name: text(&droplet["name"]),
                    is_running: droplet["status"] == "active",
                    is_stopped: droplet["status"] == "off",
                    address: text(&droplet["networks"]["v4"][1]["ip_address"]),
                });
                shown.collect()
            }
        }
    }

    /// The names that instances have had last, those that are gone among them.
    pub(super) fn last_names(&self) -> Vec<String> {
        match self {
            Self::Moto(_) => panic!("moto is not asked"),
            Self::Amazon(amazon) => {
                let all = amazon.instances().into_iter();
                all.map(|instance| instance.tags["Name"].clone()).collect()
            }
            Self::DigitalOcean(ocean) => {
                let bodies = ocean.calls().into_iter().map(|call| call.body);
                let actions = bodies.filter_map(|body| serde_json::from_str::<Value>(&body).ok());
                let renames = actions.filter(|action| action["type"] == "rename");
                renames
                    .filter_map(|action| action["name"].as_str().map(str::to_owned))
                    .collect()
            }
        }
    }
}

// === impl Stage ===

impl Stage {
    /// Starts Arcus, and registers the customer whose names are printed.
    pub(super) async fn set(builder: Builder, cloud: Cloud) -> Self {
        let (name, value) = cloud.variable();
        let arcus = builder.variable(name, &value).start().await;
        let form = json!({
            "email": "user@email.com", "password": "secretpassword", "password_confirm": "secretpassword",
            "name": "account", "user_name": "user",
        });
        let client = arcus.client();
        let tokens = client.post("/accounts/register", &form).await.ok();
        let client = client.with_token(tokens[0]["persistent_token"].as_str().expect("a token"));
        Self {
            _arcus: arcus,
            client,
            cloud,
        }
    }

    /// Adds the cloud's account by the printed request. What was answered.
    pub(super) async fn add(&self, name: &str) -> Value {
        let credentials = self.cloud.credentials();
        let text = |field: &str| credentials[field].as_str().expect("a text");
        let answer = if self.cloud.kind() == "ec2" {
            let replacements = [
                ("my-provider", name),
                ("AWSAccessKey", text("accessKey")),
                ("AWSSecretKey", text("secretKey")),
            ];
            curl(&self.client, ADD_EC2, &replacements).await
        } else {
            let replacements = [
                ("my-provider", name),
                ("DOaccesToken", text("access_token")),
            ];
            curl(&self.client, ADD_DIGITAL_OCEAN, &replacements).await
        };
        answer.ok()
    }

    /// Adds the account "aws", and makes the application "dev 1". Their ids.
    pub(super) async fn equip(&self) -> (String, String) {
        let added = self.add("aws").await;
        let added = added.get(0).unwrap_or(&added);
        let body = json!({"application_name": "dev 1", "application_type": "custom"});
        let application = self.client.post("/applications", &body).await.ok();
        let id = |value: &Value| {
            assert!(is_id(&value["id"]), "{value}");
            value["id"].as_str().expect("an id").to_owned()
        };
        (id(added), id(&application[0]))
    }

    /// What stands under the account "aws" in an answer, by the servers' names.
    pub(super) fn servers<'a>(&self, answer: &'a Value) -> Vec<(&'a str, &'a Value)> {
        let kind = self.cloud.kind();
        let account = format!("account-user-aws-{}", kind.replace('_', "-"));
        let servers = answer["std_out"][account][kind].as_object();
        let servers = servers.unwrap_or_else(|| panic!("no servers of {kind} in {answer}"));
        servers
            .iter()
            .map(|(name, said)| (name.as_str(), said))
            .collect()
    }

    /// The cloud's own instance of that name.
    pub(super) fn instance(&self, name: &str) -> Instance {
        let all = self.cloud.instances().into_iter();
        let found = all.into_iter().find(|instance| instance.name == name);
        found.unwrap_or_else(|| panic!("the cloud has no {name}"))
    }

    /// The environment as the list shows it.
    pub(super) async fn environment(&self, id: &str) -> Value {
        let all = self.client.get("/environments").await.ok();
        let found = all.as_array().expect("an array").iter();
        let mut found = found.filter(|environment| environment["id"] == id);
        found.next().expect("is listed").clone()
    }
}
