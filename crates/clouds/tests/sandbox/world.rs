//! The view from outside: the truth, changes behind our back, the count of calls.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use clouds::registry::{self, Settings};
use clouds::sandbox::{Faults, World};
use clouds::{Budget, ErrorClass};
use domain::credentials::Credentials;
use domain::server::Power;
use tokio::time::Instant;

use crate::support::{INSTALLATION, REGION, Sandbox, budget, class, driver, tag};

#[tokio::test]
async fn an_instance_is_printed_with_its_id_name_state_and_token() {
    let sandbox = Sandbox::open().await;
    let at = sandbox.running("a").await;
    let printed = serde_json::to_value(sandbox.records().await).expect("is JSON");
    let instance = &printed[0];
    assert_eq!(instance["id"], at.id.as_str());
    assert_eq!(instance["name"], "server-a");
    assert_eq!(instance["state"], "running");
    assert_eq!(instance["token"], "a");
    assert_eq!(instance["installation"], INSTALLATION);
    assert_eq!(instance["region"], REGION);
    assert!(
        instance["created_at"]
            .as_str()
            .is_some_and(|time| time.ends_with('Z'))
    );
}

#[tokio::test]
async fn what_an_instance_was_made_with_is_kept() {
    let sandbox = Sandbox::open().await;
    let at = sandbox.running("a").await;
    let details = sandbox.world.details(&at.id).await.expect("the details");
    assert!(details.user_data.contains("nginx"));
    assert_eq!(details.public_keys, ["ssh-ed25519 AAAA someone"]);
    assert_eq!(details.ports, [22, 80]);
    assert!(details.nesting);
}

#[tokio::test]
async fn the_cloud_shows_what_somebody_did_behind_our_back() {
    let sandbox = Sandbox::open().await;
    let at = sandbox.running("a").await;
    sandbox
        .world
        .rename(&at.id, "renamed")
        .await
        .expect("rename");
    assert_eq!(sandbox.cloud.get(&at).await.expect("get").name, "renamed");
    sandbox.world.stop(&at.id).await.expect("stop");
    assert_eq!(
        sandbox.cloud.get(&at).await.expect("get").power,
        Power::Stopped
    );
    sandbox.world.start(&at.id).await.expect("start");
    assert_eq!(
        sandbox.cloud.get(&at).await.expect("get").power,
        Power::Running
    );
    sandbox.world.destroy(&at.id).await.expect("destroy");
    assert_eq!(class(sandbox.cloud.get(&at).await), ErrorClass::NotFound);
    assert_eq!(
        class(sandbox.world.start(&at.id).await),
        ErrorClass::NotFound
    );
    assert_eq!(
        class(sandbox.world.stop("sb-unknown").await),
        ErrorClass::NotFound
    );
}

#[tokio::test]
async fn a_stranger_with_our_tag_is_listed_as_ours_and_one_without_is_not() {
    let sandbox = Sandbox::open().await;
    let orphan = sandbox
        .world
        .add(REGION, "orphan", Some(&tag("lost")))
        .await
        .expect("is added");
    let foreign = sandbox
        .world
        .add(REGION, "foreign", None)
        .await
        .expect("is added");
    let listed = sandbox
        .cloud
        .list(REGION, INSTALLATION)
        .await
        .expect("list");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].at.id, orphan.id);
    assert_eq!(listed[0].power, Power::Running);
    assert_eq!(foreign.token, None);
    assert_eq!(sandbox.records().await, [orphan, foreign]);
}

#[tokio::test]
async fn every_living_instance_has_an_address_of_its_own() {
    let sandbox = Sandbox::open().await;
    let tokens: Vec<_> = (0..50).map(|n| n.to_string()).collect();
    let creates = tokens.iter().map(|token| sandbox.create(token));
    for made in futures::future::join_all(creates).await {
        made.expect("is created");
    }
    let records = sandbox.records().await;
    let addresses: HashSet<Ipv4Addr> = records
        .iter()
        .map(|record| record.address.parse().expect("an address"))
        .collect();
    assert_eq!(addresses.len(), 50);
    let shared =
        |address: &Ipv4Addr| address.octets()[0] == 100 && address.octets()[1] & 0xc0 == 64;
    assert!(addresses.iter().all(shared), "{addresses:?}");
}

#[tokio::test]
async fn calls_are_counted_whatever_becomes_of_them() {
    let sandbox = Sandbox::open().await;
    assert!(sandbox.world.calls().await.expect("calls").is_empty());
    sandbox.create("a").await.expect("is created");
    sandbox
        .set(Faults {
            auth_revoked: true,
            ..Faults::default()
        })
        .await;
    sandbox.create("b").await.expect_err("is refused");
    sandbox.cloud.check().await.expect_err("is refused");
    let calls = sandbox.world.calls().await.expect("calls");
    assert_eq!((calls["create"], calls["check"], calls.len()), (2, 1, 2));
}

#[tokio::test]
async fn a_reset_empties_the_sandbox() {
    let sandbox = Sandbox::with(Faults {
        quota: Some(1),
        ..Faults::default()
    })
    .await;
    let at = sandbox.running("a").await;
    sandbox
        .cloud
        .create_snapshot(&at, "s")
        .await
        .expect("snapshot");
    sandbox.world.reset().await.expect("reset");
    assert_eq!(sandbox.world.all_instances().await.expect("instances"), []);
    assert_eq!(
        sandbox.world.faults().await.expect("faults"),
        Faults::default()
    );
    assert!(sandbox.world.calls().await.expect("calls").is_empty());
    let next = sandbox.running("a").await;
    assert_ne!(next, at, "an id is never used again");
    assert_eq!(sandbox.cloud.snapshots(&next).await.expect("snapshots"), []);
}

#[tokio::test]
async fn a_call_waits_for_its_permit() {
    let sandbox = Sandbox::with(Faults {
        latency_ms: 100,
        ..Faults::default()
    })
    .await;
    let narrow = driver(&sandbox.directory.path().join("sandbox.db"), budget(1));
    let began = Instant::now();
    let (one, two, three) = tokio::join!(narrow.check(), narrow.check(), narrow.check());
    one.and(two).and(three).expect("are accepted");
    assert!(began.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_sandbox_without_a_file_says_what_it_needs() {
    let settings = Settings {
        region: REGION.to_owned(),
        options: serde_json::Map::new(),
        credentials: Credentials::default(),
        budget: Budget::default(),
    };
    let kind = registry::kind("sandbox").expect("there is a sandbox");
    assert!(kind.fields.is_empty());
    let error = (kind.open)(settings).err().expect("is refused");
    assert_eq!(error.class, ErrorClass::Rejected);
    assert!(error.message.contains("`path`"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_not_a_sandbox_is_left_alone() {
    let directory = tempfile::TempDir::new().expect("a directory");
    let path = directory.path().join("sandbox.db");
    std::fs::write(&path, "this is a letter to my aunt, and no database at all").expect("write");
    let error = World::open(&path).await.err().expect("is refused");
    assert_eq!(error.class, ErrorClass::Unavailable);
    assert!(error.message.contains("sandbox.db"), "{error}");
    let text = std::fs::read_to_string(&path).expect("read");
    assert!(text.starts_with("this is a letter"));
}
