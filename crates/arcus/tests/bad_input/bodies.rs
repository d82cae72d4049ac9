//! Bodies that are no JSON, of the wrong types, empty, or too large.

use serde_json::{Value, json};
use testkit::{Answer, Builder, Method, Scene};

testkit::on_both_databases![
    a_body_that_is_no_json_is_refused,
    an_empty_body_is_refused,
    a_body_of_the_wrong_types_is_refused,
    a_missing_field_is_named,
    a_body_of_two_mebibytes_is_refused,
    a_body_is_read_as_json_whatever_its_content_type_says,
];

/// Everything that takes a body; an environment's id is filled in.
const TAKE_A_BODY: [(Method, &str); 13] = [
    (Method::POST, "/accounts/register"),
    (Method::POST, "/accounts/tokens"),
    (Method::POST, "/providers"),
    (Method::POST, "/applications"),
    (Method::POST, "/environments"),
    (Method::POST, "/applications/ID/environments"),
    (Method::POST, "/environments/ID/nodes"),
    (Method::POST, "/environments/ID/scale"),
    (Method::DELETE, "/environments/ID/scale"),
    (Method::POST, "/integrations"),
    (Method::POST, "/integrations/docker-hub"),
    (Method::POST, "/history"),
    (Method::POST, "/feedback"),
];

/// An environment without nodes and its application: what is refused must leave it so.
struct Empty {
    scene: Scene,
    environment: Value,
}

impl Empty {
    async fn set(builder: Builder) -> Self {
        let scene = Scene::set(builder).await;
        let id = scene.environment("empty", &json!([])).await;
        let environment = scene.find(&id).await;
        Self { scene, environment }
    }

    fn path(&self, path: &str) -> String {
        let id = if path.starts_with("/applications") {
            &self.environment["application"]["id"]
        } else {
            &self.environment["id"]
        };
        path.replace("ID", id.as_str().expect("an id"))
    }

    async fn send(&self, method: &Method, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        let owner = &self.scene.owner;
        let request = owner.request(method.clone(), &self.path(path));
        owner.send(request.body(body.into())).await
    }

    /// Nothing is there but what was there before.
    async fn assert_unchanged(&self) {
        assert_eq!(
            self.scene.environments().await,
            std::slice::from_ref(&self.environment)
        );
        assert_eq!(self.scene.arcus.calls("create"), 0);
        let owner = &self.scene.owner;
        let providers = owner.get("/providers").await.ok();
        assert_eq!(
            providers["sandbox"].as_array().map(Vec::len),
            Some(1),
            "{providers}"
        );
        let applications = owner.get("/applications").await.ok();
        assert_eq!(
            applications.as_array().map(Vec::len),
            Some(1),
            "{applications}"
        );
        assert_eq!(owner.get("/integrations").await.ok(), json!([]));
    }
}

async fn a_body_that_is_no_json_is_refused(builder: Builder) {
    let empty = Empty::set(builder).await;
    let broken: [&[u8]; 8] = [
        b"{\"environment\": ",
        b"{'environment': 'production'}",
        b"environment=production",
        b"{\"environment\": \"production\"}}",
        b"{\"environment\": \"production\",}",
        b"{\"environment\": \"\xff\"}",
        b"\"\\ud800\"",
        b"\xef\xbb\xbf{}",
    ];
    for (method, path) in &TAKE_A_BODY {
        for body in broken {
            let message = empty.send(method, path, body).await.error(400);
            let what = format!(
                "{method} {path} {}: {message}",
                String::from_utf8_lossy(body)
            );
            assert!(message.starts_with("the body is no"), "{what}");
        }
    }
    empty.assert_unchanged().await;
}

async fn an_empty_body_is_refused(builder: Builder) {
    let empty = Empty::set(builder).await;
    for (method, path) in &TAKE_A_BODY {
        for body in ["", " \r\n\t"] {
            let message = empty.send(method, path, body).await.error(400);
            assert_eq!(
                message, "this call takes a JSON body, and none was sent",
                "{path}"
            );
        }
    }
    empty.assert_unchanged().await;
}

