//! What is sold, beyond the printed requests.

use serde_json::{Value, json};
use testkit::{Builder, Shop};

testkit::on_both_databases![
    a_region_that_was_closed_takes_no_new_servers_and_keeps_the_old,
    a_plan_or_an_image_that_was_closed_is_not_listed,
    an_application_is_an_image_with_packages,
];

async fn a_region_that_was_closed_takes_no_new_servers_and_keeps_the_old(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    shop.arcus.tell(&["region", "add", "ist2", "--closed"], "");
    let body = json!({"name": "more", "region": "ist2", "package": "eos1", "image": "debian-12"});
    let message = shop
        .customer
        .post("/v1/server/create", &body)
        .await
        .refusal(400);
    assert!(message.contains("not open for new servers"), "{message}");
    let event = shop.asked(&format!("/v1/server/{id}/reboot"), &[]).await;
    shop.done(event).await;
}

fn slugs(list: &Value) -> Vec<String> {
    let all = list.as_array().expect("an array").iter();
    all.map(|one| one["slug"].as_str().expect("a slug").to_owned())
        .collect()
}

async fn a_plan_or_an_image_that_was_closed_is_not_listed(builder: Builder) {
    let shop = Shop::open(builder).await;
    shop.arcus.tell(&["plan", "add", "eos2", "--closed"], "");
    shop.arcus
        .tell(&["image", "add", "debian-12", "--closed"], "");
    let plans = slugs(&shop.customer.get("/v1/package/list").await.data());
    assert!(!plans.contains(&"eos2".to_owned()) && plans.contains(&"eos1".to_owned()));
    let images = slugs(&shop.customer.get("/v1/image/list").await.data());
    assert!(!images.contains(&"debian-12".to_owned()) && images.contains(&"debian-13".to_owned()));
}

async fn an_application_is_an_image_with_packages(builder: Builder) {
    let shop = Shop::open(builder).await;
    let add = [
        "image",
        "add",
        "redis-server",
        "--distribution=debian-12",
        "--alias=debian/12",
    ];
    let more = ["--package=redis", "--min-memory-mib=2048"];
    shop.arcus.tell(&[&add[..], &more].concat(), "");
    let of = |kind: &'static str| {
        let customer = shop.customer.anonymous();
        async move {
            slugs(
                &customer
                    .get(&format!("/v1/image/list?type={kind}"))
                    .await
                    .data(),
            )
        }
    };
    assert!(of("application").await.contains(&"redis-server".to_owned()));
    assert!(!of("template").await.contains(&"redis-server".to_owned()));
    assert!(
        of("template,application")
            .await
            .contains(&"debian-12".to_owned())
    );
    let mut body =
        json!({"name": "cache", "region": "ist2", "package": "eos1", "image": "redis-server"});
    let message = shop
        .customer
        .post("/v1/server/create", &body)
        .await
        .refusal(400);
    assert!(message.contains("2048"), "{message}");
    body["package"] = json!("eos3");
    let data = shop.customer.post("/v1/server/create", &body).await.data();
    shop.done(data["event_id"].as_i64().expect("an event"))
        .await;
    shop.customer
        .get("/v1/image/list?type=toys")
        .await
        .refusal(400);
}
