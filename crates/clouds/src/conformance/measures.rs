//! What a cloud counts: traffic, disks, machines; and the network that an instance is in.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::scene::{Answer, Scene};
use crate::cloud::Until;

/// Metering adds up differences: while an instance runs, no counter is ever less than it was, and all are of one epoch.
pub async fn traffic_counters_do_not_go_backwards_while_it_runs(scene: &Scene) {
    let (_, running) = scene.running().await;
    let Some(mut before) = scene
        .cloud
        .traffic(&running.at)
        .await
        .if_supported("traffic")
    else {
        return;
    };
    for _ in 0..5 {
        let after = scene.cloud.traffic(&running.at).await.must("traffic");
        assert_eq!(after.epoch, before.epoch);
        assert!(
            after.received_bytes >= before.received_bytes,
            "{before:?}, then {after:?}"
        );
        assert!(
            after.sent_bytes >= before.sent_bytes,
            "{before:?}, then {after:?}"
        );
        before = after;
    }
}

/// Counters that begin anew say so.
pub async fn a_restart_begins_another_epoch_of_traffic(scene: &Scene) {
    let (_, running) = scene.running().await;
    let at = &running.at;
    let before = scene.cloud.traffic(at).await;
    let Some(before) = before.if_supported("traffic") else {
        return;
    };
    scene.cloud.stop(at, true).await.must("stop");
    scene.reaches(at, Until::Stopped).await;
    scene.cloud.start(at).await.must("start");
    scene.reaches(at, Until::Running).await;
    let after = scene.cloud.traffic(at).await.must("traffic");
    let goes_on = after.received_bytes >= before.received_bytes;
    assert!(
        after.epoch != before.epoch || goes_on,
        "{before:?}, then {after:?}"
    );
}

/// What is not known is none, and what is told makes sense.
pub async fn the_disk_the_network_and_the_capacity_are_told(scene: &Scene) {
    let (_, running) = scene.running().await;
    let cloud = &scene.cloud;
    let usage = cloud.disk_usage(&running.at).await;
    let usage = usage.if_supported("disk_usage").flatten();
    assert_ne!(usage, Some(0), "no system takes no room");

    let network = &running.network;
    let v4 = |text: &str| text.parse::<Ipv4Addr>().expect("an IPv4 address").to_bits();
    let mask = network.netmask.as_deref().map(v4);
    if let Some(mask) = mask {
        let ones_then_zeros = mask.leading_ones() + mask.trailing_zeros();
        assert_eq!(ones_then_zeros, 32, "{network:?}");
    }
    let (gateway, address) = (
        network.gateway.as_deref().map(v4),
        running.address().map(v4),
    );
    if let (Some(mask), Some(gateway), Some(address)) = (mask, gateway, address) {
        assert_eq!(gateway & mask, address & mask, "{network:?}");
        assert_ne!(gateway, address, "{network:?}");
    }
    if let Some(ipv6) = &network.ipv6 {
        ipv6.parse::<Ipv6Addr>().expect("an IPv6 address");
    }

    let capacity = cloud.capacity().await.if_supported("capacity").flatten();
    if let Some(capacity) = capacity {
        assert!(capacity.cpus > 0 && capacity.memory_mib > 0, "{capacity:?}");
    }
}
