//! Snapshots at a cloud where they outlive their server: they go after it, by the calls that the plan shows, and whatever its
//! owner protects there is told of until it has gone.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::hetzner::{self, StandIn};
use testkit::{Builder, Client, Shop, wait};

use super::{calls, on_terms, planned, with_snapshot};

const PATIENCE: Duration = Duration::from_secs(60);

/// A server of an account at Hetzner that is managed, with a snapshot.
struct Scene {
    hetzner: StandIn,
    /// Who works at Hetzner by hand.
    by_hand: Client,
    shop: Shop,
    /// The path of its environment.
    environment: String,
    /// Its id at Hetzner.
    id: u64,
}

/// Makes a server by hand with these labels; its id.
async fn make(by_hand: &Client, name: &str, labels: &Value) -> u64 {
    let images = by_hand.get("/v1/images?name=debian-12").await.expect(200);
    let image = images["images"][0]["id"].to_string();
    let body = json!({"name": name, "server_type": "cx23", "image": image, "location": "fsn1", "labels": labels});
    let made = by_hand.post("/v1/servers", &body).await.expect(201);
    made["server"]["id"].as_u64().expect("an id")
}

impl Scene {
    async fn set() -> Self {
        let hetzner = StandIn::start();
        let by_hand = Client::new(&hetzner.url()).with_bearer(hetzner::TOKEN);
        let id = make(&by_hand, "handmade", &json!({})).await;
        let arcus = Builder::new(env!("CARGO_BIN_EXE_arcus"))
            .variable("ARCUS_HETZNER_ENDPOINT", &hetzner.url())
            .flag("--reconcile-secs=0.2")
            .start()
            .await;
        let (owner, customer) = Shop::join(&arcus, "company name", "my@email.com").await;
        let body = json!({
            "cloud_provider": "hetzner", "provider_name": "my-provider", "api_token": hetzner::TOKEN,
        });
        let added = owner.post("/providers", &body).await.ok();
        let import = format!("/providers/{}/import", added["id"].as_str().expect("an id"));
        let body =
            json!({"region": "fsn1", "environment": "inherited", "instances": [id.to_string()]});
        let made = owner.post(&import, &body).await.ok();
        let environment = format!("/environments/{}", made["id"].as_str().expect("an id"));
        let shop = with_snapshot(arcus, owner, customer).await;
        Self {
            hetzner,
            by_hand,
            shop,
            environment,
            id,
        }
    }

    /// The calls since then that change something, in their order.
    fn changes(&self, since: usize) -> Vec<String> {
        let all = self.hetzner.calls();
        let made = all[since..].iter().filter(|call| call.method != "GET");
        made.map(|call| format!("{} {}", call.method, call.path))
            .collect()
    }

    async fn until_gone(&self) {
        wait::until("the environment to go", PATIENCE, || async {
            let left = self.shop.owner.get("/environments").await.ok();
            (left == json!([])).then_some(())
        })
        .await;
    }

    /// What the server is marked with at Hetzner.
    async fn labels(&self) -> Value {
        let server = format!("/v1/servers/{}", self.id);
        self.by_hand.get(&server).await.ok()["server"]["labels"].clone()
    }

    async fn snapshots(&self) -> Value {
        self.shop.customer.get("/v1/snapshot/list").await.data()
    }
}

