//! Instances at Amazon are given back where their import fails, by the calls that the plan shows.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Builder, ec2, wait};

use super::{calls, on_terms, planned};

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

#[tokio::test]
async fn an_instance_that_could_not_be_tagged_is_given_back_without_a_call() {
    let amazon = ec2::StandIn::start();
    amazon.set_pace(Duration::ZERO);
    let id = by_hand(&amazon);
    let arcus = Builder::new(env!("CARGO_BIN_EXE_arcus"))
        .variable("ARCUS_EC2_ENDPOINT", &amazon.url())
        .start()
        .await;
    let owner = arcus.client().register("ann", "ann@example.com").await;
    let body = json!({"cloud_provider": "ec2", "provider_name": "amazon",
        "accessKey": ec2::ACCESS_KEY, "secretKey": ec2::SECRET_KEY});
    let added = owner.post("/providers", &body).await.ok();
    let provider = added[0]["id"].as_str().expect("an id");
    let not_ours = ec2::Fault::Refuse(400, "InvalidParameterValue");
    amazon.fault("CreateTags", not_ours);
    let body = json!({"region": REGION, "environment": "inherited", "instances": [id]});
    let import = format!("/providers/{provider}/import");
    let made = owner.post(&import, &body).await.ok();
    let environment = made["id"].as_str().expect("an id");
    let query = format!("/environments/{environment}/query");
    wait::until("the import to fail", PATIENCE, || async {
        let seen = owner.get(&query).await.ok();
        (seen["success"] == false).then_some(())
    })
    .await;

    let delete = format!("/environments/{environment}");
    let plan = planned(&owner, Method::DELETE, &delete, &Value::Null).await;
    assert_eq!(calls(&plan), Vec::<String>::new(), "{plan}");
    let changes = || {
        let all = amazon.calls().into_iter().map(|call| call.action);
        let changes = all.filter(|action| !action.starts_with("Describe"));
        changes.collect::<Vec<_>>()
    };
    let before = changes();
    let done = on_terms(&owner, Method::DELETE, &delete, &Value::Null, &plan).await;
    assert!([200, 202].contains(&done.status), "{}", done.text);
    wait::until("the environment to go", PATIENCE, || async {
        let left = owner.get("/environments").await.ok();
        (left == json!([])).then_some(())
    })
    .await;
    assert_eq!(changes(), before);
    assert_eq!(amazon.living().len(), 1);
}
