//! One account's environments on three clouds at once: Amazon EC2 as moto imitates it, DigitalOcean as the stand-in does,
//! the latter with real systems, and the real Incus of this machine.

use serde_json::{Value, json};
use testkit::digital_ocean::{StandIn, TOKEN};
use testkit::{Client, Shop, wait};

use super::{PATIENCE, builder, servers};

/// What moto goes by instead of a signature: the service and the region.
const SCOPE: &str = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0";

/// One of the three.
struct Place {
    /// The kind of provider.
    kind: &'static str,
    region: &'static str,
    size: &'static str,
    environment: String,
}

/// The states of the instances that moto has of this organisation, by its own word.
async fn at_moto(moto: &str, organisation: &str) -> Vec<String> {
    let prefix = format!("{organisation}-*");
    let fields = [
        ("Action", "DescribeInstances"),
        ("Version", "2016-11-15"),
        ("Filter.1.Name", "tag:Name"),
        ("Filter.1.Value.1", prefix.as_str()),
    ];
    let text = answer_of_moto(moto, &fields).await;
    let states = text.split("<instanceState>").skip(1);
    let name = |state: &str| {
        let (_, rest) = state.split_once("<name>")?;
        Some(rest.split_once('<')?.0.to_owned())
    };
    states.filter_map(name).collect()
}

async fn answer_of_moto(moto: &str, fields: &[(&str, &str)]) -> String {
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("builds");
    let request = http.post(moto).header("authorization", SCOPE).form(fields);
    let answer = request.send().await.expect("moto answers");
    answer.text().await.expect("is text")
}

/// The instances that the real Incus has of this organisation.
fn at_incus(organisation: &str) -> usize {
    let all = testkit::incus::query("/1.0/instances?recursion=1").expect("Incus answers");
    let all = all.as_array().expect("an array").iter();
    let start = format!("{organisation}-");
    let name = |one: &&Value| one["config"]["user.arcus.name"].as_str().map(str::to_owned);
    all.filter(|one| name(one).is_some_and(|name| name.starts_with(&start)))
        .count()
}

async fn add(owner: &Client, body: &Value) -> String {
    let added = owner.post("/providers", body).await.ok();
    let added = added.get(0).unwrap_or(&added);
    added["id"].as_str().expect("an id").to_owned()
}

/// Asks for an environment named after its cloud, with one server, "web".
async fn make(
    owner: &Client,
    provider: &str,
    kind: &'static str,
    region: &'static str,
    size: &'static str,
) -> Place {
    let body = json!({
        "provider_id": provider, "region": region, "environment": format!("on-{kind}"),
        "nodes": [{"name": "web", "size": size}],
    });
    let made = owner.post("/environments?wait=0", &body).await;
    assert!(made.status < 300, "{}", made.text);
    Place {
        kind,
        region,
        size,
        environment: made.body["environment"].as_str().expect("an id").to_owned(),
    }
}

