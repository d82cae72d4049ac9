//! Making servers and what is seen of them: names, images, the network, the offer, pages, traffic.

use std::time::Duration;

use clouds::{ErrorClass, GroupRef};
use domain::Money;
use testkit::hetzner::{StandIn, TOKEN};

use super::rig::{REGION, alone, plan, request, running, sent};

#[tokio::test]
async fn a_name_that_hetzner_does_not_allow_comes_back_whole() {
    let (stand_in, cloud) = alone();
    let mut request = request("name");
    request.name = "web_1--Front.example".to_owned();
    let made = running(&cloud, &request).await;
    assert_eq!(made.name, request.name);
    let servers = stand_in.servers();
    assert!(
        servers[0].starts_with("web-1-front-example-"),
        "{servers:?}"
    );
    let last = domain::names::deleted(&request.name);
    cloud.retire(&made.at, &last).await.expect("renamed");
    assert_eq!(cloud.get(&made.at).await.expect("is there").name, last);
    let servers = stand_in.servers();
    assert!(servers[0].contains("-del"), "{servers:?}");
}

#[tokio::test]
async fn an_image_is_of_the_architecture_of_the_size() {
    let (stand_in, cloud) = alone();
    for (size, image) in [("cx23", "114690387"), ("cax11", "114690389")] {
        let mut request = request(size);
        request.plan = plan(size, 40);
        running(&cloud, &request).await;
        let made = sent(&stand_in, "POST", "/v1/servers");
        assert_eq!(made.last().expect("one")["image"], image, "{size}");
    }
    for (size, distribution, named) in [
        ("cx0", "debian-12", "cx0"),
        ("cax11", "ubuntu-24.04", "ubuntu-24.04"),
    ] {
        let mut request = request("none");
        request.plan = plan(size, 40);
        request.image.source.alias = None;
        distribution.clone_into(&mut request.image.distribution);
        let refused = cloud.create(&request).await.expect_err("is not sold");
        assert_eq!(refused.class, ErrorClass::Rejected);
        assert!(refused.message.contains(named), "{refused}");
    }
}

#[tokio::test]
async fn a_server_has_a_public_and_a_private_address_and_an_ipv6_one() {
    let (_stand_in, cloud) = alone();
    let seen = running(&cloud, &request("net")).await;
    assert!(
        seen.public_ip
            .as_deref()
            .is_some_and(|ip| ip.starts_with("203.0."))
    );
    assert!(
        seen.private_ip
            .as_deref()
            .is_some_and(|ip| ip.starts_with("10.98."))
    );
    let ipv6 = seen.network.ipv6.expect("an address");
    assert!(
        ipv6.starts_with("2001:db8:") && ipv6.ends_with("::1"),
        "{ipv6}"
    );
    assert!(seen.created_at.is_some());
}

#[tokio::test]
async fn the_offer_has_locations_and_server_types_with_exact_prices() {
    let (_stand_in, cloud) = alone();
    let offer = cloud.offer().await.expect("an offer");
    let region = offer.regions.iter().find(|region| region.slug == REGION);
    let region = region.expect("is there");
    assert_eq!(
        (region.name.as_str(), region.country.as_str()),
        ("Falkenstein", "DE")
    );
    let plan = offer.plans.iter().find(|plan| plan.slug == "cx23");
    let plan = plan.expect("is sold");
    assert_eq!(
        (plan.hourly, plan.monthly),
        (Money(6_600), Money(4_090_000)),
        "with an IPv4 address, where it costs most"
    );
    assert_eq!((plan.cpus, plan.memory_mib, plan.disk_gib), (2, 4096, 40));
    assert!(plan.open && plan.bandwidth_tb == 21);
    assert!(offer.images.is_empty());
}

#[tokio::test]
async fn a_list_of_several_pages_is_read_to_its_end() {
    let (stand_in, cloud) = alone();
    let request = request("pages");
    let creates = (0..51).map(|_| {
        let mut one = request.clone();
        one.tag.token = domain::random::hex::<8>();
        let cloud = cloud.clone();
        async move { cloud.create(&one).await }
    });
    for made in futures::future::join_all(creates).await {
        made.expect("is made");
    }
    let listed = cloud.list(REGION, &request.tag.installation).await;
    assert_eq!(listed.expect("is listed").len(), 51);
    let second = |path: &str| path.contains("label_selector=") && path.contains("&page=2");
    let calls = stand_in.calls();
    assert_eq!(calls.iter().filter(|call| second(&call.path)).count(), 1);
    let elsewhere = cloud.list("ash", &request.tag.installation).await;
    assert!(elsewhere.expect("listed").is_empty());
}

#[tokio::test]
async fn the_counters_of_all_servers_are_read_at_once_and_go_on_over_a_restart() {
    let (stand_in, cloud) = alone();
    let one = running(&cloud, &request("one")).await;
    let other = running(&cloud, &request("other")).await;
    stand_in.set_traffic(5_000, 7_000);
    let before = stand_in.calls().len();
    let mut seen = Vec::new();
    for at in [&one.at, &other.at, &one.at] {
        seen.push(cloud.traffic(at).await.expect("is counted"));
    }
    assert_eq!(
        stand_in.calls().len() - before,
        1,
        "one call for all of them"
    );
    assert_eq!((seen[0].received_bytes, seen[0].sent_bytes), (5_000, 7_000));
    // One that was made since is looked at by itself.
    let third = running(&cloud, &request("third")).await;
    let third = cloud.traffic(&third.at).await.expect("is counted");
    assert_eq!(third.epoch, seen[0].epoch);
}

