//! What the operator sets for a region: the project, the member of a cluster, virtual machines, images from elsewhere.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;

use clouds::{Cloud, CreateInstance, ErrorClass, Until};
use domain::credentials::Credentials;
use domain::random;
use domain::server::Power;
use futures::FutureExt;
use serde_json::{Map, Value, json};

use crate::interceptor::{Fate, Interceptor, refusal};
use crate::rig::{PATIENCE, REGION, Rig, local, on_incus, open};

/// The body and the line of the create that the driver sends for such a region. Nothing is made.
async fn asked_for(rig: &Rig, options: Value, request: &CreateInstance) -> (String, Value) {
    let options = options.as_object().cloned().expect("is an object");
    let creates = |line: &str| line.starts_with("POST /1.0/instances?");
    let interceptor = Interceptor::new(&rig.raw, options, move |request, _| {
        if creates(&request.line) {
            refusal("this is a test")
        } else {
            Fate::PassedOn
        }
    });
    let refused = interceptor.cloud.create(request).await;
    let refused = refused.expect_err("is refused");
    assert_eq!(refused.class, ErrorClass::Rejected, "{refused}");
    assert!(refused.message.contains("this is a test"), "{refused}");
    let mut sent = interceptor.sent("POST /1.0/instances?");
    assert_eq!(sent.len(), 1, "{sent:?}");
    let sent = sent.remove(0);
    (sent.line, sent.body)
}

fn from_an_image_server(rig: &Rig, name: &str) -> CreateInstance {
    let mut request = rig.request(name);
    request.image.source.alias = Some("no/such/alias/here".to_owned());
    request.image.source.server = Some("https://images.example.com".to_owned());
    request.image.source.remote_alias = Some("debian/12/cloud".to_owned());
    request
}

fn pulled() -> Value {
    json!({
        "type": "image",
        "mode": "pull",
        "protocol": "simplestreams",
        "server": "https://images.example.com",
        "alias": "debian/12/cloud",
    })
}

#[tokio::test]
async fn new_instances_go_to_the_member_of_the_cluster_that_is_set() {
    on_incus(async |rig| {
        let request = rig.request("target");
        for target in ["node-2", "@fast"] {
            let (line, _) = asked_for(rig, json!({ "target": target }), &request).await;
            let given = line
                .split(['?', '&'])
                .find_map(|part| part.strip_prefix("target="));
            let given = given.expect("is sent").replace("%40", "@");
            assert_eq!(given, target, "{line}");
        }
        let (line, _) = asked_for(rig, json!({}), &request).await;
        assert!(!line.contains("target"), "{line}");
    })
    .await;
}

#[tokio::test]
async fn a_region_of_virtual_machines_asks_for_such_and_nests_nothing_itself() {
    on_incus(async |rig| {
        let mut request = from_an_image_server(rig, "machine");
        request.nesting = true;
        let (_, machine) = asked_for(rig, json!({ "vm": true }), &request).await;
        assert_eq!(machine["type"], "virtual-machine");
        assert_eq!(machine["config"].get("security.nesting"), None);
        assert_eq!(machine["config"]["limits.cpu"], "1");
        let (_, container) = asked_for(rig, json!({}), &request).await;
        assert_eq!(container["type"], "container");
        assert_eq!(container["config"]["security.nesting"], "true");
    })
    .await;
}

#[tokio::test]
async fn an_image_that_the_server_lacks_is_pulled_from_the_image_server() {
    on_incus(async |rig| {
        let request = from_an_image_server(rig, "pulled");
        let (_, body) = asked_for(rig, json!({}), &request).await;
        assert_eq!(body["source"], pulled());

        // The one that is here is for containers; a machine needs another one.
        let mut request = from_an_image_server(rig, "here");
        request.image.source.alias = crate::rig::image().source.alias;
        let (_, body) = asked_for(rig, json!({}), &request).await;
        assert_eq!(
            body["source"],
            json!({ "type": "image", "alias": "debian/12" })
        );
        let (_, body) = asked_for(rig, json!({ "vm": true }), &request).await;
        assert_eq!(body["source"], pulled());
    })
    .await;
}

/// Runs a test with the driver in a project of its own, of which nothing is left.
async fn in_a_project(rig: &Rig, test: impl AsyncFnOnce(&Arc<dyn Cloud>, &str)) {
    let project = format!("arcus-test-{}", random::hex::<4>());
    // What it needs is the default project's.
    let features = ["images", "profiles", "storage.volumes", "networks"];
    let features = features.map(|feature| (format!("features.{feature}"), json!("false")));
    let body = json!({ "name": project, "config": Map::from_iter(features) });
    rig.raw.call("POST", "projects", Some(&body)).await;
    let mut options = local(&rig.raw.socket);
    options.insert("project".to_owned(), json!(project));
    let cloud = open(options, Credentials::default()).expect("opens");
    let outcome = AssertUnwindSafe(test(&cloud, &project))
        .catch_unwind()
        .await;
    let left = cloud.list(REGION, &rig.installation).await;
    for left in left.expect("lists what is left") {
        cloud
            .destroy(&left.at)
            .await
            .expect("destroys what is left");
        cloud
            .wait(&left.at, Until::Gone, PATIENCE)
            .await
            .expect("is gone");
    }
    rig.raw
        .call("DELETE", &format!("projects/{project}"), None)
        .await;
    if let Err(reason) = outcome {
        resume_unwind(reason);
    }
}

#[tokio::test]
async fn a_region_is_one_project_and_knows_nothing_of_the_others() {
    on_incus(async |rig| {
        in_a_project(rig, async |cloud, project| {
            let outside = rig.running(&rig.request("outside")).await;
            let request = rig.request("project");
            let made = cloud.create(&request).await.expect("creates");
            let made = cloud
                .wait(&made.at, Until::Running, PATIENCE)
                .await
                .expect("runs");
            let unknown = cloud.get(&outside.at).await.expect_err("is not there");
            assert_eq!(unknown.class, ErrorClass::NotFound, "{unknown}");
            let path = format!("instances?project={project}");
            let shown = rig.raw.call("GET", &path, None).await;
            assert_eq!(shown.as_array().map(Vec::len), Some(1), "{shown}");

            for (cloud, at) in [(cloud, &made.at), (&rig.cloud, &outside.at)] {
                let listed = cloud.list(REGION, &rig.installation).await.expect("lists");
                let ids: Vec<_> = listed.iter().map(|listed| &listed.at).collect();
                assert_eq!(ids, [at]);
            }
            cloud
                .create_snapshot(&made.at, "mine")
                .await
                .expect("takes");
            cloud
                .restore_snapshot(&made.at, "mine", "mark")
                .await
                .expect("restores");
            assert_eq!(rig.cloud.snapshots(&outside.at).await.expect("lists"), []);
            cloud.stop(&made.at, true).await.expect("stops");
            cloud
                .wait(&made.at, Until::Stopped, PATIENCE)
                .await
                .expect("is off");
            let outside = rig.cloud.get(&outside.at).await.expect("is there");
            assert_eq!(outside.power, Power::Running);
        })
        .await;
    })
    .await;
}
