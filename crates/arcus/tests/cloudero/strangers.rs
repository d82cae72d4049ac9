//! Another customer's things answer exactly as what never existed, in the address and in the body, through either API.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Builder, Client, Method, ServerRecord, Shop, wait};

use crate::things::{NEVER, Route, Things, all, state, visible};

testkit::on_both_databases![
    what_is_anothers_answers_as_what_never_existed,
    a_node_of_anothers_environment_answers_as_what_never_existed,
    anothers_snapshot_is_none_for_ones_own_server,
    anothers_key_is_none_for_ones_own_server,
    tags_for_anothers_server_are_given_to_none,
    anothers_server_is_no_node,
];

/// Two customers, each with one of each thing: the first one's client and things, and the shop as the second one has it.
async fn two(builder: Builder) -> (Client, Things, Shop, Things) {
    let mut shop = Shop::open(builder).await;
    let theirs = Things::of(&shop).await;
    let them = shop.customer.clone();
    (shop.owner, shop.customer) = Shop::join(&shop.arcus, "other company", "other@email.com").await;
    let mine = Things::of(&shop).await;
    (them, theirs, shop, mine)
}

/// Sends what names another's thing and what names none; both are refused, and nobody can tell which is which.
async fn assert_alike(
    me: &Client,
    method: Method,
    path: &str,
    status: u16,
    body: impl Fn(&Things) -> Value,
    theirs: &Things,
) {
    let mut seen = Vec::new();
    for things in [theirs, &Things::unknown()] {
        let request = me.request(method.clone(), path).json(&body(things));
        let answer = me.send(request).await;
        seen.push(visible(&answer, &things.fingerprint));
        answer.refusal(status);
    }
    assert_eq!(seen[0], seen[1], "{method} {path}");
}

/// Every route that is about one thing, with another's and with what never existed.
async fn compare_all(me: &Client, theirs: &Things) {
    let mut compared = 0;
    for route in all().filter(Route::names_a_thing) {
        let what = format!("{} {}", route.method, route.path);
        let never = Things::unknown();
        let foreign = route.send(me, theirs).await;
        let unknown = route.send(me, &never).await;
        assert_eq!(
            visible(&foreign, &theirs.fingerprint),
            visible(&unknown, &never.fingerprint),
            "{what}"
        );
        assert_eq!(foreign.status, 404, "{what}: {}", foreign.text);
        foreign.refusal(404);
        compared += 1;
    }
    assert!(compared >= 30, "{compared}");
}

async fn what_is_anothers_answers_as_what_never_existed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let theirs = Things::of(&shop).await;
    let (_, me) = Shop::join(&shop.arcus, "other company", "other@email.com").await;
    let before = state(&shop, &shop.customer).await;
    compare_all(&me, &theirs).await;
    assert_eq!(state(&shop, &shop.customer).await, before);
    let nothing = state(&shop, &me).await;
    assert_eq!(nothing["seen"], json!([[], [], {}, [], []]));
}

async fn a_node_of_anothers_environment_answers_as_what_never_existed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let provider = shop.owner.add_provider("sandbox").await;
    let environment = json!({
        "provider_id": provider, "region": "sandbox", "environment": "production",
        "nodes": [{"name": "web", "size": "eos1"}],
    });
    let made = shop.owner.post("/environments", &environment).await.ok();
    assert_eq!(made["ready"], true);
    let list = shop.customer.get("/v1/server/list").await.data();
    let theirs = Things::around(&shop, list[0]["id"].as_i64().expect("an id")).await;
    let (_, me) = Shop::join(&shop.arcus, "other company", "other@email.com").await;
    let before = state(&shop, &shop.customer).await;
    compare_all(&me, &theirs).await;
    assert_eq!(state(&shop, &shop.customer).await, before);
}

async fn anothers_snapshot_is_none_for_ones_own_server(builder: Builder) {
    let (them, theirs, shop, mine) = two(builder).await;
    let before = (
        state(&shop, &them).await,
        state(&shop, &shop.customer).await,
    );
    let own = &mine.server;
    let restore = |things: &Things| json!({"id": own, "snapshot_id": things.snapshot});
    let create =
        |things: &Things| json!({"name": "new", "package": "eos3", "snapshot_id": things.snapshot});
    for path in [
        "/v1/server/restore_from_snapshot".to_owned(),
        format!("/v1/server/{own}/restore_from_snapshot"),
    ] {
        assert_alike(&shop.customer, Method::POST, &path, 404, restore, &theirs).await;
    }
    for path in [
        "/v1/server/create_from_snapshot".to_owned(),
        format!("/v1/server/{own}/create_from_snapshot"),
    ] {
        assert_alike(&shop.customer, Method::POST, &path, 404, create, &theirs).await;
    }
    let after = (
        state(&shop, &them).await,
        state(&shop, &shop.customer).await,
    );
    assert_eq!(after, before);
}

