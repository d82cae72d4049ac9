//! What most tests of the API begin with: an organisation with an account at the simulated cloud.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{Arcus, Builder, Client, wait};

/// A running Arcus with one organisation, "company name", and its provider "my-provider" at the simulated cloud.
pub struct Scene {
    /// The running Arcus.
    pub arcus: Arcus,
    /// The organisation's owner, `my@email.com`.
    pub owner: Client,
    /// The organisation's id.
    pub organisation: String,
    /// The provider's id.
    pub provider: String,
}

// === impl Scene ===

impl Scene {
    /// Starts Arcus and sets the scene.
    pub async fn set(builder: Builder) -> Self {
        Self::on(builder.start().await).await
    }

    /// Sets the scene in an Arcus where nobody has registered.
    pub async fn on(arcus: Arcus) -> Self {
        let owner = arcus.client();
        let owner = owner.register("company name", "my@email.com").await;
        let body = json!({"cloud_provider": "sandbox", "provider_name": "my-provider"});
        let provider = owner.post("/providers", &body).await.ok();
        let text = |name: &str| provider[name].as_str().expect("an id").to_owned();
        Self {
            organisation: text("organisation"),
            provider: text("id"),
            arcus,
            owner,
        }
    }

    /// The body of a request for an environment with these nodes.
    pub fn wanted(&self, name: &str, nodes: &Value) -> Value {
        json!({
            "provider_id": self.provider, "region": "sandbox", "environment": name, "nodes": nodes,
        })
    }

    /// Makes an environment of the default application, which must become ready, and returns its id.
    pub async fn environment(&self, name: &str, nodes: &Value) -> String {
        let body = self.wanted(name, nodes);
        let made = self.owner.post("/environments", &body).await.ok();
        made["environment"].as_str().expect("an id").to_owned()
    }

    /// The organisation's environments.
    pub async fn environments(&self) -> Vec<Value> {
        let all = self.owner.get("/environments").await.ok();
        all.as_array().expect("an array").clone()
    }

    /// The environment of that id, as the list shows it.
    pub async fn find(&self, id: &str) -> Value {
        let found = self.environments().await.into_iter();
        found
            .into_iter()
            .find(|environment| environment["id"] == id)
            .unwrap_or_else(|| panic!("there is no environment {id}"))
    }

    /// Waits until an environment is as it should be.
    pub async fn until(&self, id: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        wait::until(what, Duration::from_secs(30), || async {
            Some(self.find(id).await).filter(|environment| is(environment))
        })
        .await
    }

    /// Waits until no environment is left and nothing lives at the simulated cloud.
    pub async fn until_empty(&self) {
        wait::until("everything to be gone", Duration::from_secs(30), || async {
            let gone = self.environments().await.is_empty() && self.arcus.instances().is_empty();
            gone.then_some(())
        })
        .await;
    }

    /// A user of the organisation with that role (`member`, `admin`), who was invited.
    pub async fn colleague(&self, role: &str) -> Client {
        let organisation = &self.organisation;
        let invitation = self.arcus.tell(
            &[
                "admin",
                "setup-token",
                "--organisation",
                organisation,
                "--role",
                role,
            ],
            "",
        );
        let body = json!({
            "email": format!("{role}@email.com"), "password": "secretpassword",
            "password_confirm": "secretpassword", "invitation": invitation,
        });
        let anonymous = self.arcus.client();
        let answer = anonymous.post("/accounts/register", &body).await.ok();
        anonymous.with_token(answer[0]["persistent_token"].as_str().expect("a token"))
    }

    /// Nothing was made: no environment is shown, and the simulated cloud was never asked for an instance.
    pub async fn assert_nothing_was_made(&self, after: &str) {
        assert_eq!(self.environments().await, Vec::<Value>::new(), "{after}");
        assert_eq!(self.arcus.calls("create"), 0, "{after}");
        assert_eq!(self.arcus.instances(), Vec::<Value>::new(), "{after}");
    }
}
