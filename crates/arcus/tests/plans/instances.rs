//! Instances at Amazon that go in other ways than by our hand: given back where their import fails, or ended by somebody else,
//! by the calls that the plan shows.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Arcus, Builder, Client, Shop, ec2, wait};

use super::{calls, on_terms, planned, with_snapshot};

const PATIENCE: Duration = Duration::from_secs(60);
const REGION: &str = "us-east-1";

/// An instance that somebody made by hand.
fn by_hand(amazon: &ec2::StandIn) -> String {
    let wanted = [
        ("ImageId", "ami-0d12000000000002"),
        ("InstanceType", "t2.micro"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
    ];
    let made = amazon.ask(REGION, "RunInstances", &wanted);
    let id = made.split("<instanceId>").nth(1);
    let id = id.and_then(|rest| rest.split('<').next());
    id.unwrap_or_else(|| panic!("{made}")).to_owned()
}

async fn arcus(amazon: &ec2::StandIn) -> Arcus {
    Builder::new(env!("CARGO_BIN_EXE_arcus"))
        .variable("ARCUS_EC2_ENDPOINT", &amazon.url())
        .start()
        .await
}

/// Imports an instance into the environment "inherited"; its path.
async fn import(owner: &Client, id: &str) -> String {
    let body = json!({"cloud_provider": "ec2", "provider_name": "amazon",
        "accessKey": ec2::ACCESS_KEY, "secretKey": ec2::SECRET_KEY});
    let added = owner.post("/providers", &body).await.ok();
    let provider = added[0]["id"].as_str().expect("an id");
    let body = json!({"region": REGION, "environment": "inherited", "instances": [id]});
    let import = format!("/providers/{provider}/import");
    let made = owner.post(&import, &body).await.ok();
    let environment = made["id"].as_str().expect("an id");
    format!("/environments/{environment}")
}

/// The calls that came and change something, in their order.
fn changes(amazon: &ec2::StandIn) -> Vec<String> {
    let all = amazon.calls().into_iter().map(|call| call.action);
    all.filter(|action| !action.starts_with("Describe"))
        .collect()
}

async fn until_gone(owner: &Client) {
    wait::until("the environment to go", PATIENCE, || async {
        let left = owner.get("/environments").await.ok();
        (left == json!([])).then_some(())
    })
    .await;
}

#[tokio::test]
async fn snapshots_of_an_instance_that_somebody_else_ended_go_with_its_server() {
    let amazon = ec2::StandIn::start();
    amazon.set_pace(Duration::ZERO);
    let id = by_hand(&amazon);
    let arcus = arcus(&amazon).await;
    let (owner, customer) = Shop::join(&arcus, "ann", "ann@example.com").await;
    let environment = import(&owner, &id).await;
    let shop = with_snapshot(arcus, owner, customer).await;
    assert_eq!(amazon.images().len(), 1);

    // Amazon forgets soon after that there ever was such an instance.
    amazon.set_memory(Duration::ZERO);
    amazon.ask(REGION, "TerminateInstances", &[("InstanceId.1", &id)]);
    wait::until("the instance to be forgotten", PATIENCE, || async {
        let known = amazon.ask(REGION, "DescribeInstances", &[]);
        (!known.contains(&id)).then_some(())
    })
    .await;
    let plan = planned(&shop.owner, Method::DELETE, &environment, &Value::Null).await;
    assert_eq!(
        plan["irreversible"],
        json!([format!("the snapshot before of {id} goes with it")]),
        "{plan}"
    );
    let planned = calls(&plan);
    assert!(!planned.is_empty(), "{plan}");
    let before = changes(&amazon).len();
    let owner = &shop.owner;
    let done = on_terms(owner, Method::DELETE, &environment, &Value::Null, &plan).await;
    assert!([200, 202].contains(&done.status), "{}", done.text);
    until_gone(owner).await;
    let mut made = changes(&amazon).split_off(before);
    made.sort();
    assert_eq!(made, planned);
    assert_eq!(amazon.images(), Vec::<String>::new());
    assert_eq!(amazon.snapshots(), Vec::<String>::new());
}

#[tokio::test]
async fn an_instance_that_could_not_be_tagged_is_given_back_without_a_call() {
    let amazon = ec2::StandIn::start();
    amazon.set_pace(Duration::ZERO);
    let id = by_hand(&amazon);
    let arcus = arcus(&amazon).await;
    let owner = arcus.client().register("ann", "ann@example.com").await;
    let not_ours = ec2::Fault::Refuse(400, "InvalidParameterValue");
    amazon.fault("CreateTags", not_ours);
    let delete = import(&owner, &id).await;
    let query = format!("{delete}/query");
    wait::until("the import to fail", PATIENCE, || async {
        let seen = owner.get(&query).await.ok();
        (seen["success"] == false).then_some(())
    })
    .await;

    let plan = planned(&owner, Method::DELETE, &delete, &Value::Null).await;
    assert_eq!(calls(&plan), Vec::<String>::new(), "{plan}");
    let before = changes(&amazon);
    let done = on_terms(&owner, Method::DELETE, &delete, &Value::Null, &plan).await;
    assert!([200, 202].contains(&done.status), "{}", done.text);
    until_gone(&owner).await;
    assert_eq!(changes(&amazon), before);
    assert_eq!(amazon.living().len(), 1);
}
