//! Looking at an environment and switching it: `/environments/{id}/query`, `stop`, `start`, `delete`, `reboot`.

use serde_json::{Value, json};
use testkit::{Answer, Builder, Client, Method, Scene, assert_shape};

use crate::printed::curl;

testkit::on_both_databases![
    an_environment_is_queried_stopped_started_and_deleted_as_printed,
    posts_do_what_the_printed_gets_do,
    a_switch_that_changes_nothing_says_so,
    an_environment_is_rebooted,
];

pub(crate) const QUERY: &str = r#"
curl -X GET "http://s.cloudhero.io:8080/environments/environment_id/query"
     -H  "Content-Type: application/json"
     -H "Authentication-Token: meowmeowmeow"
"#;
pub(crate) const STOP: &str = r#"
curl -X GET "http://s.cloudhero.io:8080/environments/environment_id/stop"
     -H  "Content-Type: application/json"
     -H "Authentication-Token: meowmeowmeow"
"#;
pub(crate) const START: &str = r#"
curl -X GET "http://s.cloudhero.io:8080/environments/environment_id/start"
     -H  "Content-Type: application/json"
     -H "Authentication-Token: meowmeowmeow"
"#;
pub(crate) const DELETE: &str = r#"
curl -X GET "http://s.cloudhero.io:8080/environments/environment_id/delete"
     -H  "Content-Type: application/json"
     -H "Authentication-Token: meowmeowmeow"
"#;

/// The printed names of the two servers.
const SERVERS: [&str; 2] = [
    "account-user-dev-1-staging1-ransom",
    "account-user-dev-1-staging1-random",
];

/// What is printed under either server, in the printed answer. The type is that of the cloud at hand.
fn printed(server: &Value) -> Value {
    let [ransom, random] = SERVERS;
    json!({
        "std_out": {
            "account-user-aws-sandbox": {
                "sandbox": {ransom: server, random: server}
            }
        },
        "success": true
    })
}

pub(crate) fn seen() -> Value {
    json!({
        "private_ips": "172.31.30.29",
        "image": "ami-116d857a",
        "state": "running",
        "public_ips": "52.87.201.52",
        "size": "t2.small",
        "id": "i-aa18ee31",
        "name": "account-user-dev-1-staging1-ransom"
    })
}

pub(crate) fn change(current: (&str, &str), previous: (&str, &str)) -> Value {
    json!({
        "instanceId": "i-aa18ee31",
        "currentState": {"code": current.0, "name": current.1},
        "previousState": {"code": previous.0, "name": previous.1}
    })
}

/// The printed environment: everybody's names are as they are there. Its client and its id.
async fn staging(scene: &Scene) -> (Client, String) {
    let form = json!({
        "email": "user@email.com", "password": "secretpassword", "password_confirm": "secretpassword",
        "name": "account", "user_name": "user",
    });
    let client = scene.arcus.client();
    let tokens = client.post("/accounts/register", &form).await.ok();
    let client = client.with_token(tokens[0]["persistent_token"].as_str().expect("a token"));
    let body = json!({"cloud_provider": "sandbox", "provider_name": "aws"});
    let provider = client.post("/providers", &body).await.ok();
    let body = json!({"application_name": "dev 1", "application_type": "custom"});
    let application = client.post("/applications", &body).await.ok();
    let application = application[0]["id"].as_str().expect("an id");
    let body = json!({
        "provider_id": provider["id"], "region": "sandbox", "environment": "staging1",
        "nodes": [
            {"packages": ["nginx"], "name": "ransom", "size": "eos1"},
            {"packages": ["docker"], "name": "random", "size": "eos1"},
        ],
    });
    let path = format!("/applications/{application}/environments");
    let made = client.post(&path, &body).await.ok();
    assert_eq!(made["ready"], true);
    let id = made["environment"].as_str().expect("an id").to_owned();
    (client, id)
}

