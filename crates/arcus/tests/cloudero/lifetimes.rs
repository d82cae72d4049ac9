//! How long a token lives, to the second.

use std::time::Duration;

use serde_json::Value;
use testkit::{Answer, Client, Method};

use crate::still::{Still, on_both};

on_both![
    an_access_token_dies_at_45_minutes,
    a_refresh_token_dies_at_24_hours,
    a_refresh_gives_both_tokens_their_whole_lives,
];

const PATH: &str = "/v1/server/list";

/// In seconds.
const ACCESS: u64 = 45 * 60;

/// In seconds.
const REFRESH: u64 = 24 * 60 * 60;

async fn registered(still: &Still) -> Client {
    still.client.register("company name", "my@email.com").await
}

async fn log_in(client: &Client) -> Value {
    testkit::Shop::log_in(client, "my@email.com").await
}

fn with<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().expect("a token")
}

async fn ask(client: &Client, tokens: &Value) -> Answer {
    client.with_bearer(with(tokens, "token")).get(PATH).await
}

async fn refresh(client: &Client, tokens: &Value) -> Answer {
    let form = [("refreshtoken", with(tokens, "refreshtoken"))];
    let path = "/v1/user/refreshtoken";
    client.anonymous().form(Method::POST, path, &form).await
}

async fn an_access_token_dies_at_45_minutes(still: Still) {
    let client = registered(&still).await;
    let tokens = log_in(&client).await;
    still.pass(Duration::from_secs(ACCESS - 1));
    ask(&client, &tokens).await.data();
    still.pass(Duration::from_secs(1));
    ask(&client, &tokens).await.refusal(401);
    // Its refresh token goes on.
    let next = refresh(&client, &tokens).await.data();
    ask(&client, &next).await.data();
}

async fn a_refresh_token_dies_at_24_hours(still: Still) {
    let client = registered(&still).await;
    let (first, second) = (log_in(&client).await, log_in(&client).await);
    still.pass(Duration::from_secs(REFRESH - 1));
    refresh(&client, &first).await.data();
    still.pass(Duration::from_secs(1));
    refresh(&client, &second).await.refusal(401);
}

async fn a_refresh_gives_both_tokens_their_whole_lives(still: Still) {
    let client = registered(&still).await;
    let tokens = log_in(&client).await;
    still.pass(Duration::from_secs(REFRESH - 1));
    let next = refresh(&client, &tokens).await.data();
    still.pass(Duration::from_secs(ACCESS - 1));
    ask(&client, &next).await.data();
    still.pass(Duration::from_secs(REFRESH - ACCESS));
    ask(&client, &next).await.refusal(401);
    let last = refresh(&client, &next).await.data();
    ask(&client, &last).await.data();
}
