//! What a create asks of Amazon.

use clouds::{ErrorClass, SnapshotRef};
use domain::random;

use super::rig::{Rig, image, plan};

at_both!(
    an_instance_is_made_whole,
    user_data_that_is_too_long_makes_nothing,
    a_disk_grows_and_never_shrinks,
);

/// Tags, disk, metadata service and key come with the one call that makes the instance.
async fn an_instance_is_made_whole(rig: Rig) {
    let mut request = rig.request("whole");
    request.plan = plan("t3.small", 33);
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1e1q7Lw5y2vEHnS1GFfLkZq0k1mXo5l0Yxv0yq1h9P a";
    request.public_keys = vec![key.to_owned()];
    let made = rig.running(&request).await;
    let id = made.at.id.as_str();

    let shown = rig.raw("DescribeInstances", &[("InstanceId.1", id)]).await;
    assert!(
        shown.contains("<httpTokens>required</httpTokens>"),
        "{shown}"
    );
    assert!(
        shown.contains("<httpPutResponseHopLimit>1</httpPutResponseHopLimit>"),
        "{shown}"
    );
    assert!(shown.contains("<keyName>arcus-"), "{shown}");
    assert!(
        shown.contains("<instanceType>t3.small</instanceType>"),
        "{shown}"
    );
    let filter = [
        ("Filter.1.Name", "attachment.instance-id"),
        ("Filter.1.Value.1", id),
    ];
    let disks = rig.raw("DescribeVolumes", &filter).await;
    assert!(disks.contains("<size>33</size>"), "{disks}");
    assert!(disks.contains("<volumeType>gp3</volumeType>"), "{disks}");
    assert!(disks.contains(&request.tag.token), "{disks}");
    assert_eq!(made.tag, Some(request.tag));
    assert!(made.created_at.is_some());
    rig.destroy(&made).await;
}

/// What Amazon would refuse is refused before anything is made.
async fn user_data_that_is_too_long_makes_nothing(rig: Rig) {
    let mut request = rig.request("long");
    request.user_data = random::hex::<40_000>();
    let refused = rig.cloud.create(&request).await.expect_err("is too long");
    assert_eq!(refused.class, ErrorClass::Rejected);
    let found = rig.cloud.find(&request.region, &request.tag).await;
    assert_eq!(found.expect("looks"), []);
}

/// A size that grows takes the disk along, and a disk never shrinks.
async fn a_disk_grows_and_never_shrinks(rig: Rig) {
    let mut request = rig.request("grows");
    request.plan = plan("t3.small", 20);
    let made = rig.running(&request).await;
    let refused = rig.cloud.resize(&made.at, &plan("t3.large", 10)).await;
    assert_eq!(refused.expect_err("is smaller").class, ErrorClass::Rejected);
    let id = made.at.id.as_str();
    let shown = rig.raw("DescribeInstances", &[("InstanceId.1", id)]).await;
    assert!(
        shown.contains("<instanceType>t3.small</instanceType>"),
        "{shown}"
    );

    rig.cloud
        .resize(&made.at, &plan("t3.large", 40))
        .await
        .expect("grows");
    let shown = rig.raw("DescribeInstances", &[("InstanceId.1", id)]).await;
    assert!(
        shown.contains("<instanceType>t3.large</instanceType>"),
        "{shown}"
    );
    let filter = [
        ("Filter.1.Name", "attachment.instance-id"),
        ("Filter.1.Value.1", id),
    ];
    let disks = rig.raw("DescribeVolumes", &filter).await;
    assert!(disks.contains("<size>40</size>"), "{disks}");
    rig.destroy(&made).await;
}

/// Those that the image brings, too, whatever it says of them; as does what is made from a snapshot of such a server.
#[tokio::test]
async fn every_disk_of_a_server_goes_with_it() {
    let rig = Rig::stand_in();
    let mut request = rig.request("database");
    request.image = image("anything", Some("ami-0da7a00000000001"));
    request.plan = plan("t3.small", 33);
    let made = rig.running(&request).await;
    assert_eq!(rig.amazon().volumes().len(), 2);
    let all = rig.raw("DescribeVolumes", &[]).await;
    for size in [33, 20] {
        assert!(all.contains(&format!("<size>{size}</size>")), "{all}");
    }
    // By hand, as for a disk that is to stay: what is made from its snapshot is another server's.
    rig.amazon().keep_disks(&made.at.id);
    let taken = rig.cloud.create_snapshot(&made.at, "one").await;
    taken.expect("is taken");
    let mut copy = rig.request("copy");
    copy.snapshot = Some(SnapshotRef {
        of: made.at.clone(),
        name: "one".to_owned(),
    });
    let copy = rig.running(&copy).await;
    assert_eq!(rig.amazon().volumes().len(), 4);
    rig.destroy(&copy).await;
    assert_eq!(rig.amazon().volumes().len(), 2);
    let mut again = rig.request("again");
    again.image = request.image;
    let again = rig.running(&again).await;
    rig.destroy(&again).await;
    assert_eq!(rig.amazon().volumes().len(), 2);
    rig.destroy(&made).await;
}
