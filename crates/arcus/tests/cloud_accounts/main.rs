//! Customers' accounts at public clouds, through the binary: Amazon EC2 as moto imitates it, DigitalOcean and Hetzner Cloud as
//! the stand-ins do. The systems of their servers are not there to log in to, so that a server is followed until its cloud says that it
//! runs, and no further.
//!
//! Without moto its test says so and passes; `ARCUS_TEST_MOTO` is a promise that it answers.

mod side_by_side;

use std::time::Duration;

use serde_json::{Value, json};
use testkit::digital_ocean::{StandIn, TOKEN};
use testkit::{Answer, Arcus, Builder, Client, Method, assert_shape, wait};
use testkit::{ec2, hetzner};

/// Both lie on this machine, and take their time when it has much to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// A cloud as a customer comes to it.
struct Cloud {
    kind: &'static str,
    credentials: Value,
    /// What nobody is shown again.
    secret: &'static str,
    region: &'static str,
    size: &'static str,
}

fn builder() -> Builder {
    Builder::new(env!("CARGO_BIN_EXE_arcus"))
}

#[tokio::test]
async fn an_account_at_amazon_is_added_and_gets_an_environment_that_leaves_nothing_behind() {
    let Ok(moto) = std::env::var("ARCUS_TEST_MOTO") else {
        eprintln!("SKIPPED, nothing was tested: ARCUS_TEST_MOTO names no moto");
        return;
    };
    let arcus = builder()
        .variable("ARCUS_EC2_ENDPOINT", &moto)
        .start()
        .await;
    let owner = follow(
        &arcus,
        &Cloud {
            kind: "ec2",
            credentials: json!({"accessKey": "AKIACANARYACCESSKEY", "secretKey": "canary+of/amazon"}),
            secret: "canary+of/amazon",
            region: "us-east-1",
            size: "t2.micro",
        },
    )
    .await;
    let listed = owner.get("/providers").await.ok();
    let shown = &listed["ec2"][0]["provider_meta"];
    let shown = shown["accessKey"].as_str().expect("text");
    assert_eq!(shown.trim_end_matches('*'), "AKIA", "{shown}");
}

#[tokio::test]
async fn an_account_at_digital_ocean_is_added_and_gets_an_environment_that_leaves_nothing_behind() {
    let ocean = StandIn::start();
    let endpoint = ocean.url();
    let arcus = builder()
        .variable("ARCUS_DIGITAL_OCEAN_ENDPOINT", &endpoint)
        .start()
        .await;
    let cloud = Cloud {
        kind: "digital_ocean",
        credentials: json!({"access_token": TOKEN}),
        secret: TOKEN,
        region: "fra1",
        size: "s-1vcpu-1gb",
    };
    let owner = follow(&arcus, &cloud).await;
    assert_eq!(ocean.droplets(), 0);
    wait::until("its firewall to go", PATIENCE, || async {
        ocean.firewalls().is_empty().then_some(())
    })
    .await;
    let body = json!({"cloud_provider": "digital_ocean", "provider_name": "another", "access_token": "dop_v1_wrong"});
    let refused = owner.post("/providers", &body).await;
    assert!(refused.error(400).contains("the provider was not added"));
}

