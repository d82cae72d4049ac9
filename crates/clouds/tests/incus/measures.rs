//! What Incus counts, and what a size may be.

use clouds::{ErrorClass, Until};
use serde_json::json;

use crate::pools::in_a_pool;
use crate::rig::{PATIENCE, Rig, eventually, on_incus, plan, until_it_can};

/// The driver of the pool of root disks: the default profile's.
async fn pool_of(rig: &Rig) -> (String, String) {
    let profile = rig.raw.call("GET", "profiles/default", None).await;
    let name = profile["devices"]["root"]["pool"].as_str();
    let name = name.expect("has a pool").to_owned();
    let pool = rig
        .raw
        .call("GET", &format!("storage-pools/{name}"), None)
        .await;
    (name, pool["driver"].as_str().expect("is a word").to_owned())
}

#[tokio::test]
async fn a_disk_does_not_become_smaller_than_what_is_on_it() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("full")).await;
        rig.inside(&made, "fallocate -l 1300M /root/big; sync")
            .await;
        // A pool may count what a snapshot has as well for nobody.
        rig.cloud
            .create_snapshot(&made.at, "shared")
            .await
            .expect("takes a snapshot");
        let before = rig.shown(&made).await;
        let refused = rig.cloud.resize(&made.at, &plan(2, 640, 1)).await;
        let refused = refused.expect_err("does not fit");
        assert_eq!(refused.class, ErrorClass::Rejected, "{refused}");
        let both =
            refused.message.contains(" GiB are in use") && refused.message.contains("of 1 GiB");
        assert!(both, "{refused}");
        let after = rig.shown(&made).await;
        assert_eq!(after["config"], before["config"], "nothing was changed");
        assert_eq!(after["devices"], before["devices"]);

        rig.cloud
            .resize(&made.at, &plan(1, 512, 3))
            .await
            .expect("fits");
        assert_eq!(rig.shown(&made).await["devices"]["root"]["size"], "3GiB");
        if pool_of(rig).await.1 == "btrfs" {
            let state = format!("instances/{}/state", made.at.id);
            let state = rig.raw.call("GET", &state, None).await;
            assert_eq!(state["disk"]["root"]["total"], 3_u64 << 30, "the quota");
        }
        rig.inside(&made, "rm /root/big; sync").await;
        rig.cloud
            .resize(&made.at, &plan(1, 512, 1))
            .await
            .expect("fits now");
    })
    .await;
}

#[tokio::test]
async fn a_disk_is_counted_where_the_pool_counts() {
    on_incus(async |rig| {
        let (_, driver) = pool_of(rig).await;
        if driver != "btrfs" {
            let made = rig.running(&rig.request("uncounted")).await;
            let usage = rig.cloud.disk_usage(&made.at).await.expect("is told");
            assert!(driver != "dir" || usage.is_none(), "{usage:?}");
            return;
        }
        // A pool of its own: a kernel may count no more in one from which a lot was deleted.
        in_a_pool(
            rig,
            "btrfs",
            json!({ "size": "3GiB" }),
            async |cloud, made| {
                let count = async || {
                    let counted = cloud.disk_usage(&made.at).await.expect("is counted");
                    counted.unwrap_or_default()
                };
                rig.inside(made, "sync").await;
                let before = count().await;
                rig.inside(made, "fallocate -l 512M /root/big; sync").await;
                let after = count().await;
                assert!(
                    before > 0 && after > before + (400 << 20),
                    "{before:?}, {after:?}"
                );
                cloud
                    .create_snapshot(&made.at, "sized")
                    .await
                    .expect("takes a snapshot");
                let snapshots = cloud.snapshots(&made.at).await.expect("lists");
                assert!(snapshots[0].size_bytes.is_some(), "{snapshots:?}");
            },
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn counters_of_traffic_are_marked_anew_by_every_kind_of_restart() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("epochs")).await;
        let epoch = async || {
            let traffic = until_it_can(async || rig.cloud.traffic(&made.at).await).await;
            traffic.expect("is told").epoch
        };
        let first = epoch().await;
        assert_eq!(epoch().await, first);
        assert!(!first.is_empty());
        rig.cloud.reboot(&made.at).await.expect("restarts");
        rig.cloud
            .wait(&made.at, Until::Running, PATIENCE)
            .await
            .expect("runs");
        let second = epoch().await;
        assert_ne!(second, first);
        assert_eq!(epoch().await, second);

        rig.inside(&made, "systemctl reboot --no-block").await;
        let anew = |epoch: &String| *epoch != second && !epoch.is_empty();
        assert!(anew(&eventually(epoch, anew).await), "still {second}");
        rig.cloud
            .wait(&made.at, Until::Running, PATIENCE)
            .await
            .expect("runs");
    })
    .await;
}

#[tokio::test]
async fn the_network_is_told_as_its_owner_would_configure_it() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("network")).await;
        let route = "ip -4 route show default dev eth0 | cut -d' ' -f3";
        let gateway = rig.inside(&made, route).await;
        let told = rig.cloud.wait(&made.at, Until::Running, PATIENCE).await;
        let told = told.expect("runs").network;
        assert_eq!(told.gateway, Some(gateway));
        assert_eq!(told.netmask.as_deref(), Some("255.255.255.0"));
        assert_eq!(told.ipv6, None);

        let add = "sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0; ip -6 address add fd42:7::5/64 dev eth0 nodad";
        rig.inside(&made, add).await;
        let told = rig.cloud.wait(&made.at, Until::Running, PATIENCE).await;
        let told = told.expect("runs").network;
        assert_eq!(told.ipv6.as_deref(), Some("fd42:7::5"));
    })
    .await;
}

#[tokio::test]
async fn the_capacity_is_that_of_the_machine_and_its_pool() {
    on_incus(async |rig| {
        let capacity = rig.cloud.capacity().await.expect("is told");
        let capacity = capacity.expect("it ends somewhere");
        let machine = rig.raw.call("GET", "resources", None).await;
        let (pool, _) = pool_of(rig).await;
        let space = rig
            .raw
            .call("GET", &format!("storage-pools/{pool}/resources"), None)
            .await;
        assert_eq!(json!(capacity.cpus), machine["cpu"]["total"]);
        let memory = machine["memory"]["total"].as_u64().expect("is a number");
        assert_eq!(capacity.memory_mib, memory >> 20);
        let disk = space["space"]["total"].as_u64().expect("is a number");
        assert_eq!(capacity.disk_gib, disk >> 30);
    })
    .await;
}
