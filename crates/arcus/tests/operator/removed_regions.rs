//! What the operator removed stays away; what `arcus.toml` names is laid at every start.

use testkit::{Arcus, Builder};

testkit::on_both_databases![
    a_region_that_the_operator_removed_is_not_offered_again,
    a_region_that_arcus_toml_names_comes_back,
];

/// The slugs of all regions.
fn regions(arcus: &Arcus) -> Vec<String> {
    let listed = arcus.tell(&["region", "ls"], "");
    let rows = listed.lines().skip(1);
    let slugs = rows.filter_map(|row| row.split_whitespace().next());
    slugs.map(str::to_owned).collect()
}

async fn a_region_that_the_operator_removed_is_not_offered_again(builder: Builder) {
    let mut arcus = builder.start().await;
    // With a real Incus on this machine there is `local` besides.
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

async fn a_region_that_arcus_toml_names_comes_back(builder: Builder) {
    let mut arcus = builder.start().await;
    let file = "[[region]]\nslug = \"sandbox\"\ncloud = \"sandbox\"\n";
    std::fs::write(arcus.folder().join("arcus.toml"), file).expect("is written");
    arcus.tell(&["region", "rm", "sandbox"], "");
    assert!(arcus.stop().await.success());
    arcus.restart().await;
    assert!(regions(&arcus).contains(&"sandbox".to_owned()));
}
