//! Another customer's things answer exactly as what never existed, on every route; and who has no token gets nowhere.

use api::{Access, CLOUDERO_ACCESS};
use serde_json::{Value, json};
use testkit::{Answer, Builder, Client, Method, Shop};

testkit::on_both_databases![
    what_is_anothers_answers_as_what_never_existed,
    who_has_no_token_gets_nowhere,
];

/// One of each thing that has an id.
#[derive(Debug, Clone)]
struct Things {
    server: String,
    snapshot: String,
    event: String,
    fingerprint: String,
    tag: String,
}

// === impl Things ===

impl Things {
    async fn of(shop: &Shop) -> Self {
        let server = shop.server("web").await.to_string();
        let form = [("id", &*server), ("name", "before")];
        let event = shop.asked("/v1/snapshot/create", &form).await;
        shop.done(event).await;
        let snapshots = shop.customer.get("/v1/snapshot/list").await.data();
        let public_key = shop.owner.get("/accounts/keys").await.ok()["public_key"].clone();
        let body = json!({"name": "mine", "public_key": public_key});
        shop.customer.post("/v1/sshkey/create", &body).await.data();
        let keys = shop.customer.get("/v1/sshkey/list").await.data();
        let form = [("sub_ids[]", &*server), ("tags[]", "blue")];
        let path = "/v1/tags/create";
        shop.customer.form(Method::POST, path, &form).await.data();
        Self {
            server,
            snapshot: snapshots[0]["id"].to_string(),
            event: event.to_string(),
            fingerprint: keys["mine"]["fingerprint"]
                .as_str()
                .expect("a text")
                .to_owned(),
            tag: "blue".to_owned(),
        }
    }

    fn unknown() -> Self {
        let number = || "987654321".to_owned();
        Self {
            server: number(),
            snapshot: number(),
            event: number(),
            fingerprint: "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff".to_owned(),
            tag: "never".to_owned(),
        }
    }

    /// The body with which a route does what it is for.
    fn body(&self, method: &str, path: &str) -> Value {
        let id = &self.server;
        match (method, path) {
            (_, "/v1/server/create") => {
                json!({"name": "new", "region": "ist2", "package": "eos1", "image": "debian-12"})
            }
            (_, "/v1/snapshot/create") => json!({"id": id, "name": "another"}),
            ("DELETE", "/v1/snapshot/destroy") => json!({"id": self.snapshot}),
            (_, "/v1/sshkey/create") => json!({"name": "x", "public_key": "x"}),
            (_, "/v1/sshkey/update") => json!({"fingerprint": self.fingerprint, "name": "y"}),
            (_, "/v1/sshkey/destroy") => json!({"fingerprint": self.fingerprint}),
            (_, "/v1/tags/create") => json!({"sub_ids": [id], "tags": ["red"]}),
            (_, "/v1/tags/update") => json!({"sub_id": id, "tags": ["red"]}),
            (_, "/v1/tags/destroy") => json!({"tag": self.tag}),
            (_, path) if path.ends_with("create_from_snapshot") => {
                json!({"name": "new", "package": "eos3", "snapshot_id": self.snapshot})
            }
            (_, path) if path.ends_with("restore_from_snapshot") => {
                json!({"id": id, "snapshot_id": self.snapshot})
            }
            (_, path) if path.ends_with("upgrade_package") => json!({"id": id, "package": "eos3"}),
            (_, path) if path.starts_with("/v1/server") => json!({"id": id}),
            _ => json!({}),
        }
    }

    fn address(&self, path: &str) -> String {
        let id = if path.starts_with("/v1/event") {
            &self.event
        } else {
            &self.server
        };
        path.replace("{id}", id).replace("{number}", "987654321")
    }
}

async fn send(client: &Client, method: &str, path: &str, things: &Things) -> Answer {
    let request = Method::from_bytes(method.as_bytes()).expect("a method");
    let request = client.request(request, &things.address(path));
    let request = if method == "GET" {
        request
    } else {
        request.json(&things.body(method, path))
    };
    client.send(request).await
}

/// Whether the route is about one thing that is there.
fn names_a_thing(method: &str, path: &str) -> bool {
    path.contains('{')
        || (method != "GET"
            && !["/v1/server/create", "/v1/sshkey/create"].contains(&path)
            && !["/v1/user", "/v1/account", "/v1/payment"]
                .iter()
                .any(|start| path.starts_with(start)))
}

fn visible(answer: &Answer) -> (u16, String) {
    let message = answer.body["message"].as_str().unwrap_or_default();
    (answer.status, message.to_owned())
}

async fn what_is_anothers_answers_as_what_never_existed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let theirs = Things::of(&shop).await;
    let (_, me) = Shop::join(&shop.arcus, "other company", "other@email.com").await;
    let seen = || async {
        let mut seen = Vec::new();
        for path in [
            "/v1/server/list",
            "/v1/snapshot/list",
            "/v1/sshkey/list",
            "/v1/tags/list",
        ] {
            seen.push(shop.customer.get(path).await.data());
        }
        (seen, shop.arcus.instances())
    };
    let before = seen().await;
    let mut compared = 0;
    for (method, path, _) in CLOUDERO_ACCESS {
        if !names_a_thing(method, path) {
            continue;
        }
        let foreign = send(&me, method, path, &theirs).await;
        let unknown = send(&me, method, path, &Things::unknown()).await;
        assert_eq!(visible(&foreign), visible(&unknown), "{method} {path}");
        assert_eq!(foreign.status, 404, "{method} {path}: {}", foreign.text);
        compared += 1;
    }
    assert!(compared >= 25, "{compared}");
    for server in [&*theirs.server, "987654321"] {
        let path = format!("/v1/usage/list?id={server}");
        me.get(&path).await.refusal(404);
    }
    assert_eq!(seen().await, before);
    for path in [
        "/v1/server/list",
        "/v1/snapshot/list",
        "/v1/event/list",
        "/v1/tags/list",
    ] {
        assert_eq!(me.get(path).await.data(), json!([]), "{path}");
    }
}

async fn who_has_no_token_gets_nowhere(builder: Builder) {
    let shop = Shop::open(builder).await;
    let things = Things::of(&shop).await;
    let before = shop.customer.get("/v1/server/list").await.data();
    for (method, path, access) in CLOUDERO_ACCESS {
        let answer = send(&shop.customer.anonymous(), method, path, &things).await;
        if *access == Access::Public {
            assert!(
                matches!(answer.status, 200 | 400 | 404),
                "{method} {path}: {}",
                answer.text
            );
        } else {
            answer.refusal(401);
        }
    }
    assert_eq!(shop.customer.get("/v1/server/list").await.data(), before);
}