async fn anothers_key_is_none_for_ones_own_server(builder: Builder) {
    let (them, theirs, shop, mine) = two(builder).await;
    let before = (
        state(&shop, &them).await,
        state(&shop, &shop.customer).await,
    );
    for field in ["ssh_key", "ssh_keys"] {
        let create = |things: &Things| {
            let mut body =
                json!({"name": "new", "region": "ist2", "package": "eos1", "image": "debian-12"});
            body[field] = json!(things.fingerprint);
            body
        };
        let path = "/v1/server/create";
        assert_alike(&shop.customer, Method::POST, path, 400, create, &theirs).await;
        // One's own key beside it helps nothing.
        let from_snapshot = |things: &Things| {
            let mut body = json!({"name": "new", "package": "eos3", "snapshot_id": mine.snapshot});
            body[field] = json!(format!("{},{}", mine.fingerprint, things.fingerprint));
            body
        };
        let path = "/v1/server/create_from_snapshot";
        assert_alike(
            &shop.customer,
            Method::POST,
            path,
            400,
            from_snapshot,
            &theirs,
        )
        .await;
    }
    let after = (
        state(&shop, &them).await,
        state(&shop, &shop.customer).await,
    );
    assert_eq!(after, before);
}

async fn tags_for_anothers_server_are_given_to_none(builder: Builder) {
    let (them, theirs, shop, mine) = two(builder).await;
    let before = (
        state(&shop, &them).await,
        state(&shop, &shop.customer).await,
    );
    let path = "/v1/tags/create";
    let first = |things: &Things| json!({"sub_ids": [things.server, mine.server], "tags": ["red"]});
    assert_alike(&shop.customer, Method::POST, path, 404, first, &theirs).await;
    let last = |things: &Things| json!({"sub_ids": [mine.server, things.server], "tags": ["red"]});
    assert_alike(&shop.customer, Method::POST, path, 404, last, &theirs).await;
    let after = (
        state(&shop, &them).await,
        state(&shop, &shop.customer).await,
    );
    assert_eq!(after, before);
}

/// Through layer 2, where a server goes by another id, which no route of layer 1 tells.
async fn anothers_server_is_no_node(builder: Builder) {
    let (them, theirs, shop, _) = two(builder).await;
    let before = state(&shop, &them).await;
    let records = shop.arcus.ledger().await.read().await;
    let id = |server: &str| {
        let of_server = |record: &&ServerRecord| record.id.to_string() == server;
        let mut all = records.servers.iter();
        all.find(of_server).expect("a row").public_id.clone()
    };
    let foreign = id(&theirs.server);
    let unknown = domain::random::hex::<12>();
    assert_eq!(foreign.len(), unknown.len());
    let mut seen = Vec::new();
    for id in [&foreign, &unknown] {
        let answer = shop.owner.delete(&format!("/nodes/{id}")).await;
        seen.push(visible(&answer, id));
        answer.error(404);
    }
    assert_eq!(seen[0], seen[1]);
    // Nor is it, by the number that layer 1 has for it, or by any other name.
    for id in [&theirs.server, NEVER] {
        let answer = shop.owner.delete(&format!("/nodes/{id}")).await;
        assert!(matches!(answer.status, 400 | 404), "{}", answer.text);
    }
    assert_eq!(state(&shop, &them).await, before);
    // That was its id: its owner is understood.
    let owner = json!({"email": "my@email.com", "password": "secretpassword"});
    let owner = shop.owner.post("/accounts/tokens", &owner).await.ok();
    let token = owner["persistent_token"].as_str().expect("a token");
    let owner = shop.owner.with_token(token);
    owner.delete(&format!("/nodes/{foreign}")).await.ok();
    let limit = Duration::from_secs(30);
    wait::until("the server to go", limit, || async {
        let list = them.get("/v1/server/list").await.data();
        (list == json!([])).then_some(())
    })
    .await;
}
