//! Droplets of an account at DigitalOcean are taken under management, and given back where that fails.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::digital_ocean::{self, Fault, StandIn};
use testkit::{Arcus, Builder, Client, Shop, wait};

use super::{calls, on_terms, planned};

const PATIENCE: Duration = Duration::from_secs(60);

/// Who works at DigitalOcean by hand.
fn by_hand(ocean: &StandIn) -> Client {
    Client::new(&ocean.url()).with_bearer(digital_ocean::TOKEN)
}

/// A droplet of the account that somebody made by hand.
async fn droplet(ocean: &StandIn) -> String {
    let body = json!({
        "name": "handmade", "region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-12-x64", "tags": ["precious"],
    });
    let made = by_hand(ocean).post("/v2/droplets", &body).await;
    made.expect(202)["droplet"]["id"].to_string()
}

/// An account at DigitalOcean, and a droplet there that nobody manages.
struct Ocean {
    ocean: StandIn,
    owner: Client,
    /// Who calls the other API.
    customer: Client,
    /// Where to import to.
    path: String,
    /// What to import.
    body: Value,
    arcus: Arcus,
}

impl Ocean {
    async fn set() -> Self {
        let ocean = StandIn::start();
        let arcus = Builder::new(env!("CARGO_BIN_EXE_arcus"))
            .variable("ARCUS_DIGITAL_OCEAN_ENDPOINT", &ocean.url())
            .start()
            .await;
        let (owner, customer) = Shop::join(&arcus, "company name", "my@email.com").await;
        let body = json!({
            "cloud_provider": "digital_ocean", "provider_name": "my-provider", "access_token": digital_ocean::TOKEN,
        });
        let provider = owner.post("/providers", &body).await.ok();
        let provider = provider["id"].as_str().expect("an id");
        let id = droplet(&ocean).await;
        Self {
            path: format!("/providers/{provider}/import"),
            body: json!({"region": "fra1", "environment": "inherited", "instances": [id]}),
            ocean,
            owner,
            customer,
            arcus,
        }
    }

    /// Begins an import that fails with the first of its two tags on it, and nobody told so. Its environment.
    async fn half(&self) -> String {
        let half = Fault::FailAfter(422);
        self.ocean.fault("POST", "/resources", half);
        let made = self.owner.post(&self.path, &self.body).await.ok();
        self.until("its import to fail", |server| server["state"] == "Error")
            .await;
        made["id"].as_str().expect("an id").to_owned()
    }

    async fn until_gone(&self) {
        wait::until("the environment to go", PATIENCE, || async {
            let left = self.owner.get("/environments").await.ok();
            (left == json!([])).then_some(())
        })
        .await;
    }

    /// The tags of the droplet.
    fn tags(&self) -> Value {
        self.ocean.shown()[0]["tags"].clone()
    }

    /// Waits until a server is so, as the other API shows it.
    async fn until(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        wait::until(what, PATIENCE, || async {
            let all = self.customer.get("/v1/server/list").await.data();
            Some(all[0].clone()).filter(&is)
        })
        .await
    }

    /// The calls since then that change something.
    fn changes(&self, since: usize) -> Vec<String> {
        let all = self.ocean.calls();
        let made = all[since..].iter().filter(|call| call.method != "GET");
        let made = made.map(|call| format!("{} {}", call.method, call.path));
        let mut made: Vec<_> = made.collect();
        made.sort();
        made
    }
}

/// The name of a new server's tag is not known before.
fn unnamed(call: &str) -> String {
    match call.split('/').collect::<Vec<_>>()[..] {
        [post, v2, tags, _, resources] => format!("{post}/{v2}/{tags}/TAG/{resources}"),
        _ => call.to_owned(),
    }
}

#[tokio::test]
async fn a_droplet_is_imported_with_its_size_and_its_price() {
    let scene = Ocean::set().await;
    let (owner, ocean) = (&scene.owner, &scene.ocean);
    let plan = planned(owner, Method::POST, &scene.path, &scene.body).await;
    assert_eq!(plan["import"][0]["size"], "s-1vcpu-1gb");
    // It is paid for already.
    assert_eq!(plan["price"]["hourly_difference"], "0.0000");
    assert_ne!(plan["price"]["hourly"], "0.0000");
    let before = ocean.calls().len();
    on_terms(owner, Method::POST, &scene.path, &scene.body, &plan)
        .await
        .ok();
    scene
        .until("it to be managed", |server| server["state"] == "Running")
        .await;
    let made = scene.changes(before);
    let made: Vec<_> = made.iter().map(|call| unnamed(call)).collect();
    assert_eq!(made, calls(&plan));
    assert_eq!(ocean.droplets(), 1);
    assert!(ocean.tags().contains(&"precious".to_owned()));
}