#[tokio::test]
async fn an_account_at_hetzner_is_added_and_gets_an_environment_that_leaves_nothing_behind() {
    let stand_in = hetzner::StandIn::start();
    let endpoint = stand_in.url();
    let arcus = builder()
        .variable("ARCUS_HETZNER_ENDPOINT", &endpoint)
        .start()
        .await;
    let client = arcus.client();
    let asked = client.request(Method::OPTIONS, "/providers");
    let kinds = client.send(asked).await.ok();
    let printed = json!({
        "description": "Hetzner Cloud",
        "mandatory_fields": [{"short": "a", "long": "api_token", "description": "API token"}],
    });
    assert_shape(&kinds["hetzner"], &printed);
    let cloud = Cloud {
        kind: "hetzner",
        credentials: json!({"api_token": hetzner::TOKEN}),
        secret: hetzner::TOKEN,
        region: "fsn1",
        size: "cx23",
    };
    let owner = follow(&arcus, &cloud).await;
    assert!(stand_in.servers().is_empty());
    wait::until("what its group had to go", PATIENCE, || async {
        let left = stand_in.firewalls().len() + stand_in.networks().len();
        (left == 0).then_some(())
    })
    .await;
    let body =
        json!({"cloud_provider": "hetzner", "provider_name": "another", "api_token": "wrong"});
    let refused = owner.post("/providers", &body).await.error(400);
    assert!(refused.contains("unable to authenticate"), "{refused}");
}

/// Adds an account, looks at what it sells, makes an environment of two, and takes it away again.
async fn follow(arcus: &Arcus, cloud: &Cloud) -> Client {
    let owner = arcus
        .client()
        .register("company name", "my@email.com")
        .await;
    let mut body = json!({"cloud_provider": cloud.kind, "provider_name": "my-provider"});
    for (name, value) in cloud.credentials.as_object().expect("an object") {
        body[name] = value.clone();
    }
    let added = owner.post("/providers", &body).await.ok();
    // The documentation shows Amazon's answer as an array of one.
    let added = if cloud.kind == "ec2" {
        &added[0]
    } else {
        &added
    };
    let printed = json!({
        "provider_meta": cloud.credentials, "name": "my-provider",
        "organisation": "56dd5e9610d396503e2a6ab6", "id": "56dd617610d396503e2a6ab9", "provider_type": cloud.kind,
    });
    assert_shape(added, &printed);
    assert_eq!(added["provider_meta"], cloud.credentials);
    let provider = added["id"].as_str().expect("an id");

    let meta = owner.get(&format!("/providers/{provider}/meta")).await.ok();
    let location = &meta["locations"][cloud.region];
    assert_shape(location, &json!({"endpoint": "host", "name": "name"}));
    let families = meta["sizes"].as_object().expect("families");
    let size = families.values().find_map(|sizes| sizes.get(cloud.size));
    let printed = json!({"cores": "1", "disk": "EBS", "ram": "1 GiB", "id": "t2.micro"});
    assert_shape(size.expect("is sold"), &printed);

    let body = json!({
        "provider_id": provider, "region": cloud.region, "environment": "dev",
        "nodes": [{"name": "web", "size": cloud.size, "count": 2}],
    });
    let made = owner.post("/environments?wait=0", &body).await.expect(202);
    let environment = made["environment"].as_str().expect("an id");
    let query = format!("/environments/{environment}/query");
    wait::until("both to run at the cloud", PATIENCE, || async {
        let seen = owner.get(&query).await.ok();
        let servers = servers(&seen, cloud.kind);
        let run = servers.iter().all(|server| server["state"] == "running");
        (servers.len() == 2 && run).then_some(())
    })
    .await;

    let path = format!("/environments/{environment}/delete");
    let deleted = owner.get(&path).await.ok();
    assert_eq!(deleted["success"], true, "{deleted}");
    for server in servers(&deleted, cloud.kind) {
        let printed = json!({
            "instanceId": "i-1", "newname": "NAME-DEL0",
            "currentState": {"code": "32", "name": "shutting-down"},
            "previousState": {"code": "16", "name": "running"},
        });
        assert_shape(&server, &printed);
        let renamed = server["newname"].as_str().expect("a name");
        assert!(renamed.contains("-DEL"), "{renamed}");
    }
    wait::until("the environment to go", PATIENCE, || async {
        let left = owner.get("/environments").await.ok();
        (left == json!([])).then_some(())
    })
    .await;
    let listed = owner.get("/providers").await;
    assert!(!listed.text.contains(cloud.secret), "{}", listed.text);
    let log = arcus.log().join("\n");
    assert!(!log.contains(cloud.secret), "{log}");
    owner
}

