//! Snapshots at Amazon, which outlive their instance unless somebody deletes them.

use super::rig::Rig;

at_both!(an_instance_takes_its_snapshots_along);

async fn an_instance_takes_its_snapshots_along(rig: Rig) {
    let made = rig.running(&rig.request("kept")).await;
    for name in ["one", "two words"] {
        let taken = rig.cloud.create_snapshot(&made.at, name).await;
        taken.expect("is taken");
    }
    let filter = [
        ("Owner.1", "self"),
        ("Filter.1.Name", "tag:arcus:snapshot-of"),
        ("Filter.1.Value.1", made.at.id.as_str()),
    ];
    let images = rig.raw("DescribeImages", &filter).await;
    assert_eq!(images.matches("<imageId>").count(), 2, "{images}");
    let behind = images.split("<snapshotId>").nth(1).expect("has a disk");
    let behind = behind.split('<').next().expect("has an id").to_owned();

    rig.destroy(&made).await;
    let images = rig.raw("DescribeImages", &filter).await;
    assert!(!images.contains("<imageId>"), "{images}");
    let filter = [
        ("Filter.1.Name", "snapshot-id"),
        ("Filter.1.Value.1", behind.as_str()),
    ];
    let left = rig.raw("DescribeSnapshots", &filter).await;
    assert!(!left.contains(&behind), "{left}");
}
