//! `add` on a slug that is there changes what its flags name, and nothing else.

use testkit::{Arcus, Builder};

testkit::on_both_databases![
    adding_a_plan_again_changes_only_what_is_named,
    adding_an_image_again_changes_only_what_is_named,
    adding_a_region_again_changes_only_what_is_named,
];

/// The line of `NOUN ls` that begins with that slug, its cells parted by one blank.
fn line(arcus: &Arcus, noun: &str, slug: &str) -> String {
    let listed = arcus.tell(&[noun, "ls"], "");
    let mut lines = listed.lines().map(|line| {
        let cells: Vec<_> = line.split_whitespace().collect();
        cells.join(" ")
    });
    let found = lines.find(|line| line.split(' ').next() == Some(slug));
    found.unwrap_or_else(|| panic!("no {slug} in {listed}"))
}

async fn adding_a_plan_again_changes_only_what_is_named(builder: Builder) {
    let arcus = builder.start().await;
    let add = ["plan", "add", "small"];
    let sizes = ["--cpus=1", "--memory-mib=512", "--disk-gib=10"];
    let rest = [
        "--family=Tiny",
        "--hourly=0.005",
        "--monthly=3.5",
        "--closed",
    ];
    let refused = arcus.run(&[&add[..], &sizes[1..]].concat());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && said.contains("--cpus"),
        "{said}"
    );

    let said = arcus.tell(&[&add[..], &sizes, &rest].concat(), "");
    assert_eq!(said, "the plan small was added");
    let said = arcus.tell(&[&add[..], &["--cpus=2"]].concat(), "");
    assert_eq!(said, "the plan small was changed: cpus: 2 (was: 1)");
    let expected = "small Tiny 2 512 10 0.0050 3.5000 closed";
    assert_eq!(line(&arcus, "plan", "small"), expected);

    let said = arcus.tell(&[&add[..], &["--open", "--cpus=2"]].concat(), "");
    assert_eq!(
        said,
        "the plan small was changed: state: open (was: closed)"
    );
    let said = arcus.tell(&add, "");
    assert_eq!(said, "the plan small stays as it was");
}

async fn adding_an_image_again_changes_only_what_is_named(builder: Builder) {
    let arcus = builder.start().await;
    let add = ["image", "add", "mine"];
    let refused = arcus.run(&[&add[..], &["--alias=mine"]].concat());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && said.contains("--distribution"),
        "{said}"
    );

    let flags = [
        "--distribution=debian-12",
        "--name=Mine",
        "--login-user=debian",
        "--alias=mine",
        "--server=https://images.example.com",
        "--remote-alias=debian/12",
        "--closed",
    ];
    arcus.tell(&[&add[..], &flags].concat(), "");
    let said = arcus.tell(&[&add[..], &["--name=Ours"]].concat(), "");
    assert_eq!(said, "the image mine was changed: name: Ours (was: Mine)");
    let expected = "mine Ours debian-12 debian mine https://images.example.com closed";
    assert_eq!(line(&arcus, "image", "mine"), expected);
    let said = arcus.tell(&[&add[..], &["--alias="]].concat(), "");
    assert_eq!(said, "the image mine was changed: alias: none (was: mine)");
}

async fn adding_a_region_again_changes_only_what_is_named(builder: Builder) {
    let arcus = builder.start().await;
    let add = ["region", "add", "sandbox"];
    let said = arcus.tell(&[&add[..], &["--closed", "--name=Trying"]].concat(), "");
    assert_eq!(
        said,
        "the region sandbox was changed: name: Trying (was: Sandbox (simulated)); state: closed (was: open)"
    );
    let said = arcus.tell(&[&add[..], &["--name=Toy"]].concat(), "");
    assert_eq!(
        said,
        "the region sandbox was changed: name: Toy (was: Trying)"
    );
    let expected = "sandbox Toy sandbox closed cli";
    assert_eq!(line(&arcus, "region", "sandbox"), expected);

    let refused = arcus.run(&[&add[..], &["--cloud=incus", "--url=/nowhere"]].concat());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && said.contains("stays there"),
        "{said}"
    );
    assert_eq!(line(&arcus, "region", "sandbox"), expected);
}