/// The servers of an answer, whatever they are called.
fn servers(answer: &Value, kind: &str) -> Vec<Value> {
    let accounts = answer["std_out"].as_object().expect("an object").values();
    accounts
        .filter_map(|account| account[kind].as_object())
        .flat_map(|servers| servers.values().cloned())
        .collect()
}

/// An environment at Amazon whose only server has gone before, and of which Amazon keeps a firewall and a key.
async fn without_servers(amazon: &ec2::StandIn) -> (Arcus, Client, String) {
    amazon.set_pace(Duration::from_millis(20));
    amazon.set_settling(Duration::ZERO);
    let arcus = builder()
        .variable("ARCUS_EC2_ENDPOINT", &amazon.url())
        .flag("--reconcile-secs=0.5")
        .start()
        .await;
    let owner = arcus.client().register("ann", "ann@example.com").await;
    let body = json!({"cloud_provider": "ec2", "provider_name": "amazon",
        "accessKey": ec2::ACCESS_KEY, "secretKey": ec2::SECRET_KEY});
    let provider = owner.post("/providers", &body).await.ok()[0]["id"].clone();
    let body = json!({"provider_id": provider, "region": "us-east-1", "environment": "dev",
        "nodes": [{"name": "web", "size": "t2.micro"}]});
    owner.post("/environments?wait=0", &body).await.expect(202);
    let shown = || async { owner.get("/environments").await.ok()[0].clone() };
    let node = wait::until("it to run", PATIENCE, || async {
        let node = shown().await["nodes"][0].clone();
        (node["public_ip"] != "").then_some(node)
    })
    .await;
    let node = format!("/nodes/{}", node["id"].as_str().expect("an id"));
    owner.send(owner.request(Method::DELETE, &node)).await.ok();
    wait::until("it to go", PATIENCE, || async {
        (shown().await["nodes"] == json!([])).then_some(())
    })
    .await;
    let id = shown().await["id"].as_str().expect("an id").to_owned();
    (arcus, owner, id)
}

async fn delete(owner: &Client, environment: &str) -> Answer {
    owner.delete(&format!("/environments/{environment}")).await
}

#[tokio::test]
async fn an_environment_whose_servers_went_before_takes_its_firewall_and_key_along() {
    let amazon = ec2::StandIn::start();
    let (_arcus, owner, environment) = without_servers(&amazon).await;
    // While its credentials are not accepted nobody can say what becomes of them, and then they are in use for a moment.
    amazon.set_access(ec2::Access::Revoked);
    let waits = delete(&owner, &environment).await.expect(202);
    assert_eq!(waits["success"], false, "{waits}");
    assert_ne!(waits["pending"], Value::Null, "{waits}");
    let listed = owner.get("/environments").await.ok();
    assert_eq!(listed[0]["id"], json!(environment));
    let in_use = ec2::Fault::Refuse(400, "DependencyViolation");
    amazon.fault("DeleteSecurityGroup", in_use);
    amazon.set_access(ec2::Access::Whole);
    wait::until("the environment to go", PATIENCE, || async {
        (owner.get("/environments").await.ok() == json!([])).then_some(())
    })
    .await;
    let groups = amazon.groups();
    assert!(!groups.iter().any(|name| name.starts_with("arcus-")));
    assert_eq!(amazon.keys(), Vec::<String>::new());
}

#[tokio::test]
async fn an_environment_that_is_deleted_once_more_goes_without_what_its_cloud_keeps() {
    let amazon = ec2::StandIn::start();
    let (_arcus, owner, environment) = without_servers(&amazon).await;
    amazon.set_access(ec2::Access::Revoked);
    delete(&owner, &environment).await.expect(202);
    let gone = delete(&owner, &environment).await.ok();
    assert_eq!(gone["success"], true, "{gone}");
    assert_eq!(owner.get("/environments").await.ok(), json!([]));
}
