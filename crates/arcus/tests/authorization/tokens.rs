//! The life of a token.

use serde_json::json;
use testkit::{Builder, Scene, wait};

testkit::on_both_databases![
    tokens_outlive_a_restart,
    a_new_password_revokes_all_of_a_users_tokens,
    a_refused_token_is_not_in_the_log,
];

async fn tokens_outlive_a_restart(builder: Builder) {
    let mut scene = Scene::set(builder).await;
    let before = scene.owner.get("/applications").await.ok();
    assert!(scene.arcus.stop().await.success());
    scene.arcus.restart().await;
    let owner = scene.owner.at(scene.arcus.base());
    assert_eq!(owner.get("/applications").await.ok(), before);
}

async fn a_new_password_revokes_all_of_a_users_tokens(builder: Builder) {
    let scene = Scene::set(builder).await;
    let member = scene.colleague("member").await;
    let client = scene.arcus.client();
    let login = |password: &str| {
        let body = json!({"email": "my@email.com", "password": password});
        let client = client.clone();
        async move { client.post("/accounts/tokens", &body).await }
    };
    let second = login("secretpassword").await.ok();
    let second = client.with_token(second["persistent_token"].as_str().expect("a token"));
    second.get("/applications").await.ok();
    let set = ["admin", "user", "password", "my@email.com"];
    scene.arcus.tell(&set, "another password\n");
    scene.owner.get("/applications").await.error(401);
    second.get("/applications").await.error(401);
    member.get("/applications").await.ok();
    login("secretpassword").await.error(401);
    login("another password").await.ok();
}

async fn a_refused_token_is_not_in_the_log(builder: Builder) {
    let scene = Scene::set(builder.variable("ARCUS_LOG", "debug")).await;
    let wrong = domain::random::u128().to_string();
    let stranger = scene.arcus.client().with_token(&wrong);
    let refused = stranger.get("/environments").await.expect(401);
    let request = refused["request_id"].as_str().expect("an id");
    let limit = std::time::Duration::from_secs(10);
    wait::until("the refusal to be logged", limit, || async {
        let log = scene.arcus.log();
        log.iter().any(|line| line.contains(request)).then_some(())
    })
    .await;
    let log = scene.arcus.log().join("\n");
    for secret in [wrong.as_str(), scene.owner.token(), "secretpassword"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