#[tokio::test]
async fn one_account_has_environments_on_three_clouds_side_by_side_and_each_api_shows_them_all() {
    let Ok(moto) = std::env::var("ARCUS_TEST_MOTO") else {
        eprintln!("SKIPPED, nothing was tested: ARCUS_TEST_MOTO names no moto");
        return;
    };
    let Some(ocean) = StandIn::with_bodies() else {
        return;
    };
    let arcus = builder()
        .with_incus()
        .variable("ARCUS_EC2_ENDPOINT", &moto)
        .variable("ARCUS_DIGITAL_OCEAN_ENDPOINT", &ocean.url())
        .start()
        .await;
    let organisation = format!("side-{}", domain::random::hex::<4>());
    let (owner, customer) = Shop::join(&arcus, &organisation, "my@email.com").await;

    let amazon = json!({"cloud_provider": "ec2", "provider_name": "amazon", "accessKey": "AKIASIDEBYSIDE", "secretKey": "secret"});
    let amazon = add(&owner, &amazon).await;
    let digital =
        json!({"cloud_provider": "digital_ocean", "provider_name": "ocean", "access_token": TOKEN});
    let digital = add(&owner, &digital).await;
    let house = owner.add_provider("arcus").await;
    let places = [
        make(&owner, &amazon, "ec2", "us-east-1", "t2.micro").await,
        make(&owner, &digital, "digital_ocean", "fra1", "s-1vcpu-1gb").await,
        make(&owner, &house, "arcus", "local", "eos1").await,
    ];

    // At moto a server has no system to log in to: it is followed until it runs. The others become ready.
    wait::until("all three to run", PATIENCE, || async {
        let listed = owner.get("/environments").await.ok();
        let listed = listed.as_array().expect("an array");
        let named = |place: &Place| listed.iter().find(|one| one["id"] == place.environment);
        let is_ready = |place: &Place| named(place).is_some_and(|one| one["ready"] == true);
        let (query, _) = query(&owner, &places[0]).await;
        let runs = query["state"] == "running";
        (runs && is_ready(&places[1]) && is_ready(&places[2])).then_some(())
    })
    .await;

    let listed = owner.get("/environments").await.ok();
    let listed = listed.as_array().expect("an array");
    assert_eq!(listed.len(), 3, "{listed:#?}");
    for place in &places {
        let shown = listed.iter().find(|one| one["id"] == place.environment);
        let shown = shown.expect("is listed");
        assert_eq!(shown["name"], format!("on-{}", place.kind));
        assert_eq!(shown["os_region"], place.region);
        assert_eq!(shown["provider"]["provider_type"], place.kind);
        let (said, name) = query(&owner, place).await;
        assert_eq!(
            (&said["state"], &said["size"]),
            (&json!("running"), &json!(place.size))
        );
        let kind = place.kind.replace('_', "-");
        assert_eq!(
            name,
            format!("{organisation}-my-email-com-default-on-{kind}-web")
        );
        let node = &shown["nodes"][0];
        assert_eq!(node["public_ip"], said["public_ips"], "{node}");
    }

    let single = customer.get("/v1/server/list").await.data();
    let single = single.as_array().expect("an array");
    assert_eq!(single.len(), 3, "{single:#?}");
    for place in &places {
        let shown = single.iter().find(|one| one["region"] == place.region);
        let shown = shown.unwrap_or_else(|| panic!("none in {}: {single:#?}", place.region));
        assert_eq!(
            (&shown["name"], &shown["package"]),
            (&json!("web"), &json!(place.size))
        );
        assert_ne!(shown["state"], "Error", "{shown}");
    }
    assert_eq!(at_moto(&moto, &organisation).await, ["running"]);
    assert_eq!((ocean.droplets(), at_incus(&organisation)), (1, 1));

    for place in &places {
        let path = format!("/environments/{}?wait=120", place.environment);
        let deleted = owner.delete(&path).await.ok();
        assert_eq!(deleted["success"], true, "{deleted}");
    }
    wait::until("nothing to be left at any cloud", PATIENCE, || async {
        let environments = owner.get("/environments").await.ok();
        let single = customer.get("/v1/server/list").await.data();
        let amazon = at_moto(&moto, &organisation).await;
        let at_amazon = amazon.iter().any(|state| state != "terminated");
        let groups = answer_of_moto(
            &moto,
            &[
                ("Action", "DescribeSecurityGroups"),
                ("Version", "2016-11-15"),
            ],
        )
        .await;
        let is_group = groups.contains(&places[0].environment);
        let is_firewall = !ocean.firewalls().is_empty();
        let none = environments == json!([]) && single == json!([]);
        let gone = ocean.droplets() == 0 && at_incus(&organisation) == 0;
        (none && gone && !at_amazon && !is_group && !is_firewall).then_some(())
    })
    .await;
}

/// What a query says of a place's one server, and that one's name.
async fn query(owner: &Client, place: &Place) -> (Value, String) {
    let seen = owner
        .get(&format!("/environments/{}/query", place.environment))
        .await
        .ok();
    let said = servers(&seen, place.kind)
        .into_iter()
        .next()
        .expect("one server");
    let name = said["name"].as_str().expect("a name").to_owned();
    (said, name)
}
