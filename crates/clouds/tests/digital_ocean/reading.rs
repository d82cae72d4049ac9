//! What is read: the offer, pages, names, the network.

use clouds::Until;
use domain::Money;

use super::rig::{PATIENCE, REGION, alone, request, running};

#[tokio::test]
async fn the_offer_has_regions_and_sizes_with_exact_prices() {
    let (_stand_in, cloud) = alone();
    let offer = cloud.offer().await.expect("an offer");
    let open = |slug: &str| {
        let mut regions = offer.regions.iter();
        regions
            .find(|region| region.slug == slug)
            .map(|region| region.open)
    };
    assert_eq!((open("nyc3"), open("sfo1")), (Some(true), Some(false)));
    let plan = offer.plans.iter().find(|plan| plan.slug == "s-1vcpu-1gb");
    let plan = plan.expect("is sold");
    assert_eq!(plan.family, "Basic");
    assert_eq!(
        (plan.hourly, plan.monthly),
        (Money(8_930), Money(6_000_000))
    );
    assert_eq!((plan.cpus, plan.memory_mib, plan.disk_gib), (1, 1024, 25));
    assert!(offer.images.is_empty());
}

/// The stand-in's next pages are at DigitalOcean's own address, and it is not there.
#[tokio::test]
async fn a_list_of_several_pages_is_read_from_the_host_that_was_named() {
    let (stand_in, cloud) = alone();
    let request = request("pages");
    let creates = (0..201).map(|_| {
        let mut one = request.clone();
        one.tag.token = domain::random::hex::<8>();
        let cloud = cloud.clone();
        async move { cloud.create(&one).await }
    });
    for made in futures::future::join_all(creates).await {
        made.expect("is made");
    }
    let listed = cloud.list(REGION, &request.tag.installation).await;
    assert_eq!(listed.expect("is listed").len(), 201);
    let second = |path: &str| path.contains("tag_name=arcus-in-") && path.contains("&page=2");
    let calls = stand_in.calls();
    assert_eq!(calls.iter().filter(|call| second(&call.path)).count(), 1);
    assert!(
        cloud
            .list("fra1", &request.tag.installation)
            .await
            .expect("listed")
            .is_empty()
    );
}

#[tokio::test]
async fn a_name_that_digital_ocean_does_not_allow_comes_back_whole() {
    let (stand_in, cloud) = alone();
    let mut request = request("name");
    request.name = "web_1--front.example".to_owned();
    let made = running(&cloud, &request).await;
    assert_eq!(made.name, request.name);
    let sent = stand_in.calls().into_iter();
    let mut sent = sent.filter(|call| call.method == "POST" && call.path == "/v2/droplets");
    assert!(sent.all(|call| !call.body.contains("web_1")));
    let last = domain::names::deleted(&request.name);
    cloud.retire(&made.at, &last).await.expect("renamed");
    assert_eq!(cloud.get(&made.at).await.expect("is there").name, last);
}

#[tokio::test]
async fn the_wait_tells_the_whole_network() {
    let (_stand_in, cloud) = alone();
    let made = cloud.create(&request("net")).await.expect("is made");
    let seen = cloud
        .wait(&made.at, Until::Running, PATIENCE)
        .await
        .expect("runs");
    let network = &seen.network;
    assert!(network.netmask.is_some() && network.gateway.is_some() && network.ipv6.is_some());
    assert!(seen.public_ip.is_some() && seen.private_ip.is_some());
    assert!(seen.created_at.is_some());
}

#[tokio::test]
async fn the_token_is_in_no_address_and_in_no_body() {
    let (stand_in, cloud) = alone();
    running(&cloud, &request("token")).await;
    for call in stand_in.calls() {
        assert!(!call.path.contains(testkit::digital_ocean::TOKEN));
        assert!(!call.body.contains(testkit::digital_ocean::TOKEN));
    }
}
