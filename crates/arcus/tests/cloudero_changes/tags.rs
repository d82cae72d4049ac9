//! Tags as words, beside those that another API has set.

use serde_json::{Value, json};
use testkit::{Builder, Method, Shop};

use crate::hands::{node, shown_node};

testkit::on_both_databases![
    a_tag_with_another_value_is_saved,
    a_tag_that_is_no_word_survives_a_change_by_words_or_is_in_its_way,
    an_update_without_tags_changes_none,
    wrong_ids_of_servers_are_refused_in_plain_words,
];

/// Adds tags to a server as forms do.
async fn add(shop: &Shop, id: i64, tags: &[&str]) -> testkit::Answer {
    let id = id.to_string();
    let tags = tags.iter().map(|tag| ("tags[]", *tag));
    let form: Vec<_> = [("sub_ids[]", &*id)].into_iter().chain(tags).collect();
    shop.customer
        .form(Method::POST, "/v1/tags/create", &form)
        .await
}

/// Replaces the tags of a server.
async fn update(shop: &Shop, body: Value) -> testkit::Answer {
    let request = shop.customer.request(Method::PUT, "/v1/tags/update");
    shop.customer.send(request.json(&body)).await
}

async fn a_tag_with_another_value_is_saved(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    add(&shop, id, &["role=web", "blue"]).await.data();
    add(&shop, id, &["role=db", "blue"]).await.data();
    assert_eq!(shop.shown(id).await["tags"], json!(["role=db", "blue"]));
    let why = add(&shop, id, &["role=a", "role=b"]).await.refusal(400);
    assert!(why.contains("\"role\" was sent with two values"), "{why}");
    assert_eq!(shop.shown(id).await["tags"], json!(["role=db", "blue"]));
}

async fn a_tag_that_is_no_word_survives_a_change_by_words_or_is_in_its_way(builder: Builder) {
    let shop = Shop::open(builder).await;
    let own = json!({"team": "blue sky", "n": 5, "on": true, "role": "web"});
    let id = node(&shop, json!([]), own.clone()).await;
    let read = shop.shown(id).await["tags"].clone();
    assert_eq!(read, json!(["team=blue sky", "n=5", "on=true", "role=web"]));
    // What was read is sent back, and one more.
    let mut tags = read.as_array().expect("a list").clone();
    tags.push(json!("new"));
    update(&shop, json!({"sub_id": id, "tags": tags}))
        .await
        .data();
    let mut expected = own;
    expected["new"] = json!("");
    assert_eq!(shown_node(&shop).await["tags"], expected);
    // As one text it falls apart, and is refused rather than cut.
    for tags in ["team=blue sky,n=5", "team=blue"] {
        let answer = update(&shop, json!({"sub_id": id, "tags": tags})).await;
        let why = answer.refusal(400);
        assert!(why.contains("\"team\""), "{why}");
    }
    assert_eq!(shown_node(&shop).await["tags"], expected);
    update(&shop, json!({"sub_id": id, "tags": "x n=6"}))
        .await
        .data();
    let expected = json!({"team": "blue sky", "x": "", "n": "6"});
    assert_eq!(shown_node(&shop).await["tags"], expected);
    // By its whole word it can be destroyed.
    let form = [("tag", "team=blue sky")];
    let path = "/v1/tags/destroy";
    shop.customer.form(Method::DELETE, path, &form).await.data();
    assert_eq!(shown_node(&shop).await["tags"], json!({"x": "", "n": "6"}));
}

async fn an_update_without_tags_changes_none(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    add(&shop, id, &["blue"]).await.data();
    for body in [json!({"sub_id": id}), json!({"sub_id": id, "tags": ""})] {
        let why = update(&shop, body).await.refusal(400);
        assert!(why.contains("tags is missing"), "{why}");
    }
    assert_eq!(shop.shown(id).await["tags"], json!(["blue"]));
    update(&shop, json!({"sub_id": id, "tags": []}))
        .await
        .data();
    assert_eq!(shop.shown(id).await["tags"], json!([]));
}

async fn wrong_ids_of_servers_are_refused_in_plain_words(builder: Builder) {
    let shop = Shop::open(builder).await;
    for wrong in [
        json!("x"),
        json!(["x"]),
        json!(true),
        json!({"a": 1}),
        json!([1.5]),
    ] {
        let body = json!({"sub_ids": wrong, "tags": ["blue"]});
        let why = shop
            .customer
            .post("/v1/tags/create", &body)
            .await
            .refusal(400);
        assert!(why.contains("sub_ids to be the id of a server"), "{why}");
        assert!(!why.contains("untagged"), "{why}");
    }
    let id = shop.server("web").await;
    for ids in [json!(id), json!(id.to_string()), json!([id])] {
        let body = json!({"sub_ids": ids, "tags": ["blue"]});
        shop.customer.post("/v1/tags/create", &body).await.data();
    }
}