#[tokio::test]
async fn a_snapshot_goes_after_its_server_as_the_plan_says() {
    let scene = Scene::set().await;
    let owner = &scene.shop.owner;
    let environment = &scene.environment;
    let plan = planned(owner, Method::DELETE, environment, &Value::Null).await;
    let before = scene.hetzner.calls().len();
    let done = on_terms(owner, Method::DELETE, environment, &Value::Null, &plan).await;
    assert!([200, 202].contains(&done.status), "{}", done.text);
    scene.until_gone().await;
    let mut made = scene.changes(before);
    let ends = made
        .iter()
        .position(|call| call.starts_with("DELETE /v1/servers"));
    let clears = made
        .iter()
        .position(|call| call.starts_with("DELETE /v1/images"));
    assert!(ends.is_some() && ends < clears, "{made:?}");
    made.sort();
    assert_eq!(made, calls(&plan), "{plan}");
    assert_eq!(scene.hetzner.snapshots(), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_that_its_owner_protects_at_its_cloud_keeps_its_snapshots() {
    let scene = Scene::set().await;
    scene.hetzner.set_protected(scene.id, true);
    let owner = &scene.shop.owner;
    let path = format!("{}?plan=true", scene.environment);
    let refused = owner.delete(&path).await;
    assert!(refused.status >= 400, "{}", refused.text);
    assert!(refused.text.contains("protected"), "{}", refused.text);
    let before = scene.hetzner.calls().len();
    let delete = format!("{}?wait=1", scene.environment);
    wait::until("its end to be refused", PATIENCE, || async {
        let told = owner.delete(&delete).await.text;
        told.contains("protected").then_some(())
    })
    .await;
    let made = scene.changes(before);
    let cleared = made.iter().filter(|call| call.contains("/v1/images"));
    assert_eq!(cleared.count(), 0, "{made:?}");
    assert_eq!(scene.hetzner.snapshots().len(), 1);
    scene.hetzner.set_protected(scene.id, false);
    scene.until_gone().await;
    assert_eq!(scene.hetzner.snapshots(), Vec::<String>::new());
}

#[tokio::test]
async fn a_snapshot_that_its_cloud_keeps_is_on_the_list_until_it_is_gone() {
    let scene = Scene::set().await;
    let image = scene.hetzner.snapshot_ids()[0];
    scene.hetzner.set_protected(image, true);
    scene.shop.owner.delete(&scene.environment).await;
    scene.until_gone().await;
    assert_eq!(scene.hetzner.servers(), Vec::<String>::new());
    let listed = scene.snapshots().await;
    assert_eq!(listed[0]["state"], "Error", "{listed}");
    let why = listed[0]["error"].as_str().expect("it says why");
    assert!(why.contains(&format!("the image {image}")), "{why}");
    assert!(why.contains("protected"), "{why}");
    let form = [("snapshot_id", listed[0]["id"].to_string())];
    let form = form.each_ref().map(|(name, id)| (*name, id.as_str()));
    let customer = &scene.shop.customer;
    let refused = customer
        .form(Method::DELETE, "/v1/snapshot/destroy", &form)
        .await;
    assert!(refused.refusal(409).contains("protected"));

    scene.hetzner.set_protected(image, false);
    wait::until("the list to be empty", PATIENCE, || async {
        (scene.snapshots().await == json!([])).then_some(())
    })
    .await;
    assert_eq!(scene.hetzner.snapshots(), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_that_lost_its_labels_stays_with_what_was_taken_of_it() {
    let scene = Scene::set().await;
    let server = format!("/v1/servers/{}", scene.id);
    let bare = scene
        .by_hand
        .request(Method::PUT, &server)
        .json(&json!({"labels": {}}));
    scene.by_hand.send(bare).await.ok();
    scene.shop.owner.delete(&scene.environment).await;
    scene.until_gone().await;
    assert_eq!(scene.hetzner.servers().len(), 1);
    assert_eq!(scene.hetzner.snapshots().len(), 1);
}

#[tokio::test]
async fn a_server_that_has_a_double_takes_its_own_snapshots_along() {
    let scene = Scene::set().await;
    let labels = scene.labels().await;
    make(&scene.by_hand, "double", &labels).await;
    scene.shop.owner.delete(&scene.environment).await;
    scene.until_gone().await;
    assert_eq!(scene.hetzner.servers(), Vec::<String>::new());
    assert_eq!(scene.hetzner.snapshots(), Vec::<String>::new());
}

#[tokio::test]
async fn a_snapshot_of_an_orphan_goes_after_it_as_soon_as_its_cloud_lets_it() {
    let scene = Scene::set().await;
    let mut labels = scene.labels().await;
    labels["arcus-token"] = json!("a-token-of-nobody");
    let orphan = make(&scene.by_hand, "orphan", &labels).await;
    let path = format!("/v1/servers/{orphan}/actions/create_image");
    let of = json!({"arcus-of": orphan.to_string()});
    let body = json!({"type": "snapshot", "description": "its", "labels": of});
    let image = wait::until("it to be made", PATIENCE, || async {
        let made = scene.by_hand.post(&path, &body).await;
        let made: Value = serde_json::from_str(&made.text).ok()?;
        made["image"]["id"].as_u64()
    })
    .await;
    scene.hetzner.set_protected(image, true);
    let tell = |word: &str| scene.shop.arcus.tell(&["admin", "orphan", word], "");
    let number = wait::until("it to be seen", PATIENCE, || async {
        let listed = tell("ls");
        let line = listed.lines().find(|line| line.contains("orphan"));
        line.and_then(|line| line.split_whitespace().next())
            .map(str::to_owned)
    })
    .await;
    let remove = scene.shop.arcus.run(&["admin", "orphan", "rm", &number]);
    assert!(!remove.status.success(), "its snapshot stays");
    wait::until("it to be gone", PATIENCE, || async {
        (scene.hetzner.servers().len() == 1).then_some(())
    })
    .await;
    assert_eq!(scene.hetzner.snapshots().len(), 2);
    assert!(tell("ls").contains("removing"));

    scene.hetzner.set_protected(image, false);
    wait::until("its snapshot to be gone", PATIENCE, || async {
        (scene.hetzner.snapshots().len() == 1).then_some(())
    })
    .await;
    wait::until("it to be forgotten", PATIENCE, || async {
        (!tell("ls").contains(&format!("{number} "))).then_some(())
    })
    .await;
}
