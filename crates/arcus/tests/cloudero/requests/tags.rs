//! Adding, listing, replacing and removing tags.

use serde_json::json;
use testkit::{Builder, Method, Shop};

use super::done;
use crate::curls::{TAGS, TAGS_CREATE, TAGS_DESTROY, TAGS_UPDATE};
use crate::printed::curl;

testkit::on_both_databases![
    tags_are_added_as_printed,
    tags_are_listed_as_printed,
    tags_are_replaced_as_printed,
    a_tag_is_removed_as_printed,
];

/// Two servers with the printed tags.
async fn tagged(shop: &Shop) -> [i64; 2] {
    let ids = [shop.server("web").await, shop.server("db").await];
    let [web, db] = ids.map(|id| id.to_string());
    let form = [
        ("sub_ids[]", &*web),
        ("sub_ids[]", &db),
        ("tags[]", "web1"),
        ("tags[]", "ftp1"),
    ];
    let path = "/v1/tags/create";
    shop.customer.form(Method::POST, path, &form).await.data();
    ids
}

async fn tags_are_added_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let ids = [shop.server("web").await, shop.server("db").await];
    let both = [
        ("1515", &*ids[0].to_string()),
        ("1520", &*ids[1].to_string()),
    ];
    for _ in 0..2 {
        // The second time they are there already.
        assert_eq!(curl(&shop.customer, TAGS_CREATE, &both).ok(), done());
        for id in ids {
            assert_eq!(shop.shown(id).await["tags"], json!(["web1", "ftp1"]));
        }
    }
}

async fn tags_are_listed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    tagged(&shop).await;
    let tag = |tag: &str| json!({"count": 2, "tag": tag, "created_at": null});
    let printed = json!({"status": "success", "data": [tag("ftp1"), tag("web1")], "message": null});
    assert_eq!(curl(&shop.customer, TAGS, &[]).ok(), printed);
}

async fn tags_are_replaced_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let [web, db] = tagged(&shop).await;
    let answer = curl(&shop.customer, TAGS_UPDATE, &[("79", &web.to_string())]);
    assert_eq!(answer.ok(), done());
    assert_eq!(shop.shown(web).await["tags"], json!(["asdsa", "asd"]));
    assert_eq!(shop.shown(db).await["tags"], json!(["web1", "ftp1"]));
}

async fn a_tag_is_removed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let ids = tagged(&shop).await;
    assert_eq!(curl(&shop.customer, TAGS_DESTROY, &[]).ok(), done());
    for id in ids {
        assert_eq!(shop.shown(id).await["tags"], json!(["web1"]));
    }
    curl(&shop.customer, TAGS_DESTROY, &[]).refusal(404);
}
