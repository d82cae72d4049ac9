//! GETs that change something: what browsers and caches do by themselves does not set them off.

use serde_json::Value;
use testkit::{Answer, Builder, Method, Scene};

testkit::on_both_databases![
    a_head_of_what_changes_something_does_nothing,
    a_prefetch_does_nothing,
    a_request_from_another_site_does_nothing,
    a_deliberate_request_does_it,
];

/// What changes something by a GET.
const VERBS: [&str; 3] = ["start", "stop", "delete"];

/// An environment that runs and one that is off, so that each verb would show.
struct Two {
    scene: Scene,
    ids: [String; 2],
    before: Value,
}

impl Two {
    async fn set(builder: Builder) -> Self {
        let scene = Scene::set(builder).await;
        let nodes = serde_json::json!([{"name": "web", "size": "eos1"}]);
        let ids = [
            scene.environment("running", &nodes).await,
            scene.environment("off", &nodes).await,
        ];
        scene
            .owner
            .get(&format!("/environments/{}/stop", ids[1]))
            .await
            .ok();
        let is_off = |environment: &Value| environment["status"] == "stopped";
        scene.until(&ids[1], "it to be off", is_off).await;
        let before = Self::state(&scene).await;
        Self { scene, ids, before }
    }

    async fn state(scene: &Scene) -> Value {
        let calls = ["create", "start", "stop", "reboot", "retire", "destroy"];
        serde_json::json!({
            "environments": scene.environments().await,
            "instances": scene.arcus.instances(),
            "calls": calls.map(|method| scene.arcus.calls(method)),
        })
    }

    /// Sends every verb to both, with this header, and returns what was answered.
    async fn send(&self, method: &Method, header: (&str, &str)) -> Vec<Answer> {
        let mut answers = Vec::new();
        for id in &self.ids {
            for verb in VERBS {
                let path = format!("/environments/{id}/{verb}");
                let request = self.scene.owner.request(method.clone(), &path);
                let request = request.header(header.0, header.1);
                answers.push(self.scene.owner.send(request).await);
            }
        }
        answers
    }

    async fn assert_unchanged(&self) {
        assert_eq!(Self::state(&self.scene).await, self.before);
    }
}

async fn a_head_of_what_changes_something_does_nothing(builder: Builder) {
    let two = Two::set(builder).await;
    for answer in two.send(&Method::HEAD, ("Accept", "*/*")).await {
        assert_eq!((answer.status, answer.text.as_str()), (200, ""));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    two.assert_unchanged().await;
}

async fn a_prefetch_does_nothing(builder: Builder) {
    let two = Two::set(builder).await;
    for header in [
        ("Sec-Purpose", "prefetch"),
        ("Sec-Purpose", "prefetch;prerender"),
        ("Sec-Purpose", "prefetch;anonymous-client-ip"),
        ("sec-purpose", "Prefetch"),
        ("Purpose", "prefetch"),
        ("X-Moz", "prefetch"),
    ] {
        for answer in two.send(&Method::GET, header).await {
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            let message = answer.error(400);
            assert_eq!(
                message,
                "this address changes something and is not prefetched; nothing was done"
            );
        }
    }
    two.assert_unchanged().await;
}

async fn a_request_from_another_site_does_nothing(builder: Builder) {
    let two = Two::set(builder).await;
    for answer in two
        .send(&Method::GET, ("Sec-Fetch-Site", "cross-site"))
        .await
    {
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let message = answer.error(403);
        assert_eq!(
            message,
            "this address changes something and is not for other sites; nothing was done"
        );
    }
    two.assert_unchanged().await;
}

/// The guards are not so strict that nothing comes through.
async fn a_deliberate_request_does_it(builder: Builder) {
    let two = Two::set(builder).await;
    for (site, verb, status) in [
        ("same-origin", "stop", "stopped"),
        ("none", "start", "ready"),
    ] {
        let path = format!("/environments/{}/{verb}", two.ids[0]);
        let request = two.scene.owner.request(Method::GET, &path);
        let answer = two
            .scene
            .owner
            .send(request.header("Sec-Fetch-Site", site))
            .await;
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.ok()["success"], true);
        let there = |environment: &Value| environment["status"] == status;
        two.scene.until(&two.ids[0], status, there).await;
    }
}
