//! `/providers`.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Answer, Builder, Method, Scene, assert_shape, wait};

use crate::incus_stand_in::StandIn;
use crate::printed::{curl, is_id};

testkit::on_both_databases![
    a_new_provider_is_answered_with_one_object,
    providers_are_listed_as_printed,
    what_a_provider_sells_is_answered_as_printed,
    what_a_provider_sells_is_kept_between_two_looks,
    what_is_older_than_some_minutes_is_asked_for_anew_in_the_background,
    what_is_older_than_an_hour_is_waited_for,
    a_second_provider_of_a_name_is_refused_with_the_id_of_the_first,
    refused_credentials_are_not_saved,
    an_incus_server_that_nobody_vouches_for_is_not_trusted,
    an_incus_server_that_an_authority_vouches_for_needs_no_server_certificate,
    a_provider_is_deleted_once_no_server_depends_on_it,
    the_kinds_of_provider_say_what_they_want,
    a_preflight_is_answered_as_one,
];

/// Printed for DigitalOcean; the simulated cloud has no credentials.
fn added() -> Value {
    json!({
        "provider_meta": {},
        "name": "default",
        "organisation": "56db164f10d396351aa94940",
        "id": "56ded3d210d396176558b9b5",
        "provider_type": "digital_ocean"
    })
}

async fn a_new_provider_is_answered_with_one_object(builder: Builder) {
    let arcus = builder.start().await;
    let owner = arcus
        .client()
        .register("company name", "my@email.com")
        .await;
    let mut organisations = Vec::new();
    for (kind, agent) in [("sandbox", "curl"), ("arcus", "cloudhero-cli")] {
        let body = json!({"cloud_provider": kind, "provider_name": kind, "access_token": "unused"});
        let request = owner.request(Method::POST, "/providers");
        let request = request.header("User-Agent", agent).json(&body);
        let provider = owner.send(request).await.ok();
        assert_shape(&provider, &added());
        assert_eq!(provider["provider_type"], kind);
        assert_eq!(provider["name"], kind);
        assert_eq!(
            provider["provider_meta"],
            json!({}),
            "only what it wants is kept"
        );
        assert!(
            is_id(&provider["id"]) && is_id(&provider["organisation"]),
            "{provider}"
        );
        organisations.push(provider["organisation"].clone());
    }
    assert_eq!(organisations[0], organisations[1]);
}

pub(crate) const LIST: &str = r#"
curl -X GET "http://s.cloudhero.io:8080/providers"
     -H "Content-Type: application/json"
     -H "Authentication-Token: meowmeowmeow"
"#;