async fn a_body_of_the_wrong_types_is_refused(builder: Builder) {
    let empty = Empty::set(builder).await;
    let provider = &empty.scene.provider;
    let node = |field: &str, value: Value| {
        let mut node = json!({"name": "web", "size": "eos1"});
        node[field] = value;
        node
    };
    let environment = |field: &str, value: Value| {
        let mut wanted = empty.scene.wanted("production", &json!([]));
        wanted[field] = value;
        wanted
    };
    let mut cases = vec![
        ("/accounts/register", json!({"email": 7})),
        ("/accounts/register", json!("my@email.com")),
        (
            "/accounts/tokens",
            json!({"email": ["my@email.com"], "password": "x"}),
        ),
        ("/accounts/tokens", json!({"refreshing_token": 7})),
        ("/providers", json!([{"cloud_provider": "sandbox"}])),
        ("/applications", json!({"application_name": {}})),
        ("/applications", json!({"application_name": null})),
        ("/applications", json!("My App")),
        (
            "/environments/ID/nodes",
            json!({"name": "web", "size": "eos1"}),
        ),
        ("/environments/ID/nodes", json!(["web"])),
        (
            "/environments/ID/scale",
            json!({"name": "web", "count": "1"}),
        ),
        ("/environments/ID/scale", json!({"tags": "web"})),
        ("/integrations/docker-hub", json!({"name": "x", "url": 7})),
        ("/integrations", json!({"type": 7})),
    ];
    for (field, value) in [
        ("name", json!(7)),
        ("name", json!(null)),
        ("size", json!({"slug": "eos1"})),
        ("packages", json!("nginx")),
        ("packages", json!([7])),
        ("packages", json!({"nginx": true})),
        ("tags", json!(["a"])),
        ("tags", json!("a")),
        ("image", json!(12)),
        ("count", json!("3")),
        ("count", json!(1.5)),
        ("count", json!(true)),
    ] {
        let node = node(field, value);
        cases.push(("/environments/ID/nodes", json!([node])));
        cases.push(("/environments", environment("nodes", json!([node]))));
    }
    for (field, value) in [
        ("provider_id", json!(7)),
        ("provider_id", json!([provider])),
        ("region", json!(null)),
        ("environment", json!(["production"])),
        ("nodes", json!({})),
        ("nodes", json!(null)),
        ("nodes", json!("web")),
        ("integrations", json!("56dd617610d396503e2a6ab9")),
        ("integrations", json!([7])),
    ] {
        let wanted = environment(field, value);
        cases.push(("/environments", wanted.clone()));
        cases.push(("/applications/ID/environments", wanted));
    }
    for (path, body) in cases {
        let message = empty
            .send(&Method::POST, path, body.to_string())
            .await
            .error(400);
        let expected = "the body is not what this call takes: ";
        assert!(message.starts_with(expected), "{path} {body}: {message}");
    }
    empty.assert_unchanged().await;
}

async fn a_missing_field_is_named(builder: Builder) {
    let empty = Empty::set(builder).await;
    let wanted = empty.scene.wanted("production", &json!([]));
    let without = |field: &str| {
        let mut wanted = wanted.clone();
        wanted.as_object_mut().expect("an object").remove(field);
        wanted
    };
    for (path, body, field) in [
        ("/environments", without("provider_id"), "provider_id"),
        ("/environments", without("region"), "region"),
        ("/environments", without("environment"), "environment"),
        ("/environments/ID/nodes", json!([{"size": "eos1"}]), "name"),
        ("/environments/ID/nodes", json!([{"name": "web"}]), "size"),
        (
            "/applications",
            json!({"application_type": "custom"}),
            "application_name",
        ),
        (
            "/providers",
            json!({"provider_name": "x"}),
            "cloud_provider",
        ),
        (
            "/providers",
            json!({"cloud_provider": "sandbox"}),
            "provider_name",
        ),
        ("/integrations/docker-hub", json!({"name": "x"}), "url"),
    ] {
        let message = empty
            .send(&Method::POST, path, body.to_string())
            .await
            .error(400);
        assert!(
            message.contains(field) && message.contains("missing"),
            "{path} {body}: {message}"
        );
    }
    let message = empty
        .send(&Method::POST, "/environments/ID/nodes", "[]")
        .await
        .error(400);
    assert_eq!(message, "no node was named; nothing was created");
    empty.assert_unchanged().await;
}

async fn a_body_of_two_mebibytes_is_refused(builder: Builder) {
    let empty = Empty::set(builder).await;
    let padding = "x".repeat(2 * 1024 * 1024);
    let body = json!({
        "provider_id": empty.scene.provider, "region": "sandbox", "environment": "production",
        "padding": padding,
    })
    .to_string();
    for (method, path) in &TAKE_A_BODY {
        let message = empty.send(method, path, body.clone()).await.error(413);
        assert_eq!(
            message, "the body is larger than 1 MiB; nothing was done",
            "{path}"
        );
    }
    // Who may not call hears of that, and not of a broken pipe.
    let anonymous = empty.scene.arcus.client();
    for (method, path) in TAKE_A_BODY.iter().skip(2) {
        let path = empty.path(path);
        anonymous
            .raw(method.clone(), &path, body.clone())
            .await
            .error(401);
    }
    empty.assert_unchanged().await;
}

async fn a_body_is_read_as_json_whatever_its_content_type_says(builder: Builder) {
    let scene = Scene::set(builder).await;
    for kind in [
        "application/json; charset=utf-8",
        "text/plain",
        "application/x-www-form-urlencoded",
    ] {
        let name = kind.replace(['/', ';', '='], " ");
        let request = scene
            .owner
            .request(Method::POST, "/applications")
            .header("Content-Type", kind)
            .body(json!({"application_name": name}).to_string());
        let made = scene.owner.send(request).await.ok();
        assert_eq!(made[0]["application_name"], name);
    }
}
