//! Two organisations: what is another's answers exactly as what never existed.

use serde_json::{Value, json};
use testkit::{Answer, Builder, Client, Method, Scene};

use crate::routes::{Things, all, state};

testkit::on_both_databases![
    what_is_anothers_answers_as_what_never_existed,
    ids_in_a_body_are_ones_own,
    lists_hold_nothing_of_anothers,
];

/// A second organisation with one of each thing of its own.
async fn other(scene: &Scene) -> (Client, Things) {
    let client = scene.arcus.client();
    let client = client.register("other company", "other@email.com").await;
    let provider = client.add_provider("sandbox").await;
    let things = Things::made_by(&client, &provider).await;
    (client, things)
}

/// All that a caller can tell answers apart by, with the id that it sent itself taken out.
fn visible(answer: &Answer, sent: &Things) -> Value {
    let mut text = answer.text.clone();
    for id in sent.ids() {
        text = text.replace(id, "ID");
    }
    let mut body: Value = serde_json::from_str(&text).unwrap_or(json!(text));
    if let Some(body) = body.as_object_mut() {
        body.remove("request_id");
    }
    let told = |(name, _): &&(String, String)| !matches!(name.as_str(), "date" | "x-request-id");
    let headers: Vec<_> = answer.headers.iter().filter(told).collect();
    json!({"status": answer.status, "headers": headers, "body": body})
}

async fn what_is_anothers_answers_as_what_never_existed(builder: Builder) {
    let scene = Scene::set(builder).await;
    let theirs = Things::of(&scene).await;
    let (me, mine) = other(&scene).await;
    let before = state(&scene, &scene.owner).await;
    let mut compared = 0;
    for route in all()
        .into_iter()
        .filter(|route| route.path.contains("{id}"))
    {
        // The body names what is mine, so that nothing but the id in the address can be at fault.
        let with = |address: &Things| {
            let request = me.request(route.method(), &route.address(address));
            let request = match route.body(&mine) {
                Some(body) => request.json(&body),
                None => request,
            };
            me.send(request)
        };
        let never = Things::unknown();
        let (foreign, unknown) = (with(&theirs).await, with(&never).await);
        let what = format!("{} {}", route.method, route.path);
        assert_eq!(
            visible(&foreign, &theirs),
            visible(&unknown, &never),
            "{what}"
        );
        // A HEAD of what changes something does nothing, and so has nothing to find.
        let changes = ["/start", "/stop", "/delete"];
        let nothing = route.method == "HEAD" && changes.iter().any(|end| route.path.ends_with(end));
        assert_eq!(foreign.status, if nothing { 200 } else { 404 }, "{what}");
        compared += 1;
    }
    assert!(compared >= 20, "{compared}");
    assert_eq!(state(&scene, &scene.owner).await, before);
}

async fn ids_in_a_body_are_ones_own(builder: Builder) {
    let scene = Scene::set(builder).await;
    let theirs = Things::of(&scene).await;
    let (me, mine) = other(&scene).await;
    let before = (state(&scene, &scene.owner).await, state(&scene, &me).await);
    let paths = [
        "/environments".to_owned(),
        format!("/applications/{}/environments", mine.application),
    ];
    let request = |things: &Things| {
        let nodes = json!([{"name": "web", "size": "eos1"}]);
        let by_provider = json!({
            "provider_id": things.provider, "region": "sandbox", "environment": "new", "nodes": nodes,
        });
        let mut by_integration = by_provider.clone();
        by_integration["provider_id"] = json!(mine.provider);
        by_integration["integrations"] = json!([things.integration]);
        [by_provider, by_integration]
    };
    for path in paths {
        let never = Things::unknown();
        for (foreign, unknown) in request(&theirs).iter().zip(&request(&never)) {
            let foreign = me.post(&path, foreign).await;
            let unknown = me.post(&path, unknown).await;
            assert_eq!(
                visible(&foreign, &theirs),
                visible(&unknown, &never),
                "{path}"
            );
            assert!(
                matches!(foreign.status, 400 | 404),
                "{path}: {}",
                foreign.text
            );
        }
    }
    // Nor is a node of theirs among those that are scaled here.
    let path = format!("/environments/{}/scale", mine.environment);
    for method in [Method::POST, Method::DELETE] {
        let body = json!({"tags": {"of": "theirs"}}).to_string();
        me.raw(method, &path, body).await.error(400);
    }
    let after = (state(&scene, &scene.owner).await, state(&scene, &me).await);
    assert_eq!(after, before);
}

async fn lists_hold_nothing_of_anothers(builder: Builder) {
    let scene = Scene::set(builder).await;
    let theirs = Things::of(&scene).await;
    let (me, mine) = other(&scene).await;
    for route in all() {
        let listing = route.method == "GET" && !route.path.contains("{id}");
        let asking = route.method == "GET" && route.path.ends_with("/query");
        if !listing && !asking {
            continue;
        }
        for (client, own, foreign) in [(&me, &mine, &theirs), (&scene.owner, &theirs, &mine)] {
            let answer = route.send(client, own, &[]).await;
            for id in foreign.ids() {
                assert!(!answer.text.contains(id), "{}: {}", route.path, answer.text);
            }
            answer.ok();
        }
    }
    let keys = [&me, &scene.owner].map(|client| client.get("/accounts/keys"));
    let [mine, theirs] = keys;
    assert_ne!(
        mine.await.ok()["public_key"],
        theirs.await.ok()["public_key"]
    );
}
