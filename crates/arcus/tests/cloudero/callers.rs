//! Who may call what: every route without a token, with what is no token, and by a member.

use serde_json::json;
use testkit::{Builder, Client, Shop};

use crate::things::{Route, Things, all, state};

testkit::on_both_databases![
    who_has_no_token_gets_nowhere,
    what_is_no_token_gets_nowhere,
    a_member_is_kept_from_what_is_for_admins,
    a_member_may_do_all_the_rest,
];

async fn who_has_no_token_gets_nowhere(builder: Builder) {
    let shop = Shop::open(builder).await;
    let things = Things::of(&shop).await;
    let before = state(&shop, &shop.customer).await;
    let anonymous = shop.customer.anonymous();
    for route in all() {
        let answer = route.send(&anonymous, &things).await;
        let what = format!("{} {}: {}", route.method, route.path, answer.text);
        if route.is_public() {
            assert!(matches!(answer.status, 200 | 400 | 404), "{what}");
        } else {
            assert_eq!(answer.status, 401, "{what}");
            answer.refusal(401);
        }
    }
    assert_eq!(state(&shop, &shop.customer).await, before);
}

async fn what_is_no_token_gets_nowhere(builder: Builder) {
    let shop = Shop::open(builder).await;
    let things = Things::of(&shop).await;
    let before = state(&shop, &shop.customer).await;
    let good = shop.customer.bearer();
    let (cut, longer) = (&good[1..], format!("{good}x"));
    for wrong in [
        "",
        "meowmeowmeow",
        "a.b.c",
        cut,
        &longer,
        shop.owner.token(),
    ] {
        let client = shop.customer.with_bearer(wrong);
        for route in all().filter(|route| !route.is_public()) {
            let answer = route.send(&client, &things).await;
            let what = format!("{} {} {wrong:?}", route.method, route.path);
            assert_eq!(answer.status, 401, "{what}: {}", answer.text);
            answer.refusal(401);
        }
    }
    assert_eq!(state(&shop, &shop.customer).await, before);
}

/// A user of the customer's organisation with the least role.
async fn member(shop: &Shop) -> Client {
    let provider = json!({"cloud_provider": "sandbox", "provider_name": "own"});
    let provider = shop.owner.post("/providers", &provider).await.ok();
    let organisation = provider["organisation"].as_str().expect("an id");
    let invite = ["admin", "setup-token", "--role=member"];
    let organisation = ["--organisation", organisation];
    let invitation = shop.arcus.tell(&[&invite[..], &organisation].concat(), "");
    let body = json!({
        "email": "member@email.com", "password": "secretpassword", "password_confirm": "secretpassword",
        "invitation": invitation,
    });
    let anonymous = shop.arcus.client();
    anonymous.post("/accounts/register", &body).await.ok();
    let tokens = Shop::log_in(&anonymous, "member@email.com").await;
    anonymous.with_bearer(tokens["token"].as_str().expect("a token"))
}

async fn a_member_is_kept_from_what_is_for_admins(builder: Builder) {
    let shop = Shop::open(builder).await;
    let things = Things::of(&shop).await;
    let member = member(&shop).await;
    let before = state(&shop, &shop.customer).await;
    let mut refused = Vec::new();
    for route in all().filter(Route::is_for_admins) {
        let message = route.send(&member, &things).await.refusal(403);
        assert!(message.contains("this needs the role admin"), "{message}");
        refused.push(route.path);
    }
    assert_eq!(
        refused,
        [
            "/v1/invoice/list",
            "/v1/invoice/{number}",
            "/v1/invoice/{number}/html",
            "/v1/transaction/list",
            "/v1/account/topup",
        ],
        "money is for admins"
    );
    assert_eq!(state(&shop, &shop.customer).await, before);
}

/// With ids that never existed nothing comes of it, but the answer tells who was let through.
async fn a_member_may_do_all_the_rest(builder: Builder) {
    let shop = Shop::open(builder).await;
    let member = member(&shop).await;
    let others = all().filter(|route| !route.is_for_admins() && !route.is_public());
    for route in others {
        let answer = route.send(&member, &Things::unknown()).await;
        let what = format!("{} {}: {}", route.method, route.path, answer.text);
        assert!(matches!(answer.status, 200 | 400 | 404), "{what}");
    }
    for client in [&member, &shop.customer] {
        let seen = client.get("/v1/server/list").await.data();
        assert_eq!(seen[0]["name"], "new", "what it has made is everybody's");
    }
}
