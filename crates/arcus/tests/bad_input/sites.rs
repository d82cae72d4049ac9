//! Web pages: what a browser sends for another site's page is refused, whatever the page asks for.

use serde_json::{Value, json};
use testkit::{Answer, Builder, Client, Method, Scene};

testkit::on_both_databases![
    a_post_from_another_site_is_refused,
    a_post_with_a_foreign_origin_is_refused,
    every_method_that_changes_something_is_refused_to_another_site,
    a_post_from_the_same_origin_is_answered,
    a_post_to_a_foreign_host_on_loopback_is_refused,
    a_post_to_this_machine_by_any_of_its_own_names_is_answered,
    a_post_to_a_foreign_host_through_a_proxy_is_answered,
    a_rebound_page_that_claims_to_be_forwarded_is_refused,
    a_get_is_answered_under_any_name,
    the_metrics_are_not_for_a_foreign_host_without_the_token,
];

const ANOTHER_SITE: &str = "a web page of another site may not call this; nothing was done";

/// What needs no token.
const PUBLIC: [&str; 2] = ["/accounts/register", "/accounts/tokens"];

/// Registers somebody, with these headers.
async fn register(client: &Client, headers: &[(&str, &str)]) -> Answer {
    let body = json!({
        "email": "new@example.com", "password": "secretpassword",
        "password_confirm": "secretpassword", "name": "new", "user_name": "new",
    });
    post(client, "/accounts/register", &body, headers).await
}

async fn post(client: &Client, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
    let mut request = client.request(Method::POST, path).json(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client.send(request).await
}

/// Nobody is there, so that the name is still free.
async fn assert_nobody_was_registered(client: &Client) {
    register(client, &[]).await.ok();
}

/// Where it listens, as a browser names it.
fn host(base: &str) -> &str {
    base.strip_prefix("http://").expect("plain HTTP")
}

async fn a_post_from_another_site_is_refused(builder: Builder) {
    let arcus = builder.start().await;
    let client = arcus.client();
    for site in ["cross-site", "same-site", "Cross-Site"] {
        let answer = register(&client, &[("Sec-Fetch-Site", site)]).await;
        assert_eq!(answer.error(403), ANOTHER_SITE, "{site}");
        let token = json!({"email": "new@example.com", "password": "secretpassword"});
        let header = [("Sec-Fetch-Site", site)];
        let answer = post(&client, "/accounts/tokens", &token, &header).await;
        assert_eq!(answer.error(403), ANOTHER_SITE, "{site}");
    }
    assert_nobody_was_registered(&client).await;
}

async fn a_post_with_a_foreign_origin_is_refused(builder: Builder) {
    let arcus = builder.start().await;
    let client = arcus.client();
    for origin in [
        "https://evil.example",
        "http://127.0.0.1",
        "http://localhost:3000",
        "null",
        "",
    ] {
        let answer = register(&client, &[("Origin", origin)]).await;
        assert_eq!(answer.error(403), ANOTHER_SITE, "{origin}");
    }
    assert_nobody_was_registered(&client).await;
}

async fn every_method_that_changes_something_is_refused_to_another_site(builder: Builder) {
    let scene = Scene::set(builder).await;
    let id = scene.environment("kept", &json!([])).await;
    let before = scene.environments().await;
    for (method, path, _) in api::CLOUDHERO_ACCESS {
        if ["GET", "HEAD", "OPTIONS"].contains(method) {
            continue;
        }
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let request = scene.owner.request(method, &path.replace("{id}", &id));
        let request = request.header("Sec-Fetch-Site", "cross-site").body("{}");
        let answer = scene.owner.send(request).await;
        assert_eq!(answer.error(403), ANOTHER_SITE, "{path}");
    }
    assert_eq!(scene.environments().await, before);
}

async fn a_post_from_the_same_origin_is_answered(builder: Builder) {
    let arcus = builder.start().await;
    let headers = [("Sec-Fetch-Site", "same-origin"), ("Origin", arcus.base())];
    register(&arcus.client(), &headers).await.ok();
}

async fn a_post_to_a_foreign_host_on_loopback_is_refused(builder: Builder) {
    let arcus = builder.start().await;
    let client = arcus.client();
    for host in [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
    ] {
        for path in PUBLIC {
            let answer = post(&client, path, &json!({}), &[("Host", host)]).await;
            let message = answer.error(403);
            assert!(
                message.contains("localhost or an IP address"),
                "{host}: {message}"
            );
            assert!(message.contains("X-Forwarded-For"), "{host}: {message}");
        }
    }
    assert_nobody_was_registered(&client).await;
}

async fn a_post_to_this_machine_by_any_of_its_own_names_is_answered(builder: Builder) {
    let arcus = builder.start().await;
    let client = arcus.client();
    for host in [
        host(arcus.base()),
        "localhost",
        "arcus.localhost:8080",
        "[::1]:8080",
    ] {
        // Refused for what it lacks, not for where it was sent.
        let answer = post(&client, "/accounts/tokens", &json!({}), &[("Host", host)]).await;
        assert_eq!(answer.status, 400, "{host}: {}", answer.text);
    }
}

async fn a_post_to_a_foreign_host_through_a_proxy_is_answered(builder: Builder) {
    let arcus = builder.start().await;
    let client = arcus.client();
    for forwarded in [
        ("X-Forwarded-For", "192.0.2.7"),
        ("Forwarded", "for=192.0.2.7"),
    ] {
        let host = ("Host", "arcus.example.com");
        let origin = ("Origin", "https://arcus.example.com");
        for headers in [vec![host, forwarded], vec![host, forwarded, origin]] {
            let answer = post(&client, "/accounts/tokens", &json!({}), &headers).await;
            assert_eq!(answer.status, 400, "{headers:?}: {}", answer.text);
        }
    }
}

/// A page may set such a header on requests to what it takes for its own site, but not another `Origin`.
async fn a_rebound_page_that_claims_to_be_forwarded_is_refused(builder: Builder) {
    let arcus = builder.start().await;
    let client = arcus.client();
    let headers = [
        ("Host", "evil.example:8080"),
        ("Origin", "http://evil.example:8080"),
        ("X-Forwarded-For", "192.0.2.7"),
    ];
    register(&client, &headers).await.error(403);
    assert_nobody_was_registered(&client).await;
}

async fn a_get_is_answered_under_any_name(builder: Builder) {
    let scene = Scene::set(builder).await;
    let request = scene.owner.request(Method::GET, "/environments");
    let request = request.header("Host", "arcus.example.com");
    scene.owner.send(request).await.ok();
}

async fn the_metrics_are_not_for_a_foreign_host_without_the_token(builder: Builder) {
    let arcus = builder.flag("--metrics-token=secret").start().await;
    let client = arcus.client();
    let request = || {
        client
            .request(Method::GET, "/metrics")
            .header("Host", "evil.example")
    };
    client.send(request()).await.expect(403);
    let answer = client
        .send(request().header("Authorization", "Bearer secret"))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}