#[tokio::test]
async fn a_droplet_whose_import_failed_takes_no_change_and_is_given_back_as_the_plan_says() {
    let scene = Ocean::set().await;
    let (owner, ocean) = (&scene.owner, &scene.ocean);
    let environment = scene.half().await;
    let server = &scene.customer.get("/v1/server/list").await.data()[0];
    let id = server["id"].to_string();
    let form = [("id", &*id), ("name", "before")];
    let refused = scene
        .customer
        .form(Method::POST, "/v1/snapshot/create", &form)
        .await;
    let why = refused.refusal(409);
    assert!(why.contains("import failed"), "{why}");
    let stop = format!("/environments/{environment}/stop");
    let refused = owner.post(&stop, &json!({})).await.ok();
    assert_eq!(refused["success"], false, "{refused}");
    assert!(refused.to_string().contains("import failed"), "{refused}");

    let delete = format!("/environments/{environment}");
    let plan = planned(owner, Method::DELETE, &delete, &Value::Null).await;
    assert_eq!(plan["destroy"], json!([]), "{plan}");
    let instance = &plan["give_back"][0]["instance"];
    assert_eq!(*instance, scene.body["instances"][0], "{plan}");
    assert_eq!(plan["price"]["hourly_difference"], "0.0000", "{plan}");
    let before = ocean.calls().len();
    let done = on_terms(owner, Method::DELETE, &delete, &Value::Null, &plan).await;
    scene.until_gone().await;
    // It takes until our tag can't come any more: what is said of it before that is that it goes on.
    assert!([200, 202].contains(&done.status), "{}", done.text);
    assert!(!done.text.contains("newname"), "{}", done.text);
    assert!(!done.text.contains("terminated"), "{}", done.text);
    assert_eq!(scene.changes(before), calls(&plan), "{plan}");
    assert_eq!(ocean.droplets(), 1);
    assert_eq!(scene.tags(), json!(["precious"]));
}

#[tokio::test]
async fn a_tag_that_comes_late_is_taken_off_what_was_given_back() {
    let scene = Ocean::set().await;
    let environment = scene.half().await;
    let tags = scene.tags();
    let tags = tags.as_array().expect("an array").iter();
    let mut tags: Vec<_> = tags.filter_map(Value::as_str).collect();
    tags.retain(|tag| tag.starts_with("arcus-token-"));
    let installation = scene.arcus.ledger().await.read().await.installation;
    let installation = format!("arcus-in-{installation}");
    tags.push(&installation);
    let shown = scene.owner.get("/environments").await.ok();
    let node = shown[0]["nodes"][0]["id"].as_str().expect("an id");
    let deleted = scene.owner.delete(&format!("/nodes/{node}")).await;
    assert!(
        deleted.text.contains("stays at its cloud"),
        "{}",
        deleted.text
    );
    let delete = format!("/environments/{environment}?wait=60");
    let done = scene.owner.delete(&delete).await.ok().to_string();
    assert!(done.contains("stays at its cloud"), "{done}");
    scene.until_gone().await;
    assert_eq!(scene.tags(), json!(["precious"]));

    // As a worker does that was frozen in its call until now.
    let hand = by_hand(&scene.ocean);
    let id = scene.body["instances"][0].as_str().expect("an id");
    let droplet = json!({"resources": [{"resource_id": id, "resource_type": "droplet"}]});
    for tag in tags {
        hand.post("/v2/tags", &json!({"name": tag})).await;
        let path = format!("/v2/tags/{tag}/resources");
        hand.post(&path, &droplet).await.expect(204);
    }
    let listed = scene.arcus.tell(&["admin", "orphan", "ls"], "");
    let line = listed.lines().find(|line| line.contains(id));
    let line = line.unwrap_or_else(|| panic!("it is not seen: {listed}"));
    let number = line.split_whitespace().next().expect("a number");
    // The cloud fails over the second of the two, and the next look goes on with it.
    let away = Fault::Refuse(503, "Server Error");
    scene.ocean.fault("DELETE", "/tags/arcus-in-", away);
    let remove = ["admin", "orphan", "rm", number];
    assert!(!scene.arcus.run(&remove).status.success());
    assert_eq!(scene.tags(), json!([installation, "precious"]));
    scene.arcus.tell(&["admin", "orphan", "ls"], "");
    assert_eq!(scene.tags(), json!(["precious"]));
    assert_eq!(scene.ocean.tags(), [installation, "precious".to_owned()]);
    assert_eq!(scene.ocean.droplets(), 1);
}
