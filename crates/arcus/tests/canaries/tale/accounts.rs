//! People and what they log in with: passwords, tokens, an integration's password.

use serde_json::{Value, json};
use testkit::Method;

use super::scene::Scene;

const EMAIL: &str = "my@email.com";
const PERSISTENT: &str = "a persistent token";
const REFRESHING: &str = "a refreshing token";
const JWT: &str = "an access token";
const JWT_REFRESH: &str = "a refresh token";
const KEY: &str = "the users' private key";
const INTEGRATION: &str = "an integration's password";

pub(crate) async fn register_and_log_in(scene: &mut Scene) {
    let password = scene.aviary.breed("an account's password");
    let wrong = scene.aviary.breed("a wrong password");
    let form = |confirmed: &str| {
        json!({
            "email": EMAIL, "password": password, "password_confirm": confirmed, "name": "company name",
            "user_name": "me",
        })
    };
    scene
        .post("/accounts/register", &form(&wrong), &[])
        .await
        .expect(400);
    let answer = scene
        .post(
            "/accounts/register",
            &form(&password),
            &[PERSISTENT, REFRESHING],
        )
        .await
        .ok();
    keep_pair(scene, &answer[0]);
    scene
        .post("/accounts/register", &form(&password), &[])
        .await;

    let body = json!({"email": EMAIL, "password": password});
    let pair = scene
        .post("/accounts/tokens", &body, &[PERSISTENT, REFRESHING])
        .await
        .ok();
    keep_pair(scene, &pair);
    let body = json!({"refreshing_token": pair["refreshing_token"]});
    let pair = scene
        .post("/accounts/tokens", &body, &[PERSISTENT, REFRESHING])
        .await
        .ok();
    keep_pair(scene, &pair);
    scene.owner = scene.owner.with_token(text(&pair["persistent_token"]));
    scene.post("/accounts/tokens", &body, &[]).await.error(401);
    let body = json!({"email": EMAIL, "password": wrong});
    scene.post("/accounts/tokens", &body, &[]).await.error(401);
    // Where a password has no place, and where a token has none.
    let misplaced = [
        json!({"email": {"password": password}, "password": [password]}).to_string(),
        json!({"password": password, "email": 7}).to_string(),
        format!("{{\"email\": \"{EMAIL}\", \"password\": \"{password}\""),
        format!("email={EMAIL}&password={password}"),
    ];
    for body in misplaced {
        let answer = scene
            .owner
            .raw(Method::POST, "/accounts/tokens", body)
            .await;
        assert!(answer.status >= 400, "{}", answer.text);
        scene
            .aviary
            .hear("a password in the wrong place", answer, &[]);
    }
    let token = scene.owner.token().to_owned();
    for path in [
        format!("/environments?token={token}"),
        format!("/environments/{token}/query"),
    ] {
        let answer = scene.owner.anonymous().get(&path).await;
        scene
            .aviary
            .hear("a token in an address", answer, &[])
            .error(401);
    }
    let wrong_token = scene.owner.with_token(&wrong).get("/environments").await;
    scene
        .aviary
        .hear("a wrong token", wrong_token, &[])
        .error(401);

    log_in_to_the_other_api(scene, &password, &wrong).await;
}

async fn log_in_to_the_other_api(scene: &mut Scene, password: &str, wrong: &str) {
    let anonymous = scene.owner.anonymous();
    for (password, is_right) in [(wrong, false), (password, true)] {
        let form = [("username", EMAIL), ("password", password)];
        let answer = anonymous.form(Method::POST, "/v1/user/login", &form).await;
        let answer = scene.aviary.hear("a login", answer, &[JWT, JWT_REFRESH]);
        if is_right {
            keep_jwt(scene, &answer.data());
        }
    }
    let misplaced = json!({"username": {"password": password}, "password": [password]});
    let answer = anonymous.post("/v1/user/login", &misplaced).await;
    scene.aviary.hear("a login in a wrong form", answer, &[]);
    let bearer = format!("{}x", scene.customer.bearer());
    let answer = anonymous.with_bearer(&bearer).get("/v1/server/list").await;
    scene
        .aviary
        .hear("a token that was tampered with", answer, &[])
        .refusal(401);
}

/// The signature is the secret part of such a token.
fn keep_jwt(scene: &mut Scene, tokens: &Value) {
    for (name, token) in [
        (JWT, &tokens["token"]),
        (JWT_REFRESH, &tokens["refreshtoken"]),
    ] {
        let signature = text(token).rsplit('.').next().expect("a part").to_owned();
        scene.aviary.keep(name, signature);
    }
    scene.customer = scene.owner.with_bearer(text(&tokens["token"]));
}

fn keep_pair(scene: &mut Scene, pair: &Value) {
    scene
        .aviary
        .keep(PERSISTENT, text(&pair["persistent_token"]));
    scene
        .aviary
        .keep(REFRESHING, text(&pair["refreshing_token"]));
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// The users' own key, which is handed out to who asks for its private half, and to nobody else.
pub(crate) async fn hand_out_the_key(scene: &mut Scene) {
    let answer = scene.owner.get("/accounts/keys?private=True").await;
    let key = scene.aviary.hear("the users' key", answer, &[KEY]).ok();
    let line = text(&key["content"]).lines().nth(5).expect("a long key");
    scene.aviary.keep(KEY, line);
    scene.get("/accounts/keys").await.ok();
    scene.get("/accounts/keys?private=yes").await;
}

pub(crate) async fn add_an_integration(scene: &mut Scene) {
    let password = scene.aviary.breed(INTEGRATION);
    let body = json!({
        "name": "hub", "url": "https://index.docker.io/v1/", "username": "username", "password": password,
        "email": "user@email.net",
    });
    let path = "/integrations/docker-hub";
    scene.post(path, &body, &[INTEGRATION]).await.ok();
    scene.post(path, &body, &[]).await.expect(409);
    let mut misplaced = body.clone();
    misplaced["name"] = json!([password]);
    scene.post(path, &misplaced, &[]).await.error(400);
    scene.get("/integrations").await.ok();
}
