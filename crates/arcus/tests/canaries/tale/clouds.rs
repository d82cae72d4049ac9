//! Accounts at clouds: right and wrong ones, at clouds that repeat them, and at one that says nothing.

use serde_json::{Value, json};
use testkit::{Answer, Method};
use tokio::task::JoinHandle;

use super::scene::Scene;
use crate::parrot::{Mood, Parrot};

const TOKEN: &str = "an account's token";
const HETZNER: &str = "an account's token at Hetzner";
const AMAZON: [&str; 3] = [
    "an account's access key",
    "an account's secret key",
    "an account's session token",
];
const INCUS: [&str; 2] = [
    "an Incus client's key",
    "an Incus client's key, as it is sent",
];

/// What a cloud may answer with when it repeats what it was told.
pub(crate) const MOODS: [Mood; 8] = [
    Mood::Repeat(400),
    Mood::Repeat(401),
    Mood::Repeat(403),
    Mood::Repeat(404),
    Mood::Repeat(422),
    Mood::Repeat(429),
    Mood::Repeat(500),
    Mood::Confuse,
];

/// Begins to add an account whose cloud takes the call and says nothing.
pub(crate) fn without_an_answer(scene: &Scene) -> JoinHandle<Answer> {
    let (owner, body) = (
        scene.owner.clone(),
        digital_ocean("silent", &scene.secrets.silent),
    );
    tokio::spawn(async move { owner.post("/providers", &body).await })
}

pub(crate) async fn add_accounts(scene: &mut Scene) {
    let wrong = scene.aviary.breed("another account's token, a wrong one");
    let refused = scene
        .post("/providers", &digital_ocean("wrong", &wrong), &[])
        .await;
    refused.error(400);
    let right = digital_ocean("ocean", &scene.secrets.token);
    add_where_they_are_repeated(scene, &scene.ocean.clone(), &right, &[TOKEN]).await;
    let wrong = scene
        .aviary
        .breed("another account's token at Hetzner, a wrong one");
    let refused = scene
        .post("/providers", &hetzner("wrong", &wrong), &[])
        .await;
    refused.error(400);
    let right = hetzner("hetzner", &scene.secrets.hetzner);
    add_where_they_are_repeated(scene, &scene.hetzner.clone(), &right, &[HETZNER]).await;
    let right = amazon(scene, "amazon");
    add_where_they_are_repeated(scene, &scene.amazon.clone(), &right, &AMAZON).await;

    let mut right = scene.incus.fields("incus");
    scene.post("/providers", &right, &INCUS).await.ok();
    scene.incus.trust_nobody();
    right["provider_name"] = json!("another");
    scene.post("/providers", &right, &[]).await.error(400);
    right["client_certificate"] = right["client_key"].clone();
    scene.post("/providers", &right, &[]).await.error(400);
    // Where a secret has no place.
    right["url"] = right["client_key"].clone();
    scene.post("/providers", &right, &[]).await.error(400);
    let mut misplaced = amazon(scene, "misplaced");
    misplaced["secretKey"] = json!([misplaced["secretKey"]]);
    scene.post("/providers", &misplaced, &[]).await.error(400);
    let cut_off = misplaced.to_string();
    let answer = scene
        .owner
        .raw(Method::POST, "/providers", &cut_off[..cut_off.len() - 1])
        .await;
    scene
        .aviary
        .hear("an account that was cut off", answer, &[])
        .error(400);
}

/// Sends the same again and again, and is taken at last.
async fn add_where_they_are_repeated(
    scene: &mut Scene,
    parrot: &Parrot,
    body: &Value,
    its: &[&'static str],
) {
    for mood in MOODS {
        parrot.set_mood(mood);
        let before = parrot.repeated();
        let answer = scene.owner.post("/providers", body).await;
        // Words where a number should be pass for an answer where the number is of no interest.
        let is_added = answer.status == 200;
        let allowed = if is_added { its } else { &[] };
        let answer = scene
            .aviary
            .hear("an account that is repeated", answer, allowed);
        assert!(parrot.repeated() > before, "{mood:?} was not heard");
        if is_added {
            let path = format!(
                "/providers/{}",
                first(&answer.body)["id"].as_str().expect("an id")
            );
            let removed = scene.owner.delete(&path).await;
            scene.aviary.hear("removing it", removed, &[]).ok();
        }
    }
    parrot.set_mood(Mood::Pass);
    scene.post("/providers", body, its).await.ok();
    scene.post("/providers", body, &[]).await.expect(409);
}

/// Everything that tells of accounts and of what was made with them.
pub(crate) async fn look_at_all(scene: &mut Scene) {
    let listed = scene.get("/providers").await.ok();
    for kind in ["ec2", "digital_ocean", "hetzner", "incus"] {
        let id = listed[kind][0]["id"].as_str().expect("an id");
        scene.get(&format!("/providers/{id}/meta")).await;
    }
    for path in [
        "/environments",
        "/applications",
        "/integrations",
        "/accounts/keys",
        "/v1/server/list",
        "/v1/event/list",
        "/v1/user",
        "/v1/account/user_detail",
        "/v1/usage/list",
        "/v1/region/list",
        "/v1/image/list",
        "/v1/transaction/list",
        "/openapi/cloudhero.json",
        "/healthz",
        "/readyz",
    ] {
        scene.get(path).await;
    }
}

pub(crate) fn digital_ocean(name: &str, token: &str) -> Value {
    json!({"cloud_provider": "digital_ocean", "provider_name": name, "access_token": token})
}

fn hetzner(name: &str, token: &str) -> Value {
    json!({"cloud_provider": "hetzner", "provider_name": name, "api_token": token})
}

fn amazon(scene: &Scene, name: &str) -> Value {
    let secrets = &scene.secrets;
    json!({
        "cloud_provider": "ec2", "provider_name": name, "accessKey": secrets.access_key,
        "secretKey": secrets.secret_key, "sessionToken": secrets.session_token,
    })
}

/// The documentation shows Amazon's answer as an array of one.
fn first(answer: &Value) -> &Value {
    answer.get(0).unwrap_or(answer)
}
