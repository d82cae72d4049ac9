//! What the operator removed stays away; what `arcus.toml` names is laid at every start.

use serde_json::json;
use testkit::{Arcus, Builder, Scene};

testkit::on_both_databases![
    a_region_that_the_operator_removed_is_not_offered_again,
    a_region_that_arcus_toml_names_comes_back,
    an_environment_without_servers_outlives_no_region,
    an_incus_that_is_not_to_be_looked_for_is_no_region,
];

/// The slugs of all regions.
fn regions(arcus: &Arcus) -> Vec<String> {
    let listed = arcus.tell(&["region", "ls"], "");
    let rows = listed.lines().skip(1);
    let slugs = rows.filter_map(|row| row.split_whitespace().next());
    slugs.map(str::to_owned).collect()
}

async fn a_region_that_the_operator_removed_is_not_offered_again(builder: Builder) {
    // With a real Incus on this machine there is `local` besides.
    let mut arcus = builder.with_incus().start().await;
    let offered = regions(&arcus);
    assert!(offered.contains(&"sandbox".to_owned()), "{offered:?}");
    for slug in &offered {
        arcus.tell(&["region", "rm", slug], "");
    }
    assert!(arcus.stop().await.success());
    arcus.restart().await;
    assert_eq!(regions(&arcus), Vec::<String>::new());

    arcus.tell(&["region", "add", "sandbox", "--cloud=sandbox"], "");
    assert_eq!(regions(&arcus), ["sandbox"]);
}

async fn an_incus_that_is_not_to_be_looked_for_is_no_region(builder: Builder) {
    let arcus = builder
        .with_incus()
        .flag("--find-incus=false")
        .start()
        .await;
    assert_eq!(regions(&arcus), ["sandbox"]);
}

async fn a_region_that_arcus_toml_names_comes_back(builder: Builder) {
    let mut arcus = builder.start().await;
    let file = "[[region]]\nslug = \"sandbox\"\ncloud = \"sandbox\"\n";
    std::fs::write(arcus.folder().join("arcus.toml"), file).expect("is written");
    arcus.tell(&["region", "rm", "sandbox"], "");
    assert!(arcus.stop().await.success());
    arcus.restart().await;
    assert!(regions(&arcus).contains(&"sandbox".to_owned()));
}

async fn an_environment_without_servers_outlives_no_region(builder: Builder) {
    let mut scene = Scene::set(builder).await;
    scene.provider = scene.owner.add_provider("arcus").await;
    let nodes = json!([{"name": "web", "size": "eos1"}]);
    let id = scene.environment("production", &nodes).await;
    let shown = scene.until(&id, "it to be ready", |one| one["ready"] == true);
    let node = shown.await["nodes"][0]["id"].clone();
    let node = format!("/nodes/{}", node.as_str().expect("an id"));
    scene.owner.delete(&node).await.ok();
    scene
        .until(&id, "its node to go", |one| one["nodes"] == json!([]))
        .await;
    scene.arcus.tell(&["region", "rm", "sandbox"], "");
    let path = format!("/environments/{id}");
    let plan = scene.owner.delete(&format!("{path}?plan=true")).await.ok();
    assert_eq!(plan["calls"], json!([]), "{plan}");
    let gone = scene.owner.delete(&path).await.ok();
    assert_eq!(gone["success"], true, "{gone}");
    assert_eq!(scene.environments().await.len(), 0);
}
