//! Tokens that are not what they seem.

use serde_json::{Value, json};
use testkit::{Builder, Method, Shop};

testkit::on_both_databases![
    a_token_that_was_not_signed_here_is_refused,
    either_kind_of_token_is_refused_in_the_others_place,
    a_refresh_token_that_is_used_again_ends_the_whole_login,
    of_fifty_refreshes_at_once_one_has_a_successor,
    a_new_password_ends_every_login,
    a_wrong_password_is_refused_in_the_same_words_as_an_unknown_user,
];

const PATH: &str = "/v1/server/list";

fn text(tokens: &Value, name: &str) -> String {
    tokens[name].as_str().expect("a token").to_owned()
}

fn base64url(value: &Value) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bytes = value.to_string().into_bytes();
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk
            .iter()
            .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        let number = number << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(LETTERS[number >> (18 - 6 * place) & 63]));
        }
    }
    text
}

async fn a_token_that_was_not_signed_here_is_refused(builder: Builder) {
    let shop = Shop::open(builder).await;
    let good = shop.customer.bearer().to_owned();
    shop.customer.get(PATH).await.data();
    let parts: Vec<_> = good.split('.').collect();
    let [head, claims, signature] = parts[..] else {
        panic!("{good} is no JWT");
    };
    let none = base64url(&json!({"alg": "none", "typ": "JWT"}));
    let longer = base64url(&json!({"alg": "HS512", "typ": "JWT"}));
    let rsa = base64url(&json!({"alg": "RS256", "typ": "JWT"}));
    let changed: String = signature.chars().rev().collect();
    for wrong in [
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{longer}.{claims}.{signature}"),
        format!("{rsa}.{claims}.{signature}"),
        format!("{head}.{claims}.{changed}"),
        format!("{head}.{claims}."),
        format!("{head}.{claims}"),
        format!(
            "{head}.{}.{signature}",
            base64url(&json!({"sub": "1", "exp": 9_999_999_999_u64}))
        ),
        "meowmeowmeow".to_owned(),
    ] {
        let client = shop.customer.with_bearer(&wrong);
        let message = client.get(PATH).await.refusal(401);
        assert!(!message.contains(&wrong), "{message}");
    }
    shop.customer.anonymous().get(PATH).await.refusal(401);
    // Nor is the other API's token one of this one's, or the reverse.
    let other = shop.customer.with_bearer(shop.owner.token());
    other.get(PATH).await.refusal(401);
    let other = shop.owner.with_token(&good);
    other.get("/environments").await.error(401);
}

async fn either_kind_of_token_is_refused_in_the_others_place(builder: Builder) {
    let shop = Shop::open(builder).await;
    let tokens = Shop::log_in(&shop.customer, "my@email.com").await;
    let refresh = text(&tokens, "refreshtoken");
    shop.customer
        .with_bearer(&refresh)
        .get(PATH)
        .await
        .refusal(401);
    let form = [("refreshtoken", &*text(&tokens, "token"))];
    let path = "/v1/user/refreshtoken";
    shop.customer
        .anonymous()
        .form(Method::POST, path, &form)
        .await
        .refusal(401);
    // Neither attempt has cost the real one anything.
    let form = [("refreshtoken", &*refresh)];
    shop.customer
        .anonymous()
        .form(Method::POST, path, &form)
        .await
        .data();
}

async fn a_refresh_token_that_is_used_again_ends_the_whole_login(builder: Builder) {
    let shop = Shop::open(builder).await;
    let anonymous = shop.customer.anonymous();
    let path = "/v1/user/refreshtoken";
    let first = Shop::log_in(&shop.customer, "my@email.com").await;
    let form = [("refreshtoken", &*text(&first, "refreshtoken"))];
    let second = anonymous.form(Method::POST, path, &form).await.data();
    let next = [("refreshtoken", &*text(&second, "refreshtoken"))];
    let third = anonymous.form(Method::POST, path, &next).await.data();
    let all = [&first, &second, &third].map(|pair| anonymous.with_bearer(&text(pair, "token")));
    for client in &all {
        client.get(PATH).await.data();
    }
    let message = anonymous.form(Method::POST, path, &form).await.refusal(401);
    assert!(message.contains("used before"), "{message}");
    // The newest of its tokens as well as the older ones.
    for client in &all {
        client.get(PATH).await.refusal(401);
    }
    let form = [("refreshtoken", &*text(&third, "refreshtoken"))];
    anonymous.form(Method::POST, path, &form).await.refusal(401);
    // Another login of the same user goes on.
    shop.customer.get(PATH).await.data();
}

async fn of_fifty_refreshes_at_once_one_has_a_successor(builder: Builder) {
    let shop = Shop::open(builder).await;
    let tokens = Shop::log_in(&shop.customer, "my@email.com").await;
    let refresh = text(&tokens, "refreshtoken");
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (client, refresh) = (shop.customer.anonymous(), refresh.clone());
        tasks.spawn(async move {
            let form = [("refreshtoken", &*refresh)];
            let path = "/v1/user/refreshtoken";
            client.form(Method::POST, path, &form).await
        });
    }
    let (taken, refused): (Vec<_>, Vec<_>) = tasks
        .join_all()
        .await
        .into_iter()
        .partition(|answer| answer.status == 200);
    assert_eq!((taken.len(), refused.len()), (1, 49));
    for answer in refused {
        let message = answer.refusal(401);
        assert!(message.contains("used before"), "{message}");
    }
    // The others have used the token again, so that its one successor is good for nothing.
    let successor = taken.into_iter().next().expect("one").data();
    let client = shop.customer.with_bearer(&text(&successor, "token"));
    client.get(PATH).await.refusal(401);
}

async fn a_new_password_ends_every_login(builder: Builder) {
    let shop = Shop::open(builder).await;
    shop.customer.get(PATH).await.data();
    shop.arcus.tell(
        &["admin", "user", "password", "my@email.com"],
        "another password",
    );
    shop.customer.get(PATH).await.refusal(401);
}

async fn a_wrong_password_is_refused_in_the_same_words_as_an_unknown_user(builder: Builder) {
    let shop = Shop::open(builder).await;
    let log_in = |user: &'static str, password: &'static str| {
        let client = shop.customer.anonymous();
        async move {
            let form = [("username", user), ("password", password)];
            client
                .form(Method::POST, "/v1/user/login", &form)
                .await
                .refusal(401)
        }
    };
    let wrong = log_in("my@email.com", "wrongpassword").await;
    assert_eq!(wrong, log_in("nobody@email.com", "secretpassword").await);
}
