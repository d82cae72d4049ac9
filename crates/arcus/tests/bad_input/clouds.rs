//! Clouds, applications and integrations of kinds that there are not.

use serde_json::json;
use testkit::{Builder, Method, Scene};

testkit::on_both_databases![
    a_cloud_that_is_not_there_is_refused_with_those_that_are,
    an_application_of_another_type_is_refused,
    an_integration_without_what_it_needs_is_refused,
];

async fn a_cloud_that_is_not_there_is_refused_with_those_that_are(builder: Builder) {
    let scene = Scene::set(builder).await;
    let asked = scene.owner.request(Method::OPTIONS, "/providers");
    let offered = scene.owner.send(asked).await.ok();
    let kinds = offered.as_object().expect("an object").keys();
    let kinds: Vec<_> = kinds.map(String::as_str).collect();
    assert!(kinds.contains(&"sandbox") && kinds.is_sorted(), "{kinds:?}");
    let kinds = kinds.join(", ");
    for (kind, called) in [
        ("azure", "azure"),
        ("SANDBOX", "SANDBOX"),
        ("", ""),
        ("sandbox\u{0}", "sandbox\\0"),
    ] {
        let body = json!({
            "cloud_provider": kind, "provider_name": "another", "accessKey": "AWSAccessKey",
            "secretKey": "AWSSecretKey", "access_token": "DOaccesToken",
        });
        let answer = scene.owner.post("/providers", &body).await;
        assert!(!answer.text.contains("AWSSecretKey"), "{}", answer.text);
        assert_eq!(
            answer.error(400),
            format!("the cloud provider \"{called}\" is not available here; available: {kinds}"),
        );
    }
    for (body, message) in [
        (
            json!({"provider_name": "another"}),
            "cloud_provider is missing",
        ),
        (
            json!({"cloud_provider": "sandbox"}),
            "provider_name is missing",
        ),
        (
            json!({"cloud_provider": 7, "provider_name": "x"}),
            "cloud_provider must be a string",
        ),
        (
            json!({"cloud_provider": "sandbox", "provider_name": ["x"]}),
            "provider_name must be a string",
        ),
    ] {
        assert_eq!(
            scene.owner.post("/providers", &body).await.error(400),
            message
        );
    }
    let listed = scene.owner.get("/providers").await.ok();
    assert_eq!(
        listed.as_object().map(serde_json::Map::len),
        Some(1),
        "{listed}"
    );
    assert_eq!(
        listed["sandbox"].as_array().map(Vec::len),
        Some(1),
        "{listed}"
    );
}

async fn an_application_of_another_type_is_refused(builder: Builder) {
    let scene = Scene::set(builder).await;
    for kind in ["rails", "", "Custom", "custom\u{0}"] {
        let body = json!({"application_name": "My App", "application_type": kind});
        let message = scene.owner.post("/applications", &body).await.error(400);
        let expected = format!("there is no application type {kind:?}; the only one is \"custom\"");
        assert_eq!(message, expected);
    }
    let listed = scene.owner.get("/applications").await.ok();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
}

async fn an_integration_without_what_it_needs_is_refused(builder: Builder) {
    let scene = Scene::set(builder).await;
    let given = json!({
        "name": "hub", "url": "https://index.docker.io/v1/", "username": "me", "password": "secret-word",
        "email": "me@example.com",
    });
    for (field, value, message) in [
        ("username", " ", "username is missing; nothing was created"),
        ("password", "", "password is missing; nothing was created"),
        (
            "password",
            "a\u{7}b",
            "password holds a control character; nothing was created",
        ),
        (
            "url",
            "https://",
            "url is no address of a registry, such as https://index.docker.io/v1/; nothing was created",
        ),
    ] {
        let mut body = given.clone();
        body[field] = json!(value);
        let answer = scene.owner.post("/integrations/docker-hub", &body).await;
        assert_eq!(answer.error(400), message);
    }
    let listed = scene.owner.get("/integrations").await.ok();
    assert_eq!(listed, json!([]));
}
