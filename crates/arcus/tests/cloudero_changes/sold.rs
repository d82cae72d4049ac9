//! What the operator has closed, and plans that are too small, in every way in which a server could get them.

use testkit::{Builder, Shop};

use crate::hands::{path, refused, snapshot};

testkit::on_both_databases![
    a_closed_region_a_closed_plan_and_a_closed_image_are_to_be_had_in_no_way,
    a_plan_that_is_too_small_for_its_image_is_to_be_had_in_no_way,
];

async fn a_closed_region_a_closed_plan_and_a_closed_image_are_to_be_had_in_no_way(
    builder: Builder,
) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    let before = snapshot(&shop, id, "before").await;
    let close = |kind: &str, slug: &str, state: &str| {
        shop.arcus.tell(&[kind, "add", slug, state], "");
    };
    let copy = [
        ("name", "copy"),
        ("package", "eos3"),
        ("snapshot_id", &*before),
    ];
    let from_snapshot = "/v1/server/create_from_snapshot";
    close("region", "ist2", "--closed");
    let why = refused(&shop, from_snapshot, &copy, 400).await;
    assert!(why.contains("region \"ist2\" is not open"), "{why}");
    close("region", "ist2", "--open");
    close("plan", "eos3", "--closed");
    let why = refused(&shop, from_snapshot, &copy, 400).await;
    assert!(why.contains("package \"eos3\" is not open"), "{why}");
    let upgrade = [("package", "eos3")];
    let why = refused(&shop, &path(id, "upgrade_package"), &upgrade, 400).await;
    assert!(why.contains("package \"eos3\" is not open"), "{why}");
    close("plan", "eos3", "--open");
    // A snapshot is no new server of its image.
    close("image", "debian-12", "--closed");
    close("image", "debian-13", "--closed");
    let event = shop.asked(from_snapshot, &copy).await;
    let made = shop.done(event).await["subscription_id"].as_i64();
    let reinstall = path(made.expect("an id"), "refresh_install");
    let why = refused(&shop, &reinstall, &[("image", "debian-13")], 400).await;
    assert!(why.contains("image \"debian-13\" is not open"), "{why}");
    // Its own is its own still.
    let event = shop.asked(&reinstall, &[]).await;
    shop.done(event).await;
}

async fn a_plan_that_is_too_small_for_its_image_is_to_be_had_in_no_way(builder: Builder) {
    let shop = Shop::open(builder).await;
    let large = ["--distribution=debian-12", "--alias=x", "--min-cpus=2"];
    let large = [&["image", "add", "large"][..], &large].concat();
    shop.arcus.tell(&large, "");
    let thin = ["--cpus=1", "--memory-mib=4096", "--disk-gib=500"];
    let thin = [&["plan", "add", "thin"][..], &thin].concat();
    shop.arcus.tell(&thin, "");
    let form = [("name", "web"), ("region", "ist2"), ("image", "large")];
    let create = "/v1/server/create";
    let too_small = [&form[..], &[("package", "thin")]].concat();
    let why = refused(&shop, create, &too_small, 400).await;
    assert!(why.contains("2 CPUs"), "{why}");
    let event = shop
        .asked(create, &[&form[..], &[("package", "eos3")]].concat())
        .await;
    let id = shop.done(event).await["subscription_id"].as_i64();
    let id = id.expect("an id");
    let why = refused(
        &shop,
        &path(id, "upgrade_package"),
        &[("package", "thin")],
        400,
    )
    .await;
    assert!(why.contains("2 CPUs"), "{why}");
    let before = snapshot(&shop, id, "before").await;
    let copy = [
        ("name", "copy"),
        ("package", "thin"),
        ("snapshot_id", &*before),
    ];
    let why = refused(&shop, "/v1/server/create_from_snapshot", &copy, 400).await;
    assert!(why.contains("2 CPUs"), "{why}");
    let small = shop.server("small").await;
    let why = refused(
        &shop,
        &path(small, "refresh_install"),
        &[("image", "large")],
        400,
    )
    .await;
    assert!(why.contains("2 CPUs"), "{why}");
}
