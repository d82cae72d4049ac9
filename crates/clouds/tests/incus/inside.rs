//! What is done to the system inside: its password, its disk, its snapshots.

use clouds::{ErrorClass, Tag, Until};
use domain::server::Power;
use serde_json::json;

use crate::rig::{PATIENCE, image, on_incus, plan, set_password};

#[tokio::test]
async fn a_password_that_is_set_stands_in_the_guest() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("password")).await;
        let shadow = async || rig.inside(&made, "grep ^root: /etc/shadow").await;
        let before = shadow().await;
        set_password(&rig.cloud, &made.at, "root", "pass: wörd 'x'")
            .await
            .expect("is set");
        let after = shadow().await;
        assert_ne!(after, before);
        assert!(after.starts_with("root:$"), "{after}");

        let error = set_password(&rig.cloud, &made.at, "nobody-here", "hunter2hunter2").await;
        let error = error.expect_err("no such user");
        assert_eq!(error.class, ErrorClass::Rejected, "{error}");
        assert!(!error.message.contains("hunter2"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_rebuilt_system_is_new_and_takes_its_user_data() {
    on_incus(async |rig| {
        let file = |text: &str| {
            let file = json!({ "write_files": [{ "path": "/root/given", "content": text }] });
            format!("#cloud-config\n{file}\n")
        };
        let mut request = rig.request("rebuild");
        request.user_data = file("first");
        let made = rig.running(&request).await;
        let settled = "cloud-init status --wait >/dev/null; cat /root/given";
        assert_eq!(rig.inside(&made, settled).await, "first");
        rig.inside(&made, "touch /root/old").await;

        for given in ["second", "second"] {
            let data = file(given);
            rig.cloud
                .rebuild(&made.at, &image(), &data)
                .await
                .expect("rebuilds");
            let again = rig
                .cloud
                .wait(&made.at, Until::Running, PATIENCE)
                .await
                .expect("runs");
            assert_eq!(again.address(), made.address());
            assert_eq!(rig.inside(&made, settled).await, given);
            assert_eq!(rig.inside(&made, "ls /root").await, "given");
            rig.inside(&made, "touch /root/old").await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_system_with_snapshots_is_not_rebuilt_and_goes_on_running() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("snapped")).await;
        rig.cloud
            .create_snapshot(&made.at, "kept")
            .await
            .expect("takes a snapshot");
        let error = rig
            .cloud
            .rebuild(&made.at, &image(), "")
            .await
            .expect_err("refused");
        assert_eq!(error.class, ErrorClass::Rejected, "{error}");
        assert_eq!(
            rig.cloud.get(&made.at).await.expect("is there").power,
            Power::Running
        );
    })
    .await;
}

#[tokio::test]
async fn a_restored_disk_leaves_the_owner_and_the_size_as_they_are() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("restored")).await;
        let at = &made.at;
        rig.inside(&made, "echo old >/root/state; sync").await;
        rig.cloud
            .create_snapshot(at, "before")
            .await
            .expect("takes a snapshot");
        rig.inside(&made, "echo new >/root/state").await;
        let token = "another-token".to_owned();
        let tag = Tag {
            installation: rig.installation.clone(),
            token,
        };
        rig.cloud.adopt(at, &tag).await.expect("adopts");
        rig.cloud
            .resize(at, &plan(1, 640, 5))
            .await
            .expect("resizes");

        rig.cloud
            .restore_snapshot(at, "before")
            .await
            .expect("restores");
        rig.cloud.start(at).await.expect("starts");
        let restored = rig
            .cloud
            .wait(at, Until::Running, PATIENCE)
            .await
            .expect("runs");
        assert_eq!(rig.inside(&made, "cat /root/state").await, "old");
        assert_eq!(restored.tag, Some(tag));
        assert_eq!(rig.memory_inside(&made).await, 640 << 20);
        assert_eq!(rig.shown(&made).await["devices"]["root"]["size"], "5GiB");
    })
    .await;
}
