//! Firewalls and networks of groups.

use std::sync::Arc;

use clouds::{Cloud, ErrorClass, GroupRef, InstanceRef};
use serde_json::{Value, json};
use testkit::hetzner::{Fault, StandIn};

use super::rig::{REGION, alone, destroy, raw, request, running, sent};

fn ports(rules: &Value) -> Vec<&str> {
    let rules = rules.as_array().expect("rules");
    let mut ports: Vec<_> = rules
        .iter()
        .filter_map(|rule| rule["port"].as_str())
        .collect();
    ports.sort_unstable();
    ports
}

#[tokio::test]
async fn a_group_has_one_firewall_which_lets_in_what_its_servers_ask_for() {
    let (stand_in, cloud) = alone();
    let mut first = request("one");
    first.ports = vec![443];
    let mut second = request("two");
    second.group.clone_from(&first.group);
    second.ports = vec![443, 8080];
    let one = running(&cloud, &first).await;
    let other = running(&cloud, &second).await;
    assert_eq!(stand_in.firewalls(), ["arcus-group-one"]);
    let made = sent(&stand_in, "POST", "/v1/firewalls");
    assert_eq!(ports(&made[0]["rules"]), ["22", "443"]);
    let set = sent(&stand_in, "POST", "/set_rules");
    assert_eq!(set.len(), 1, "what is missing, once");
    assert_eq!(ports(&set[0]["rules"]), ["22", "443", "8080"]);

    for (at, left) in [(&one.at, 1), (&other.at, 0)] {
        destroy(&cloud, at).await;
        let cleared = cloud.clear_group(&first.region, &first.group).await;
        cleared.expect("looked at");
        assert_eq!(stand_in.firewalls().len(), left);
        assert_eq!(stand_in.networks().len(), left);
    }
    let again = cloud.clear_group(&first.region, &first.group).await;
    again.expect("nothing is kept");
}

#[tokio::test]
async fn a_group_in_two_network_zones_has_one_network_that_reaches_both() {
    let (stand_in, cloud) = alone();
    let first = request("zones");
    let mut second = request("zones");
    second.region = "ash".to_owned();
    for request in [&first, &second] {
        let made = running(&cloud, request).await;
        assert!(made.private_ip.is_some());
    }
    assert_eq!(stand_in.networks(), ["arcus-group-zones"]);
    let added = sent(&stand_in, "POST", "/add_subnet");
    assert_eq!(added.len(), 1);
    assert_eq!(added[0]["network_zone"], "us-east");
}

#[tokio::test]
async fn a_firewall_that_is_in_use_for_a_moment_more_is_deleted_by_the_next_try_and_the_network_after_it()
 {
    let (stand_in, cloud) = alone();
    let request = request("used");
    let made = running(&cloud, &request).await;
    destroy(&cloud, &made.at).await;
    stand_in.fault(
        "DELETE",
        "/v1/firewalls/",
        Fault::Refuse(422, "resource_in_use"),
    );
    let clear = || cloud.clear_group(&request.region, &request.group);
    let refused = clear().await.expect_err("it is in use");
    assert_eq!(refused.class, ErrorClass::Unavailable, "{refused}");
    let calls = stand_in.calls();
    let mut deleted = calls.iter().filter(|call| call.method == "DELETE");
    assert!(!deleted.any(|call| call.path.contains("/networks/")));
    clear().await.expect("it is in use no more");
    assert!(stand_in.firewalls().is_empty());
}

/// Takes the last server of a group away, and what the group has. Whether the preview names the deletion of the network.
async fn end(cloud: &Arc<dyn Cloud>, at: &InstanceRef, group: &str) -> bool {
    let of = GroupRef {
        region: REGION.to_owned(),
        name: group.to_owned(),
    };
    let last = std::slice::from_ref(at);
    let foreseen = cloud.preview_destroy(last, Some(&of)).await;
    let foreseen = foreseen.expect("foreseen");
    destroy(cloud, at).await;
    let cleared = cloud.clear_group(REGION, group).await;
    cleared.expect("cleared");
    let mut calls = foreseen.iter();
    calls.any(|one| one.call.starts_with("DELETE /v1/networks/"))
}

/// A server of somebody else's, in the network of the one that was made last.
async fn attach_theirs(stand_in: &StandIn) {
    let made = sent(stand_in, "POST", "/v1/servers");
    let networks = &made.last().expect("one was made")["networks"];
    let theirs = json!({
        "name": "theirs", "location": REGION, "server_type": "cx23", "image": "114690387", "labels": {},
        "networks": networks,
    });
    raw(&stand_in.url(), "servers", &theirs).await;
    assert!(stand_in.servers().contains(&"theirs".to_owned()));
}

#[tokio::test]
async fn a_network_to_which_others_are_attached_stays_and_no_preview_says_otherwise() {
    for with_server in [true, false] {
        let (stand_in, cloud) = alone();
        let request = request("shared");
        let made = running(&cloud, &request).await;
        if with_server {
            attach_theirs(&stand_in).await;
        } else {
            stand_in.attach_load_balancer();
        }
        let foreseen = end(&cloud, &made.at, &request.group).await;
        assert!(!foreseen, "with a server: {with_server}");
        assert_eq!(stand_in.networks(), ["arcus-group-shared"]);
        assert_eq!(stand_in.firewalls(), [""; 0]);
    }
}

#[tokio::test]
async fn a_server_that_is_listed_and_gone_does_not_keep_what_its_group_has() {
    let (stand_in, cloud) = alone();
    let request = request("lag");
    let made = running(&cloud, &request).await;
    stand_in.let_lists_lag();
    assert!(end(&cloud, &made.at, &request.group).await, "foreseen");
    assert_eq!(stand_in.firewalls(), [""; 0]);
    assert_eq!(stand_in.networks(), [""; 0]);
}