#[tokio::test]
async fn user_data_beyond_the_limit_is_refused_before_anything_is_sent() {
    let (stand_in, cloud) = alone();
    let mut request = request("large");
    request.user_data = "#".repeat((32 << 10) + 1);
    let refused = cloud.create(&request).await.expect_err("refused");
    assert_eq!(refused.class, ErrorClass::Rejected);
    assert!(refused.message.contains("32768"), "{refused}");
    assert_eq!(stand_in.calls().len(), 0);
}

#[tokio::test]
async fn a_server_type_that_the_location_does_not_sell_is_refused_before_anything_is_made() {
    let (stand_in, cloud) = alone();
    let mut request = request("not-sold");
    request.public_keys = vec![super::rig::KEY.to_owned()];
    request.plan = plan("cax11", 40);
    "ash".clone_into(&mut request.region);
    let requests = std::slice::from_ref(&request);
    let foreseen = cloud.preview_create(requests).await.map(drop);
    let made = cloud.create(&request).await.map(drop);
    for refused in [foreseen, made] {
        let refused = refused.expect_err("refused");
        assert_eq!(refused.class, ErrorClass::Rejected);
        assert_eq!(refused.message, "cax11 is not sold in ash");
    }
    assert_eq!(changing(&stand_in, 0), [""; 0]);

    REGION.clone_into(&mut request.region);
    running(&cloud, &request).await;
    let calls = stand_in.calls();
    let looks = calls
        .iter()
        .filter(|call| call.path.starts_with("/v1/server_types"));
    assert_eq!(looks.count(), 1, "what is sold is kept");
}

#[tokio::test]
async fn the_token_is_in_no_address_and_in_no_body() {
    let (stand_in, cloud) = alone();
    running(&cloud, &request("token")).await;
    for call in stand_in.calls() {
        assert!(!call.path.contains(TOKEN) && !call.body.contains(TOKEN));
    }
}

#[tokio::test]
async fn making_many_servers_of_one_group_costs_few_calls_besides() {
    let (stand_in, cloud) = alone();
    stand_in.set_pace(Duration::ZERO);
    let creates = (0..20).map(|_| {
        let mut one = request("many");
        one.public_keys = vec![super::rig::KEY.to_owned()];
        one.ports = vec![443];
        let cloud = cloud.clone();
        async move { cloud.create(&one).await }
    });
    for made in futures::future::join_all(creates).await {
        made.expect("is made");
    }
    assert_eq!(
        (stand_in.firewalls().len(), stand_in.networks().len()),
        (1, 1)
    );
    assert_eq!((stand_in.servers().len(), stand_in.keys()), (20, 1));
    let calls = stand_in.calls();
    let besides = calls
        .iter()
        .filter(|call| !(call.path == "/v1/servers" || call.path.starts_with("/v1/actions/")));
    let besides: Vec<_> = besides.map(|call| &call.path).collect();
    assert!(besides.len() <= 10, "{besides:#?}");
}

#[tokio::test]
async fn a_preview_names_the_calls_that_are_made_then_and_makes_none() {
    let (stand_in, cloud) = alone();
    let mut requests = vec![request("plan"), request("plan"), request("plan")];
    for (request, ports) in requests.iter_mut().zip([vec![443], vec![443], vec![8080]]) {
        request.public_keys = vec![super::rig::KEY.to_owned()];
        request.ports = ports;
    }
    "ash".clone_into(&mut requests[2].region);
    let foreseen = cloud.preview_create(&requests).await.expect("foreseen");
    assert_eq!(changing(&stand_in, 0), [""; 0], "it only looks");

    let mut made = Vec::new();
    for request in &requests {
        made.push(running(&cloud, request).await.at);
    }
    assert_eq!(named(&foreseen), changing(&stand_in, 0));

    cloud.create_snapshot(&made[0], "one").await.expect("taken");
    let before = stand_in.calls().len();
    let group = GroupRef {
        region: REGION.to_owned(),
        name: requests[0].group.clone(),
    };
    let foreseen = cloud.preview_destroy(&made, Some(&group)).await;
    let foreseen = foreseen.expect("foreseen");
    assert_eq!(changing(&stand_in, before), [""; 0], "it only looks");
    for at in &made {
        cloud.retire(at, "last").await.expect("renamed");
        super::rig::destroy(&cloud, at).await;
    }
    let cleared = cloud.clear_group(REGION, &group.name).await;
    cleared.expect("cleared");
    assert_eq!(named(&foreseen), changing(&stand_in, before));
}

/// Calls in an order of their own: what is needed before a server comes in any.
fn named(foreseen: &[clouds::PreviewedCall]) -> Vec<String> {
    sorted(foreseen.iter().map(|one| one.call.clone()))
}

fn changing(stand_in: &StandIn, since: usize) -> Vec<String> {
    let calls = stand_in.calls().into_iter().skip(since);
    let calls = calls.filter(|call| call.method != "GET");
    sorted(calls.map(|call| format!("{} {}", call.method, call.path)))
}

/// What is of no name yet has its id in the call that is made then.
fn sorted(calls: impl Iterator<Item = String>) -> Vec<String> {
    let part = |part: &str| match part.parse::<u64>() {
        Ok(_) => "ID".to_owned(),
        Err(_) => part.to_owned(),
    };
    let calls = calls.map(|call| {
        let parts: Vec<_> = call.split('/').map(part).collect();
        parts.join("/")
    });
    let mut calls: Vec<_> = calls.collect();
    calls.sort();
    calls
}
