//! What is sold, beyond the printed requests.

use serde_json::{Value, json};
use testkit::{Builder, Shop};

use crate::curls::{APPLICATIONS, IMAGES};
use crate::printed::curl;

testkit::on_both_databases![
    a_region_that_was_closed_takes_no_new_servers_and_keeps_the_old,
    a_plan_or_an_image_that_was_closed_is_not_listed,
    an_application_is_an_image_with_packages,
    the_printed_requests_show_the_templates_and_the_applications_that_arcus_comes_with,
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

async fn the_printed_requests_show_the_templates_and_the_applications_that_arcus_comes_with(
    builder: Builder,
) {
    let shop = Shop::open(builder).await;
    let anybody = shop.customer.anonymous();
    // Every image is to be had everywhere: beside the shop's regions there may be those that Arcus found by itself.
    let regions = slugs(&anybody.get("/v1/region/list").await.data());
    let image = |name: &str, slug: &str, kind: &str, distribution: &str| {
        json!({
            "name": name, "slug": slug, "type": kind, "distribution": distribution, "regions": regions,
            "min_cpu": null, "min_ram": null, "min_disk_size": null,
        })
    };
    let answer = |images: &[Value]| json!({"status": "success", "data": images, "message": null});
    let applications = [
        image("Docker", "docker", "application", "Debian"),
        image("LAMP", "lamp", "application", "Debian"),
        image("Wordpress", "wordpress", "application", "Debian"),
    ];
    let listed = curl(&anybody, APPLICATIONS, &[]).ok();
    assert_eq!(listed, answer(&applications));

    let templates = [
        image("Debian 12", "debian-12", "template", "Debian"),
        image("Debian 13", "debian-13", "template", "Debian"),
        image("Ubuntu 16.04.3", "ubuntu-16-04-x64", "template", "Ubuntu"),
        image("Ubuntu 24.04", "ubuntu-24.04", "template", "Ubuntu"),
    ];
    let mut all = [&templates[..], &applications].concat();
    all.sort_by_key(|image| image["slug"].to_string());
    let listed = curl(&anybody, IMAGES, &[]).ok();
    assert_eq!(listed, answer(&all));
}
