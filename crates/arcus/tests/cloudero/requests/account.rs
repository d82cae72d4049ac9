//! Logging in, and what a user reads about itself.

use serde_json::{Value, json};
use testkit::{Builder, Method, Shop, assert_shape};

use crate::curls::LOGIN;
use crate::printed::curl;

testkit::on_both_databases![
    a_login_answers_two_tokens_as_printed,
    a_refresh_answers_two_others_as_printed,
    an_account_is_shown_as_printed,
    a_balance_is_a_number_that_is_exact,
];

const REFRESH: &str = "/v1/user/refreshtoken";

fn printed_tokens(refresh: bool) -> Value {
    json!({
        "status": "success", "message": null,
        "data": {"token": "eyJ0", "refreshtoken": "eyJ0", "refresh": refresh},
    })
}

async fn a_login_answers_two_tokens_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let user = [
        ("{{test_user}}", "my@email.com"),
        ("{{test_pass}}", "secretpassword"),
    ];
    let answer = curl(&shop.customer, LOGIN, &user).ok();
    assert_shape(&answer, &printed_tokens(false));
    assert_eq!(answer["data"]["refresh"], false);
    for name in ["token", "refreshtoken"] {
        let token = answer["data"][name].as_str().expect("a token");
        assert_eq!(token.split('.').count(), 3, "{token} is no JWT");
    }
    let token = answer["data"]["token"].as_str().expect("a token");
    let customer = shop.customer.with_bearer(token);
    customer.get("/v1/server/list").await.data();
}

/// The documentation prints the answer and no request.
async fn a_refresh_answers_two_others_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let anonymous = shop.customer.anonymous();
    let text = |tokens: &Value| tokens["refreshtoken"].as_str().expect("a token").to_owned();
    let first = Shop::log_in(&shop.customer, "my@email.com").await;
    let form = [("refreshtoken", &*text(&first))];
    let second = anonymous.form(Method::POST, REFRESH, &form).await.ok();
    assert_shape(&second, &printed_tokens(true));
    let second = &second["data"];
    assert_eq!(second["refresh"], true);
    assert_ne!(second["token"], first["token"]);
    // By its other name, and as the bearer token.
    let form = [("refresh", &*text(second))];
    let third = anonymous.form(Method::POST, REFRESH, &form).await.data();
    let bearer = anonymous.with_bearer(&text(&third));
    let fourth = bearer.form(Method::POST, REFRESH, &[]).await.data();
    assert_ne!(text(&third), text(&fourth));
}

/// The documentation prints the answer, and has lost the address.
async fn an_account_is_shown_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    pay_out(&shop, "18.75");
    let account = shop.customer.get("/v1/account/detail").await.ok();
    let printed = json!({
        "status": "success", "message": null,
        "data": {
            "name": "Umut Karacaoğlan", "email": "team@cloud.ro", "balance": 6.25,
            "register_date": "2017-11-13T14:46:40Z", "last_login_date": "2018-01-08T14:39:39Z", "is_verified": false,
        },
    });
    assert_shape(&account, &printed);
    let told = ["email", "balance", "is_verified"].map(|name| account["data"][name].clone());
    assert_eq!(json!(told), json!(["my@email.com", 6.25, false]));
    assert_eq!(shop.customer.get("/v1/user").await.ok(), account);
    let balance = shop.customer.get("/v1/account/user_balance").await.ok();
    assert_shape(&balance["data"], &json!({"balance": 6.25}));
}

/// Takes something of the starting credit.
fn pay_out(shop: &Shop, amount: &str) {
    let refund = ["billing", "refund", "company-name", amount, "--paid-out"];
    shop.arcus.tell(&refund, "");
}

async fn a_balance_is_a_number_that_is_exact(builder: Builder) {
    let shop = Shop::open(builder).await;
    for (amount, left) in [("18.75", "6.25"), ("0.000001", "6.249999")] {
        pay_out(&shop, amount);
        for path in ["/v1/account/user_balance", "/v1/account/detail"] {
            let text = shop.customer.get(path).await.text;
            let printed = format!("\"balance\":{left}");
            let (_, after) = text.split_once(&printed).expect(&text);
            assert!(after.starts_with(['}', ',']), "{text}");
        }
    }
}
