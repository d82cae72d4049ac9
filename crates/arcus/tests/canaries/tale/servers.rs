//! Servers: one with its owner's user data and a password of its own, and environments at clouds that repeat what they hear.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Method, wait};

use super::clouds::MOODS;
use super::scene::Scene;
use crate::aviary::USER_DATA;
use crate::parrot::{Mood, Parrot};

const PATIENCE: Duration = Duration::from_secs(60);
const PASSWORD: &str = "a server's password";

pub(crate) async fn buy_one_with_user_data(scene: &mut Scene) {
    use base64::Engine;
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let secret = scene.aviary.breed(USER_DATA);
    let form = |user_data: &str| {
        json!({
            "name": "web", "region": "sandbox", "package": "eos1", "image": "debian-12", "user_data": user_data,
        })
    };
    // Such as cloud-init does not know, such as is no base64, and in no place for it.
    let misplaced = json!({"name": [base64(&secret)], "user_data": {"text": secret}});
    for wrong in [
        form(&base64(&secret)),
        form(&format!("{secret}!")),
        misplaced,
    ] {
        let answer = scene.customer.post("/v1/server/create", &wrong).await;
        scene
            .aviary
            .hear("user data in a wrong form", answer, &[])
            .refusal(400);
    }
    let script = format!("#!/bin/sh\necho '{secret}' >/root/secret\n");
    let answer = scene
        .customer
        .post("/v1/server/create", &form(&base64(&script)))
        .await;
    let made = scene
        .aviary
        .hear("POST /v1/server/create", answer, &[])
        .data();
    let id = event_ended(scene, &made).await;

    let path = format!("/v1/server/{id}/change_password");
    let answer = scene.customer.form(Method::POST, &path, &[]).await;
    let changed = scene
        .aviary
        .hear("a new password", answer, &[PASSWORD])
        .data();
    scene
        .aviary
        .keep(PASSWORD, changed["password"].as_str().expect("a password"));
    event_ended(scene, &changed).await;
    scene.get(&format!("/v1/server/{id}")).await.data();
}

/// Waits for the end of the event that an answer names; the server that it is about.
async fn event_ended(scene: &mut Scene, answer: &Value) -> i64 {
    let id = answer["event_id"].as_i64().expect("an event");
    let path = format!("/v1/event/{id}");
    let event = wait::until("an event to end", PATIENCE, || async {
        let event = scene.customer.get(&path).await.data();
        let is_over = event["completed_at"] != "";
        is_over.then_some(event)
    })
    .await;
    scene.get(&path).await.data();
    event["subscription_id"].as_i64().expect("a server")
}

/// One environment at each cloud for each of its moods: made, looked at, stopped, deleted while the cloud repeats what it
/// hears.
pub(crate) async fn make_environments_in_trouble(scene: &mut Scene) {
    let listed = scene.get("/providers").await.ok();
    let id = |kind: &str| listed[kind][0]["id"].as_str().expect("an id").to_owned();
    let ocean = (
        scene.ocean.clone(),
        id("digital_ocean"),
        "fra1",
        "s-1vcpu-1gb",
    );
    let amazon = (scene.amazon.clone(), id("ec2"), "us-east-1", "t2.micro");
    let hetzner = (scene.hetzner.clone(), id("hetzner"), "fsn1", "cx23");
    for (parrot, provider, region, size) in [ocean, hetzner, amazon] {
        let name = format!("in-{region}");
        let first = make(scene, &provider, &name, region, size).await;
        wait::until("it to run", PATIENCE, || async {
            let seen = scene
                .owner
                .get(&format!("/environments/{first}/query"))
                .await;
            seen.text.contains("\"running\"").then_some(())
        })
        .await;
        // A cloud that wants to be left alone is.
        let moods = MOODS.into_iter().filter(|mood| *mood != Mood::Repeat(429));
        for (number, mood) in moods.enumerate() {
            parrot.set_mood(mood);
            let another = make(scene, &provider, &format!("{name}-{number}"), region, size).await;
            until_heard(&parrot).await;
            for id in [&first, &another] {
                scene.get(&format!("/environments/{id}/query?wait=0")).await;
                scene.get(&format!("/environments/{id}/stop?wait=0")).await;
            }
            scene.get("/v1/event/list").await;
            let answer = scene
                .owner
                .delete(&format!("/environments/{another}?wait=0"))
                .await;
            scene.aviary.hear("a deletion", answer, &[]);
            until_heard(&parrot).await;
        }
        parrot.set_mood(Mood::Pass);
    }
}

async fn make(scene: &mut Scene, provider: &str, name: &str, region: &str, size: &str) -> String {
    let body = json!({
        "provider_id": provider, "region": region, "environment": name, "nodes": [{"name": "web", "size": size}],
    });
    let made = scene.post("/environments?wait=0", &body, &[]).await;
    made.body["environment"]
        .as_str()
        .unwrap_or_else(|| panic!("{}", made.text))
        .to_owned()
}

/// Waits until a parrot has repeated some calls more.
async fn until_heard(parrot: &Parrot) {
    let before = parrot.repeated();
    let what = format!("a cloud to be called that answers {:?}", parrot.mood());
    wait::until(&what, PATIENCE, || async {
        (parrot.repeated() > before + 1).then_some(())
    })
    .await;
}

/// Arcus dies while a create is under way, and goes on with it.
pub(crate) async fn crash_within_a_create(scene: &mut Scene) {
    let listed = scene.get("/providers").await.ok();
    let provider = listed["digital_ocean"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    scene.ocean.set_mood(Mood::Repeat(500));
    let id = make(scene, &provider, "crash", "fra1", "s-1vcpu-1gb").await;
    until_heard(&scene.ocean).await;
    scene.crash().await;
    scene.ocean.set_mood(Mood::Pass);
    let query = format!("/environments/{id}/query");
    wait::until("it to run after the crash", PATIENCE, || async {
        let seen = scene.owner.get(&query).await;
        seen.text.contains("\"running\"").then_some(())
    })
    .await;
    scene.get(&query).await.ok();
}
