//! What is wrong with a request is said in the envelope, and nothing comes of it.

use serde_json::{Value, json};
use testkit::{Builder, Method, Shop};

testkit::on_both_databases![
    a_wrong_server_is_refused_before_anything_is_made,
    a_wrong_body_is_refused_in_the_envelope,
    a_wrong_address_or_method_is_refused_in_the_envelope,
    a_server_that_is_being_destroyed_takes_no_other_change,
    a_password_is_not_set_while_the_server_is_off,
    a_server_with_snapshots_is_not_reinstalled,
    a_plan_that_is_no_change_or_the_wrong_way_is_refused,
];

fn good() -> Value {
    json!({"name": "web", "region": "ist2", "package": "eos1", "image": "debian-12"})
}

async fn a_wrong_server_is_refused_before_anything_is_made(builder: Builder) {
    let shop = Shop::open(builder).await;
    for (name, value, says) in [
        ("name", json!("x\nruncmd: [..]"), "may hold only"),
        ("name", json!("x".repeat(65)), "longer than 64"),
        ("name", Value::Null, "name is missing"),
        ("region", json!("moon"), "there are:"),
        ("region", json!("ist1"), "not open"),
        ("package", json!("huge"), "there are:"),
        ("image", json!("windows"), "there are:"),
        ("hostname", json!("a b"), "hostname"),
        ("hostname", json!("-x"), "hostname"),
        ("hostname", json!("$(id)"), "hostname"),
        ("ssh_keys", json!("aa:bb"), "aa:bb"),
        ("user_data", json!("%%%"), "Base64"),
        ("user_data", json!("aGVsbG8="), "has to begin with"),
        ("tags", json!(["a b"]), "tag"),
        ("tags", json!([1]), "expected"),
    ] {
        let mut body = good();
        body[name] = value;
        let message = shop
            .customer
            .post("/v1/server/create", &body)
            .await
            .refusal(400);
        assert!(message.contains(says), "{name}: {message}");
    }
    assert_eq!(shop.customer.get("/v1/server/list").await.data(), json!([]));
    assert_eq!(shop.arcus.calls("create"), 0);
}

async fn a_wrong_body_is_refused_in_the_envelope(builder: Builder) {
    let shop = Shop::open(builder).await;
    let path = "/v1/server/create";
    for body in [
        "{\"name\": ",
        "{\"name\": 1}",
        "name=a&name=b",
        "id=1&id[]=2",
    ] {
        shop.customer
            .raw(Method::POST, path, body)
            .await
            .refusal(400);
    }
    let large = "x".repeat(2 << 20);
    shop.customer
        .raw(Method::POST, path, large)
        .await
        .refusal(413);
    for id in ["", "x", "-1", "1.5", "99999999999999999999999"] {
        let form = [("id", id)];
        let answer = shop
            .customer
            .form(Method::POST, "/v1/server/start", &form)
            .await;
        assert!(matches!(answer.status, 400 | 404), "{id}: {}", answer.text);
        let status = answer.status;
        answer.refusal(status);
    }
    let answer = shop
        .customer
        .form(Method::POST, "/v1/server/1/start", &[("id", "2")])
        .await;
    assert!(answer.refusal(400).contains("different ids"));
}

async fn a_wrong_address_or_method_is_refused_in_the_envelope(builder: Builder) {
    let shop = Shop::open(builder).await;
    shop.customer.get("/v1/nothing").await.refusal(404);
    shop.customer.get("/v1/server/x").await.refusal(404);
    let answer = shop
        .customer
        .form(Method::PUT, "/v1/server/list", &[])
        .await;
    assert!(
        answer
            .header("allow")
            .is_some_and(|allow| allow.contains("GET"))
    );
    answer.refusal(405);
}

async fn a_server_that_is_being_destroyed_takes_no_other_change(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    shop.arcus.faults(&["boot_ms=600000", "latency_ms=300"]);
    let path = format!("/v1/server/{id}/destroy");
    let first = shop.customer.delete(&path).await.ok();
    for verb in [
        "start",
        "stop",
        "reboot",
        "change_password",
        "refresh_install",
    ] {
        let path = format!("/v1/server/{id}/{verb}");
        let answer = shop.customer.form(Method::POST, &path, &[]).await;
        let status = answer.status;
        let message = answer.refusal(status);
        assert!(matches!(status, 404 | 409), "{verb}: {message}");
    }
    let again = shop.customer.delete(&path).await;
    if again.status == 200 {
        assert_eq!(again.ok()["event_id"], first["event_id"]);
    }
    shop.arcus.faults(&["latency_ms=0"]);
    shop.done(first["event_id"].as_i64().expect("an event"))
        .await;
}

async fn a_password_is_not_set_while_the_server_is_off(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    let stop = shop.asked(&format!("/v1/server/{id}/stop"), &[]).await;
    shop.done(stop).await;
    let path = format!("/v1/server/{id}/change_password");
    let message = shop
        .customer
        .form(Method::POST, &path, &[])
        .await
        .refusal(409);
    assert!(message.contains("start it first"), "{message}");
}

async fn a_server_with_snapshots_is_not_reinstalled(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await.to_string();
    let form = [("id", &*id), ("name", "before")];
    let event = shop.asked("/v1/snapshot/create", &form).await;
    shop.done(event).await;
    let again = shop
        .customer
        .form(Method::POST, "/v1/snapshot/create", &form)
        .await;
    assert!(again.refusal(409).contains("already"));
    let path = format!("/v1/server/{id}/refresh_install");
    let message = shop
        .customer
        .form(Method::POST, &path, &[])
        .await
        .refusal(409);
    assert!(message.contains("snapshots"), "{message}");
}

async fn a_plan_that_is_no_change_or_the_wrong_way_is_refused(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    let path = format!("/v1/server/{id}/upgrade_package");
    for (package, kind, says) in [
        ("eos2", "", "already"),
        ("eos3", "downgrade", "no downgrade"),
        ("eos1", "upgrade", "no upgrade"),
        ("moon", "", "there are:"),
        ("eos3", "sideways", "upgrade or downgrade"),
    ] {
        let form = [("package", package), ("type", kind)];
        let message = shop
            .customer
            .form(Method::POST, &path, &form)
            .await
            .refusal(400);
        assert!(message.contains(says), "{package} {kind}: {message}");
    }
    assert_eq!(shop.shown(id).await["package"], "eos2");
}
