//! Secrets: only the answer to the request that brought one shows it.

use serde_json::{Value, json};
use testkit::{Builder, Scene, assert_shape};

use crate::incus_stand_in::StandIn;

testkit::on_both_databases![
    a_providers_secret_is_shown_once_and_masked_ever_after,
    what_is_no_secret_of_a_provider_is_shown_as_it_is,
    the_operator_may_have_providers_secrets_shown,
    an_integrations_password_is_shown_once_and_masked_ever_after,
];

/// The first four characters, and asterisks for the rest.
pub(crate) fn masked(secret: &str) -> String {
    let rest = secret.chars().count() - 4;
    format!("{}{}", &secret[..4], "*".repeat(rest))
}

async fn a_providers_secret_is_shown_once_and_masked_ever_after(builder: Builder) {
    let scene = Scene::set(builder).await;
    let incus = StandIn::start(scene.arcus.folder()).await;
    let fields = incus.fields("house");
    let added = scene.owner.post("/providers", &fields).await.ok();
    for name in [
        "url",
        "client_certificate",
        "client_key",
        "server_certificate",
    ] {
        assert_eq!(
            added["provider_meta"][name], fields[name],
            "it is echoed to who sent it"
        );
    }
    let id = added["id"].as_str().expect("an id");
    let refused = scene.owner.post("/providers", &fields).await;
    assert!(!refused.text.contains(incus.secret()));
    assert_eq!(refused.expect(409)["id"], id);

    let listed = scene.owner.get("/providers").await;
    assert!(!listed.text.contains(incus.secret()), "{}", listed.text);
    let listed = listed.ok();
    let key = fields["client_key"].as_str().expect("a key");
    let meta = &listed["incus"][0]["provider_meta"];
    assert_eq!(meta["client_key"], masked(key));
    for path in [
        "/environments",
        "/applications",
        &format!("/providers/{id}/meta"),
    ] {
        let answer = scene.owner.get(path).await;
        assert!(
            !answer.text.contains(incus.secret()),
            "{path}: {}",
            answer.text
        );
        answer.ok();
    }
    let log = scene.arcus.log().join("\n");
    assert!(!log.contains(incus.secret()), "{log}");
    assert_nowhere_in(scene.arcus.folder(), incus.secret());
}

async fn what_is_no_secret_of_a_provider_is_shown_as_it_is(builder: Builder) {
    let scene = Scene::set(builder).await;
    let incus = StandIn::start(scene.arcus.folder()).await;
    let fields = incus.fields("house");
    scene.owner.post("/providers", &fields).await.ok();
    let listed = scene.owner.get("/providers").await.ok();
    let meta = &listed["incus"][0]["provider_meta"];
    for name in ["url", "client_certificate", "server_certificate"] {
        assert_eq!(meta[name], fields[name]);
    }
}

/// No file that Arcus wrote holds the secret in the clear. On PostgreSQL this is about its other files.
fn assert_nowhere_in(folder: &std::path::Path, secret: &str) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        // The stand-in's own pair lies in the same folder.
        if path.is_file() && path.file_stem().is_none_or(|stem| stem != "incus") {
            let bytes = std::fs::read(&path).expect("is read");
            let found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds the secret", path.display());
        }
    }
}

async fn the_operator_may_have_providers_secrets_shown(builder: Builder) {
    let scene = Scene::set(builder.flag("--reveal-provider-secrets")).await;
    let incus = StandIn::start(scene.arcus.folder()).await;
    let fields = incus.fields("house");
    let added = scene.owner.post("/providers", &fields).await.ok();
    let listed = scene.owner.get("/providers").await.ok();
    assert_eq!(listed["incus"], json!([added]));
    assert_eq!(
        listed["incus"][0]["provider_meta"]["client_key"],
        fields["client_key"]
    );
}

async fn an_integrations_password_is_shown_once_and_masked_ever_after(builder: Builder) {
    let scene = Scene::set(builder).await;
    let body = json!({
        "name": "My Docker Account", "url": "https://index.docker.io/v1/", "username": "username",
        "password": "correct horse battery", "email": "user@email.net",
    });
    let path = "/integrations/docker-hub";
    let added = scene.owner.post(path, &body).await.ok();
    assert_eq!(added["integration_meta"]["password"], body["password"]);
    let refused = scene.owner.post(path, &body).await;
    assert!(!refused.text.contains("correct"), "{}", refused.text);
    assert_eq!(refused.expect(409)["id"], added["id"]);
    let listed = scene.owner.get("/integrations").await;
    assert!(!listed.text.contains("horse"), "{}", listed.text);
    let listed = listed.ok();
    assert_shape(&listed, &json!([added]));
    let meta = &listed[0]["integration_meta"];
    assert_eq!(meta["password"], masked("correct horse battery"));
    for name in ["url", "username", "email"] {
        assert_eq!(
            meta[name], body[name],
            "what is no secret is shown as it is"
        );
    }
    let log = scene.arcus.log().join("\n");
    assert!(!log.contains("horse"), "{log}");
    assert_nowhere_in(scene.arcus.folder(), "correct horse battery");
    let deleted: Value = {
        let path = format!("/integrations/{}", added["id"].as_str().expect("an id"));
        scene.owner.delete(&path).await.ok()
    };
    assert!(!deleted.to_string().contains("horse"));
}
