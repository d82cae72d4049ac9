//! What most tests of single servers begin with: a region where servers are sold, and a customer who has logged in.

use std::time::Duration;

use serde_json::Value;

use crate::{Arcus, Builder, Client, Method, wait};

/// How long an event may take at the simulated cloud.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running Arcus whose operator sells in the region `ist2` (and not in `ist1`), with one customer.
pub struct Shop {
    /// The running Arcus.
    pub arcus: Arcus,
    /// The customer, `my@email.com`, with a token of CloudHero's API.
    pub owner: Client,
    /// The same with a token of Cloude.ro's.
    pub customer: Client,
}

// === impl Shop ===

impl Shop {
    /// Starts Arcus and opens the shop.
    pub async fn open(builder: Builder) -> Self {
        Self::on(builder.start().await).await
    }

    /// Opens the shop in an Arcus where nobody has registered.
    pub async fn on(arcus: Arcus) -> Self {
        for (slug, name, state) in [("ist1", "Ist-01", "--closed"), ("ist2", "Ist-02", "--open")] {
            let add = ["region", "add", slug, "--cloud=sandbox", "--country=TR"];
            arcus.tell(&[&add[..], &["--name", name, state]].concat(), "");
        }
        let image = ["image", "add", "ubuntu-16-04-x64", "--name=Ubuntu 16.04.3"];
        let source = ["--distribution=ubuntu-22.04", "--alias=ubuntu/16.04"];
        arcus.tell(&[&image[..], &source].concat(), "");
        let (owner, customer) = Self::join(&arcus, "company name", "my@email.com").await;
        Self {
            arcus,
            owner,
            customer,
        }
    }

    /// Another customer, with a token of CloudHero's API and one of Cloude.ro's.
    pub async fn join(arcus: &Arcus, organisation: &str, email: &str) -> (Client, Client) {
        let owner = arcus.client().register(organisation, email).await;
        let tokens = Self::log_in(&owner, email).await;
        let customer = owner.with_bearer(tokens["token"].as_str().expect("a token"));
        (owner, customer)
    }

    /// A pair of tokens for a user whom [`Client::register`] has registered.
    pub async fn log_in(client: &Client, email: &str) -> Value {
        let form = [("username", email), ("password", "secretpassword")];
        let anonymous = client.anonymous();
        anonymous
            .form(Method::POST, "/v1/user/login", &form)
            .await
            .data()
    }

    /// Asks for a server and waits until it is there; its id.
    pub async fn server(&self, name: &str) -> i64 {
        let form = [
            ("name", name),
            ("region", "ist2"),
            ("package", "eos2"),
            ("image", "debian-12"),
        ];
        let event = self.asked("/v1/server/create", &form).await;
        self.done(event).await["subscription_id"]
            .as_i64()
            .expect("an id")
    }

    /// Sends a form that begins some work; the id of its event.
    pub async fn asked(&self, path: &str, form: &[(&str, &str)]) -> i64 {
        let answer = self.customer.form(Method::POST, path, form).await.data();
        answer["event_id"].as_i64().expect("an event")
    }

    /// Waits for the end of an event, whichever it is.
    pub async fn ended(&self, event: i64) -> Value {
        let path = format!("/v1/event/{event}");
        wait::until("an event to end", PATIENCE, || async {
            let event = self.customer.get(&path).await.data();
            (event["status"] != 0).then_some(event)
        })
        .await
    }

    /// Waits for the end of an event that must succeed.
    pub async fn done(&self, event: i64) -> Value {
        let ended = self.ended(event).await;
        assert_eq!(ended["status"], 1, "{ended}");
        ended
    }

    /// A server as the API shows it.
    pub async fn shown(&self, id: i64) -> Value {
        let list = self.customer.get(&format!("/v1/server/{id}")).await.data();
        assert_eq!(list.as_array().map(Vec::len), Some(1), "{list}");
        list[0].clone()
    }
}