/// What stands under each server, beside the instance that it is about.
fn each<'a>(answer: &'a Value, instances: &'a [Value]) -> Vec<(&'a Value, &'a Value)> {
    let servers = &answer["std_out"]["account-user-aws-sandbox"]["sandbox"];
    let servers = servers.as_object().expect("an object");
    assert_eq!(servers.len(), SERVERS.len(), "{answer}");
    let instance = |name: &str| {
        let found = instances.iter().find(|one| one["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {instances:?}"))
    };
    servers
        .iter()
        .map(|(name, said)| (said, instance(name)))
        .collect()
}

/// Holds a start or a stop against what is printed.
fn assert_switched(
    answer: Answer,
    instances: &[Value],
    current: (&str, &str),
    previous: (&str, &str),
) {
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let answer = answer.ok();
    assert_shape(&answer, &printed(&json!([change(current, previous)])));
    assert_eq!(answer["success"], true);
    for (said, instance) in each(&answer, instances) {
        let mut expected = change(current, previous);
        expected["instanceId"] = instance["id"].clone();
        assert_eq!(*said, json!([expected]));
    }
}

/// Waits until all servers are in that state, and returns what a query says then.
async fn until(client: &Client, id: &str, state: &str) -> Value {
    testkit::wait::until(state, std::time::Duration::from_secs(30), || async {
        let answer = curl(client, QUERY, &[("environment_id", id)]).await.ok();
        let servers = &answer["std_out"]["account-user-aws-sandbox"]["sandbox"];
        let mut servers = servers.as_object().expect("an object").values();
        servers.all(|said| said["state"] == state).then_some(answer)
    })
    .await
}

fn states(scene: &Scene) -> Vec<Value> {
    let instances = scene.arcus.instances();
    instances.iter().map(|one| one["state"].clone()).collect()
}

async fn an_environment_is_queried_stopped_started_and_deleted_as_printed(builder: Builder) {
    let scene = Scene::set(builder).await;
    let (client, id) = staging(&scene).await;
    let replacements = [("environment_id", id.as_str())];
    let instances = scene.arcus.instances();

    let answer = curl(&client, QUERY, &replacements).await.ok();
    assert_shape(&answer, &printed(&seen()));
    assert_eq!(answer["success"], true);
    for (said, instance) in each(&answer, &instances) {
        assert_shape(said, &json!({"packages": ["..."], "status": "running"}));
        assert!(said.get("error").is_none(), "{said}");
        assert_eq!(said["id"], instance["id"]);
        assert_eq!(
            said["name"], instance["name"],
            "it is the name tag at the cloud"
        );
        assert_eq!(said["private_ips"], instance["address"]);
        assert_eq!(said["size"], "eos1");
        assert_eq!(
            (&said["state"], &said["status"]),
            (&json!("running"), &json!("running"))
        );
    }

    let answer = curl(&client, STOP, &replacements).await;
    assert_switched(answer, &instances, ("64", "stopping"), ("16", "running"));
    let stopped = until(&client, &id, "stopped").await;
    for (said, _) in each(&stopped, &instances) {
        assert_eq!(said["status"], "stopped");
    }
    assert_eq!(states(&scene), ["stopped", "stopped"]);
    let environments = client.get("/environments").await.ok();
    assert_eq!(environments[0]["ready"], false, "what is off is not ready");

    let answer = curl(&client, START, &replacements).await;
    // The documentation prints 64 beside `pending`, which is the code of `stopping`.
    assert_switched(answer, &instances, ("0", "pending"), ("80", "stopped"));
    until(&client, &id, "running").await;
    assert_eq!(states(&scene), ["running", "running"]);

    let answer = curl(&client, DELETE, &replacements).await;
    assert_deleted(&scene, answer, &instances);
}