/// The printed answer has one key twice; what it means are two objects in the array of their type.
async fn providers_are_listed_as_printed(builder: Builder) {
    let arcus = builder.start().await;
    let owner = arcus
        .client()
        .register("company name", "my@email.com")
        .await;
    assert_eq!(curl(&owner, LIST, &[]).await.ok(), json!({}));
    let incus = StandIn::start(arcus.folder()).await;
    for name in ["default", "second-provider"] {
        owner.post("/providers", &incus.fields(name)).await.ok();
    }
    let sandbox = owner.add_provider("sandbox").await;
    let listed = curl(&owner, LIST, &[]).await.ok();
    let printed = json!({
        "incus": [{
            "provider_meta": {
                "url": "https://...", "client_certificate": "-----BEGIN...", "client_key": "----****",
                "server_certificate": "-----BEGIN...",
            },
            "name": "default",
            "organisation": "56dd5e9610d396503e2a6ab6",
            "id": "56dd601c10d396503e2a6ab7",
            "provider_type": "incus",
        }],
        "sandbox": [{
            "provider_meta": {},
            "name": "sandbox",
            "organisation": "56dd5e9610d396503e2a6ab6",
            "id": "56dd614610d396503e2a6ab8",
            "provider_type": "sandbox",
        }],
    });
    assert_shape(&listed, &printed);
    assert_eq!(listed.as_object().expect("an object").len(), 2, "{listed}");
    let names = |kind: &str| {
        let all = listed[kind].as_array().expect("an array").iter();
        all.map(|provider| provider["name"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("incus"), ["default", "second-provider"]);
    assert_eq!(listed["sandbox"][0]["id"], sandbox);
}

pub(crate) const META: &str = r#"
curl -X GET "http://s.cloudhero.io:8080/providers/cloud_provider_id/meta"
     -H "Content-Type: application/json"
     -H "Authentication-Token: meowmeowmeow"
"#;

async fn what_a_provider_sells_is_answered_as_printed(builder: Builder) {
    let scene = Scene::set(builder).await;
    let house = scene.owner.add_provider("arcus").await;
    for provider in [&scene.provider, &house] {
        let meta = curl(&scene.owner, META, &[("cloud_provider_id", provider)])
            .await
            .ok();
        let printed = json!({
            "locations": {"sandbox": {"endpoint": "ec2.us-east-1.amazonaws.com", "name": "us-east-1"}},
            "sizes": {
                "General Purpose": {
                    "eos1": {"cores": "2", "disk": "SSD (1 x 32)", "ram": "7.5 GiB", "id": "m3.large"},
                },
            },
        });
        assert_shape(&meta, &printed);
        // The two keys are siblings, whatever the later documentations' braces say.
        assert!(meta["locations"].get("sizes").is_none(), "{meta}");
        for (slug, location) in meta["locations"].as_object().expect("an object") {
            assert_shape(location, &printed["locations"]["sandbox"]);
            assert!(!slug.is_empty());
        }
        for sizes in meta["sizes"].as_object().expect("an object").values() {
            for (slug, size) in sizes.as_object().expect("an object") {
                assert_shape(size, &printed["sizes"]["General Purpose"]["eos1"]);
                assert_eq!(size["id"], *slug);
            }
        }
        assert_eq!(meta["sizes"]["General Purpose"]["eos3"]["cores"], "2");
        assert_eq!(meta["sizes"]["General Purpose"]["eos3"]["ram"], "2 GiB");
    }
}

async fn what_a_provider_sells_is_kept_between_two_looks(builder: Builder) {
    let scene = Scene::set(builder).await;
    let provider = [("cloud_provider_id", scene.provider.as_str())];
    let look = || curl(&scene.owner, META, &provider);
    scene.arcus.faults(&["unavailable=1"]);
    let message = look().await.error(502);
    assert!(message.contains("can't answer now"), "{message}");
    scene.arcus.faults(&["unavailable=0"]);
    let live = look().await.ok();
    let looks = scene.arcus.calls("offer");
    scene.arcus.faults(&["unavailable=1"]);
    assert_eq!(look().await.ok(), live);
    assert_eq!(scene.arcus.calls("offer"), looks);
}

/// How many seconds ago the cloud said what an answer shows.
fn age(answer: &Answer) -> u64 {
    let mut headers = answer.headers.iter();
    let age = headers.find(|(name, _)| name == "age").expect("an age");
    age.1.parse().expect("seconds")
}

async fn what_is_older_than_some_minutes_is_asked_for_anew_in_the_background(builder: Builder) {
    let scene = Scene::set(builder).await;
    let path = format!("/providers/{}/meta", scene.provider);
    assert!(age(&scene.owner.get(&path).await) < 60);
    let ledger = scene.arcus.ledger().await;
    ledger.age_offers(Duration::from_mins(10)).await;
    // Where the cloud is slow, nobody waits for it.
    scene.arcus.faults(&["latency_ms=500"]);
    let looks = scene.arcus.calls("offer");
    assert!(age(&scene.owner.get(&path).await) >= 600);
    wait::until("it to be asked for", Duration::from_secs(30), || async {
        (age(&scene.owner.get(&path).await) < 60).then_some(())
    })
    .await;
    assert_eq!(scene.arcus.calls("offer"), looks + 1);
}

async fn what_is_older_than_an_hour_is_waited_for(builder: Builder) {
    let scene = Scene::set(builder).await;
    let path = format!("/providers/{}/meta", scene.provider);
    scene.owner.get(&path).await.ok();
    let ledger = scene.arcus.ledger().await;
    ledger.age_offers(Duration::from_hours(2)).await;
    assert!(age(&scene.owner.get(&path).await) < 60);
    // It beats none where the cloud can't be asked, and tells how old it is.
    ledger.age_offers(Duration::from_hours(2)).await;
    scene.arcus.faults(&["unavailable=1"]);
    let answer = scene.owner.get(&path).await;
    assert!(age(&answer) >= 7200, "{}", answer.text);
}

async fn a_second_provider_of_a_name_is_refused_with_the_id_of_the_first(builder: Builder) {
    let scene = Scene::set(builder).await;
    for kind in ["sandbox", "arcus"] {
        let body = json!({"cloud_provider": kind, "provider_name": "my-provider"});
        let refused = scene.owner.post("/providers", &body).await.expect(409);
        assert_shape(
            &refused,
            &json!({"message": "...", "id": "...", "request_id": "..."}),
        );
        assert_eq!(refused["id"], scene.provider, "{kind}");
    }
    let listed = scene.owner.get("/providers").await.ok();
    assert_eq!(listed["sandbox"].as_array().expect("an array").len(), 1);
    assert!(listed.get("arcus").is_none(), "{listed}");
}

async fn refused_credentials_are_not_saved(builder: Builder) {
    let arcus = builder.start().await;
    let owner = arcus
        .client()
        .register("company name", "my@email.com")
        .await;
    let body = json!({"cloud_provider": "sandbox", "provider_name": "my-provider"});
    arcus.faults(&["auth_revoked=true"]);
    let message = owner.post("/providers", &body).await.error(400);
    let reason = "the provider was not added: the cloud does not accept the credentials";
    assert_eq!(message, reason);
    arcus.faults(&["auth_revoked=false", "unavailable=1"]);
    owner.post("/providers", &body).await.error(502);

    let incus = StandIn::start(arcus.folder()).await;
    incus.trust_nobody();
    let answer = owner.post("/providers", &incus.fields("house")).await;
    assert!(!answer.text.contains(incus.secret()));
    let message = answer.error(400);
    assert!(
        message.contains("doesn't trust this client certificate"),
        "{message}"
    );
    let mut broken = incus.fields("house");
    broken["client_key"] = json!("no key");
    let message = owner.post("/providers", &broken).await.error(400);
    assert!(
        message.contains("client_key is not a private key in PEM"),
        "{message}"
    );
    let bare = json!({"cloud_provider": "incus", "provider_name": "house", "url": 7});
    let message = owner.post("/providers", &bare).await.error(400);
    assert!(
        message.contains("url must be a string; client_certificate is missing"),
        "{message}"
    );
    assert_eq!(owner.get("/providers").await.ok(), json!({}));
}

/// The fields without the server's certificate: left out, and empty, as clients send it that ask for every field.
fn without_server_certificate(incus: &StandIn) -> [Value; 2] {
    let mut absent = incus.fields("absent");
    let fields = absent.as_object_mut().expect("an object");
    fields.remove("server_certificate");
    let mut empty = incus.fields("empty");
    empty["server_certificate"] = json!("");
    [absent, empty]
}

async fn an_incus_server_that_nobody_vouches_for_is_not_trusted(builder: Builder) {
    let arcus = builder.start().await;
    let owner = arcus
        .client()
        .register("company name", "my@email.com")
        .await;
    let incus = StandIn::start(arcus.folder()).await;
    for fields in without_server_certificate(&incus) {
        let message = owner.post("/providers", &fields).await.error(400);
        assert!(
            message.contains("no authority vouches for the Incus server")
                && message.contains("give its server_certificate"),
            "{message}"
        );
    }
    assert_eq!(owner.get("/providers").await.ok(), json!({}));
}

async fn an_incus_server_that_an_authority_vouches_for_needs_no_server_certificate(
    builder: Builder,
) {
    let folder = tempfile::tempdir().expect("a folder");
    let incus = StandIn::start(folder.path()).await;
    // This makes it one of the machine's authorities.
    let authorities = folder.path().join("incus.crt");
    let authorities = authorities.to_str().expect("a text");
    let builder = builder.variable("SSL_CERT_FILE", authorities);
    let arcus = builder.start().await;
    let owner = arcus
        .client()
        .register("company name", "my@email.com")
        .await;
    for fields in without_server_certificate(&incus) {
        let added = owner.post("/providers", &fields).await.ok();
        assert!(added["provider_meta"].get("server_certificate").is_none());
    }
}

async fn a_provider_is_deleted_once_no_server_depends_on_it(builder: Builder) {
    let scene = Scene::set(builder).await;
    let path = format!("/providers/{}", scene.provider);
    let nodes = json!([{"name": "web", "size": "eos1"}]);
    let environment = scene.environment("production", &nodes).await;
    // Gone at the cloud is the word that counts, not that it was asked for.
    scene.arcus.faults(&["destroy_ms=600000"]);
    scene
        .owner
        .delete(&format!("/environments/{environment}"))
        .await
        .ok();
    let refused = scene.owner.delete(&path).await.expect(409);
    assert_shape(
        &refused,
        &json!({"message": "...", "id": "...", "request_id": "..."}),
    );
    assert!(
        refused["message"]
            .as_str()
            .is_some_and(|message| message.contains("depend"))
    );
    let listed = scene.owner.get("/providers").await.ok();
    assert_eq!(listed["sandbox"][0]["id"], scene.provider);

    let instance = scene.arcus.instances()[0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    scene.arcus.tell(&["sandbox", "rm", &instance], "");
    scene.until_empty().await;
    let deleted = scene.owner.delete(&path).await.ok();
    assert_eq!(deleted["id"], scene.provider);
    assert_eq!(scene.owner.get("/providers").await.ok(), json!({}));
    scene.owner.delete(&path).await.error(404);
    let again = scene.owner.add_provider("sandbox").await;
    assert_ne!(again, scene.provider);
}

async fn the_kinds_of_provider_say_what_they_want(builder: Builder) {
    let arcus = builder.start().await;
    let client = arcus.client();
    let answer = client
        .send(client.request(Method::OPTIONS, "/providers"))
        .await;
    let kinds = answer.ok();
    let field = json!({"short": "u", "long": "url", "description": "..."});
    let printed = json!({"description": "...", "mandatory_fields": [field]});
    assert_shape(&kinds["incus"], &printed);
    let longs = |kind: &str| {
        let fields = kinds[kind]["mandatory_fields"]
            .as_array()
            .expect("an array")
            .iter();
        fields
            .map(|field| field["long"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        longs("incus"),
        [
            "url",
            "client_certificate",
            "client_key",
            "server_certificate"
        ]
    );
    assert!(longs("arcus").is_empty() && longs("sandbox").is_empty());
    // Clients make options of these, such as `-u` and `--url`.
    for (kind, printed) in kinds.as_object().expect("an object") {
        let fields = printed["mandatory_fields"].as_array().expect("an array");
        let mut shorts: Vec<_> = fields
            .iter()
            .map(|field| field["short"].to_string())
            .collect();
        shorts.sort();
        shorts.dedup();
        assert_eq!(shorts.len(), fields.len(), "{kind}");
        for field in fields {
            let long = field["long"].as_str().expect("a string");
            assert_eq!(long, long.to_lowercase(), "{kind}");
        }
    }
}

async fn a_preflight_is_answered_as_one(builder: Builder) {
    let arcus = builder.start().await;
    let client = arcus.client();
    for path in ["/providers", "/integrations"] {
        let request = client
            .request(Method::OPTIONS, path)
            .header("Origin", "https://elsewhere.example")
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "authentication-token");
        let answer = client.send(request).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""), "{path}");
        // No other origin is let in: a browser asks, is told nothing, and goes no further.
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed, None, "{path}");
    }
}
