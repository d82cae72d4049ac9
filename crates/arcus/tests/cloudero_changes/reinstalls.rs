//! Reinstalling: what is installed, and what is left of a server where it fails.

use serde_json::json;
use testkit::{Builder, Shop, wait};

use crate::hands::{PATIENCE, at_cloud, node, path, shown_node, until_cloud};

testkit::on_both_databases![
    a_reinstalled_node_has_the_packages_again_that_it_was_asked_for_with,
    another_image_takes_its_own_packages_along_and_leaves_those_of_the_owner,
    packages_that_exclude_one_another_are_refused_before_anything_is_reinstalled,
    a_reinstall_that_ended_half_way_leaves_no_running_server,
    a_reinstall_that_the_cloud_refuses_leaves_the_server_as_it_was,
];

/// What its system was told last.
const TOLD: &str = "SELECT user_data FROM instances WHERE goal <> 'terminated'";

/// What is on the disk.
const DISK: &str = "SELECT disk FROM instances";

/// Adds an image with these packages.
fn sell(shop: &Shop, slug: &str, packages: &[&str]) {
    let image = [
        "image",
        "add",
        slug,
        "--distribution=debian-12",
        "--alias=x",
    ];
    let packages = packages.iter().flat_map(|package| ["--package", package]);
    let arguments: Vec<&str> = image.into_iter().chain(packages).collect();
    shop.arcus.tell(&arguments, "");
}

async fn a_reinstalled_node_has_the_packages_again_that_it_was_asked_for_with(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = node(&shop, json!(["redis"]), json!({})).await;
    let before = at_cloud(&shop.arcus, DISK).await;
    let event = shop.asked(&path(id, "refresh_install"), &[]).await;
    shop.done(event).await;
    assert_ne!(at_cloud(&shop.arcus, DISK).await, before);
    assert_eq!(shown_node(&shop).await["packages"], json!(["redis"]));
    let told = at_cloud(&shop.arcus, TOLD).await;
    assert!(told[0].contains("redis"), "{told:?}");
}

async fn another_image_takes_its_own_packages_along_and_leaves_those_of_the_owner(
    builder: Builder,
) {
    let shop = Shop::open(builder).await;
    sell(&shop, "stack", &["apache", "php"]);
    let id = node(&shop, json!(["redis"]), json!({})).await;
    for (image, packages) in [
        ("stack", json!(["apache", "php", "redis"])),
        ("stack", json!(["apache", "php", "redis"])),
        ("debian-13", json!(["redis"])),
    ] {
        let form = [("image", image)];
        let event = shop.asked(&path(id, "refresh_install"), &form).await;
        shop.done(event).await;
        let shown = shown_node(&shop).await;
        assert_eq!(
            (&shown["image"], &shown["packages"]),
            (&json!(image), &packages)
        );
    }
}

async fn packages_that_exclude_one_another_are_refused_before_anything_is_reinstalled(
    builder: Builder,
) {
    let shop = Shop::open(builder).await;
    sell(&shop, "stack", &["apache"]);
    let id = node(&shop, json!(["nginx"]), json!({})).await;
    let form = [("image", "stack")];
    let why = crate::hands::refused(&shop, &path(id, "refresh_install"), &form, 400).await;
    assert!(why.contains("apache and nginx"), "{why}");
    assert_eq!(shop.arcus.calls("rebuild"), 0);
}

async fn a_reinstall_that_ended_half_way_leaves_no_running_server(builder: Builder) {
    let mut shop = Shop::open(builder.variable("ARCUS_LEASE_SECS", "0.6")).await;
    let id = shop.server("web").await;
    let before = at_cloud(&shop.arcus, DISK).await;
    shop.arcus.faults(&["latency_ms=4000"]);
    let event = shop.asked(&path(id, "refresh_install"), &[]).await;
    until_cloud(&shop.arcus, "the old system to go", DISK, |now| {
        now != before
    })
    .await;
    shop.arcus.kill();
    shop.arcus.faults(&["latency_ms=0", "refused=true"]);
    shop.arcus.restart().await;
    shop.customer = shop.customer.at(shop.arcus.base());
    let ended = shop.ended(event).await;
    assert_eq!(ended["status"], -1, "{ended}");
    let shown = shop.shown(id).await;
    assert_eq!(shown["state"], "Error", "{shown}");
    assert_eq!(shown["error"], ended["error"], "{shown}");
    // Once more, and it is there.
    shop.arcus.faults(&["refused=false"]);
    let event = shop.asked(&path(id, "refresh_install"), &[]).await;
    shop.done(event).await;
    let shown = shop.shown(id).await;
    assert_eq!(
        (&shown["state"], shown.get("error")),
        (&json!("Running"), None)
    );
}

async fn a_reinstall_that_the_cloud_refuses_leaves_the_server_as_it_was(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    let before = at_cloud(&shop.arcus, DISK).await;
    let looks = shop.arcus.calls("get");
    shop.arcus.faults(&["latency_ms=4000"]);
    let event = shop.asked(&path(id, "refresh_install"), &[]).await;
    // The first look is let through; what comes after it is not.
    wait::until("the first look", PATIENCE, || async {
        (shop.arcus.calls("get") > looks).then_some(())
    })
    .await;
    shop.arcus.faults(&["latency_ms=0", "refused=true"]);
    let ended = shop.ended(event).await;
    assert_eq!(ended["status"], -1, "{ended}");
    assert_eq!(shop.arcus.calls("rebuild"), 1, "it was asked");
    let shown = shop.shown(id).await;
    assert_eq!(shown["state"], "Running", "{shown}");
    assert_eq!(at_cloud(&shop.arcus, DISK).await, before);
}