/// Holds a deletion against what is printed, and its last names against the cloud.
fn assert_deleted(scene: &Scene, answer: Answer, instances: &[Value]) {
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let answer = answer.ok();
    let mut server = change(("32", "shutting-down"), ("16", "running"));
    server["newname"] =
        json!("account-user-dev-1-staging1-ransom-DEL857660c7e82b41f08d7d0451d76fe160");
    assert_shape(&answer, &printed(&server));
    assert_eq!(answer["success"], true);
    let all = scene.arcus.json(&["sandbox", "ls", "--all", "--json"]);
    for (said, instance) in each(&answer, instances) {
        let new_name = said["newname"].as_str().expect("a name");
        let start = format!("{}-DEL", instance["name"].as_str().expect("a name"));
        let digits = new_name
            .strip_prefix(&start)
            .expect("its name begins as before");
        let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        assert!(
            digits.len() == 32 && digits.bytes().all(hexadecimal),
            "{new_name}"
        );
        assert_eq!(
            said["currentState"],
            json!({"code": "32", "name": "shutting-down"})
        );
        assert_eq!(
            said["previousState"],
            json!({"code": "16", "name": "running"})
        );
        assert_eq!(said["instanceId"], instance["id"]);
        let all = all.as_array().expect("an array");
        let there = all.iter().find(|one| one["id"] == instance["id"]);
        assert_eq!(there.expect("it was there")["name"], new_name);
    }
}

async fn posts_do_what_the_printed_gets_do(builder: Builder) {
    let scene = Scene::set(builder).await;
    let (client, id) = staging(&scene).await;
    let instances = scene.arcus.instances();
    let post = |verb: &str| {
        let path = format!("/environments/{id}/{verb}");
        let client = client.clone();
        async move { client.raw(Method::POST, &path, "").await }
    };
    let by_get = client.get(&format!("/environments/{id}/query")).await.ok();
    assert_eq!(post("query").await.ok(), by_get);
    assert_switched(
        post("stop").await,
        &instances,
        ("64", "stopping"),
        ("16", "running"),
    );
    until(&client, &id, "stopped").await;
    assert_switched(
        post("start").await,
        &instances,
        ("0", "pending"),
        ("80", "stopped"),
    );
    until(&client, &id, "running").await;
    assert_deleted(&scene, post("delete").await, &instances);
    testkit::wait::until("it to go", std::time::Duration::from_secs(10), || async {
        let left = client.get("/environments").await.ok();
        (left == json!([])).then_some(())
    })
    .await;

    let made = scene
        .environment("production", &json!([{"name": "web", "size": "eos1"}]))
        .await;
    let answer = scene
        .owner
        .delete(&format!("/environments/{made}"))
        .await
        .ok();
    let servers = &answer["std_out"]["company-name-my-email-com-my-provider-sandbox"]["sandbox"];
    let server = &servers["company-name-my-email-com-default-production-web"];
    assert_eq!(
        server["currentState"],
        json!({"code": "32", "name": "shutting-down"}),
        "{answer}"
    );
    scene.until_empty().await;
}

async fn a_switch_that_changes_nothing_says_so(builder: Builder) {
    let scene = Scene::set(builder).await;
    let (client, id) = staging(&scene).await;
    let instances = scene.arcus.instances();
    let get = |verb: &str| {
        let path = format!("/environments/{id}/{verb}");
        let client = client.clone();
        async move { client.get(&path).await }
    };
    assert_switched(
        get("start").await,
        &instances,
        ("16", "running"),
        ("16", "running"),
    );
    get("stop").await.ok();
    until(&client, &id, "stopped").await;
    assert_switched(
        get("stop").await,
        &instances,
        ("80", "stopped"),
        ("80", "stopped"),
    );
    assert_eq!(scene.arcus.calls("stop"), 2, "once for each server");
    assert_eq!(scene.arcus.calls("start"), 0);
}

async fn an_environment_is_rebooted(builder: Builder) {
    let scene = Scene::set(builder).await;
    let (client, id) = staging(&scene).await;
    let instances = scene.arcus.instances();
    let path = format!("/environments/{id}/reboot");
    let answer = client.raw(Method::POST, &path, "").await;
    assert_switched(answer, &instances, ("0", "pending"), ("16", "running"));
    assert_eq!(scene.arcus.calls("reboot"), 2, "once for each server");
    // It changes something and is not printed as a GET, so it is none.
    client.get(&path).await.error(405);
}
