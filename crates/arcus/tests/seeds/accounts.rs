//! Registering, logging in, and what clients report: `/accounts/register`, `/accounts/tokens`, `/history`, `/feedback`.

use serde_json::{Value, json};
use testkit::{Answer, Builder, Client, Method, assert_shape};

use crate::printed::curl;

testkit::on_both_databases![
    a_registration_is_answered_as_printed,
    a_token_is_taken_from_either_header,
    the_command_line_client_gets_a_bare_object_and_everybody_else_an_array_of_one,
    a_refused_registration_says_what_is_wrong_by_field,
    a_refusing_registration_creates_nothing,
    a_login_by_password_gives_a_new_pair_of_tokens,
    guessing_a_password_is_slowed_down,
    a_refreshing_token_is_changed_for_a_new_pair_once,
    history_and_feedback_are_stored,
];

/// As in all three documentations.
const REGISTER: &str = r#"
curl "http://s.cloudhero.io:8080/accounts/register"
  -H "Content-Type: application/json"
  -d '{"email": "my@email.com", "password": "secretpassword",
       "password_confirm": "secretpassword", "name": "company name",
       "user_name": "my@email.com"}'
"#;

/// As in all three documentations.
fn registered() -> Value {
    json!([
      {
        "persistent_token": "39398748932387642323203969547853760605",
        "errors": [],
        "refreshing_token": "KKMKodmdiiuhh9u9-NNN0d9d.Cb8EtQ.iwXPzQlbYS0cgXkIkT1D3Ak3Dxw"
      }
    ])
}

async fn a_registration_is_answered_as_printed(builder: Builder) {
    let arcus = builder.start().await;
    let mut tokens = Vec::new();
    for email in ["my@email.com", "your@email.com"] {
        let replacements = [("my@email.com", email)];
        let answer = curl(&arcus.client(), REGISTER, &replacements).await;
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let body = answer.ok();
        assert_shape(&body, &registered());
        assert_eq!(body.as_array().expect("an array").len(), 1);
        assert_eq!(body[0]["errors"], json!([]));
        let token = body[0]["persistent_token"].as_str().expect("a token");
        let bits: u128 = token.parse().expect("128 bits in decimal");
        assert_eq!(bits.to_string(), token);
        // That 128 random bits leave the upper half empty does not happen.
        assert!(bits > u128::from(u64::MAX), "{bits}");
        assert_ne!(body[0]["refreshing_token"], token);
        tokens.push(token.to_owned());
    }
    assert_ne!(tokens[0], tokens[1]);
}

async fn a_token_is_taken_from_either_header(builder: Builder) {
    let arcus = builder.start().await;
    let body = curl(&arcus.client(), REGISTER, &[]).await.ok();
    let token = body[0]["persistent_token"].as_str().expect("a token");
    let client = arcus.client();
    let get = |headers: &[&str]| {
        let mut request = client.request(Method::GET, "/applications");
        for header in headers {
            request = request.header(*header, token);
        }
        client.send(request)
    };
    let by_name = get(&["Authentication-Token"]).await.ok();
    assert_eq!(by_name[0]["application_name"], "default");
    assert_eq!(get(&["Authorization"]).await.ok(), by_name);
    let both = ["Authentication-Token", "Authorization"];
    assert_eq!(get(&both).await.ok(), by_name);
}

fn as_agent<'a>(
    client: &'a Client,
    agent: &str,
    body: &Value,
) -> impl Future<Output = Answer> + 'a {
    let request = client
        .request(Method::POST, "/accounts/register")
        .header("User-Agent", agent);
    client.send(request.json(body))
}

fn form(email: &str) -> Value {
    json!({
        "email": email, "password": "secretpassword", "password_confirm": "secretpassword",
        "name": "company name", "user_name": email,
    })
}

async fn the_command_line_client_gets_a_bare_object_and_everybody_else_an_array_of_one(
    builder: Builder,
) {
    let arcus = builder.start().await;
    let client = arcus.client();
    for (agent, bare) in [
        ("cloudhero-cli", true),
        ("cloudhero-cli/1.2.3 (Linux)", true),
        ("cloudhero-client", false),
        ("curl/8.0 cloudhero-cli", false),
    ] {
        let email = format!("{}@email.com", domain::random::hex::<4>());
        let good = as_agent(&client, agent, &form(&email)).await.ok();
        let bad = as_agent(&client, agent, &json!({"email": "me"})).await;
        let bad = bad.expect(400);
        let refused = json!({"persistent_token": null, "errors": {}, "refreshing_token": null});
        if bare {
            assert_shape(&good, &registered()[0]);
            assert_shape(&bad, &refused);
            let error = bad["error"].as_str().expect("one line for people");
            assert!(error.contains("that is no email address"), "{error}");
            let owner = client.with_token(good["persistent_token"].as_str().expect("a token"));
            let body = json!({"application_name": "My App", "application_type": "custom"});
            let request = owner.request(Method::POST, "/applications");
            let request = request.header("User-Agent", agent).json(&body);
            let created = owner.send(request).await.ok();
            assert_eq!(created["application_name"], "My App", "{agent}");
        } else {
            assert_shape(&good, &registered());
            assert_shape(&bad, &json!([refused]));
            assert!(bad[0].get("error").is_none(), "{agent}: {bad}");
        }
    }
}

async fn a_refused_registration_says_what_is_wrong_by_field(builder: Builder) {
    let arcus = builder.start().await;
    let client = arcus.client();
    curl(&client, REGISTER, &[]).await.ok();
    let with = |field: &str, value: &str| {
        let mut form = form("your@email.com");
        form[field] = json!(value);
        form
    };
    let cases = [
        (json!({}), "email", "the email is missing"),
        (
            json!({}),
            "password",
            "the password has fewer than 8 characters",
        ),
        (json!({}), "name", "the name of an organisation is empty"),
        (
            with("email", "no address"),
            "email",
            "that is no email address",
        ),
        (
            with("email", "a@b\u{0}.c"),
            "email",
            "that is no email address",
        ),
        (
            with("email", "My@Email.com"),
            "email",
            "a user with that email is registered already",
        ),
        (
            with("password", "short"),
            "password",
            "the password has fewer than 8 characters",
        ),
        (
            with("password", &"x".repeat(1025)),
            "password",
            "the password has more than 1024 characters",
        ),
        (
            with("password_confirm", "secretpasswort"),
            "password_confirm",
            "the two passwords differ",
        ),
        (
            with("name", " "),
            "name",
            "the name of an organisation is empty",
        ),
        (
            with("name", "x\nruncmd: [..]"),
            "name",
            "the name of an organisation may hold only letters, digits, spaces and . _ - ' ( ) & , + @",
        ),
        (
            with("user_name", ""),
            "user_name",
            "the name of a user is empty",
        ),
    ];
    for (form, field, message) in cases {
        let answer = client.post("/accounts/register", &form).await;
        let body = answer.expect(400);
        let printed = json!([{"persistent_token": null, "errors": {field: ["..."]}, "refreshing_token": null}]);
        assert_shape(&body, &printed);
        assert_eq!(body[0]["errors"][field], json!([message]), "{body}");
        assert!(body[0]["request_id"].is_string(), "{body}");
        assert_eq!(body.as_array().expect("an array").len(), 1);
    }
}

async fn a_refusing_registration_creates_nothing(builder: Builder) {
    let arcus = builder.flag("--registration=invite").start().await;
    let client = arcus.client();
    let message = client
        .post("/accounts/register", &form("my@email.com"))
        .await
        .error(403);
    assert!(message.contains("invitation"), "{message}");
    let mut wrong = form("my@email.com");
    wrong["invitation"] = json!("0123456789abcdef");
    client.post("/accounts/register", &wrong).await.error(403);
    let listed = arcus.run(&["admin", "org", "ls"]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(!listed.contains("company"), "{listed}");

    let mut invited = form("my@email.com");
    invited["invitation"] = json!(arcus.tell(&["admin", "setup-token"], ""));
    let body = client.post("/accounts/register", &invited).await.ok();
    assert_shape(&body, &registered());
    invited["email"] = json!("your@email.com");
    client.post("/accounts/register", &invited).await.error(403);
}

async fn a_login_by_password_gives_a_new_pair_of_tokens(builder: Builder) {
    let arcus = builder.start().await;
    let client = arcus.client();
    let registered = curl(&client, REGISTER, &[]).await.ok();
    let login = |email: &str, password: &str| {
        let body = json!({"email": email, "password": password});
        let client = client.clone();
        async move { client.post("/accounts/tokens", &body).await }
    };
    let answer = login("my@email.com", "secretpassword").await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let tokens = answer.ok();
    assert_shape(&tokens, &registered[0]);
    assert_ne!(
        tokens["persistent_token"],
        registered[0]["persistent_token"]
    );
    // A second session does not end the first.
    for tokens in [&tokens, &registered[0]] {
        let token = tokens["persistent_token"].as_str().expect("a token");
        client.with_token(token).get("/applications").await.ok();
    }
    login("  MY@email.com ", "secretpassword").await.ok();
    // Who is not known and who is are answered in the same words.
    let wrong = login("my@email.com", "secretpasswort").await.error(401);
    let unknown = login("you@email.com", "secretpassword").await.error(401);
    assert_eq!(wrong, unknown);
    let strange = login("my@email.com\u{0}", "secretpassword").await;
    assert_eq!(strange.error(401), wrong);
    for body in [
        json!({}),
        json!({"email": "my@email.com"}),
        json!({"email": "my@email.com", "password": "secretpassword", "refreshing_token": "x"}),
    ] {
        let message = client.post("/accounts/tokens", &body).await.error(400);
        assert!(
            message.contains("either email and password, or refreshing_token"),
            "{message}"
        );
    }
}

async fn guessing_a_password_is_slowed_down(builder: Builder) {
    let arcus = builder.start().await;
    let client = arcus.client();
    curl(&client, REGISTER, &[]).await.ok();
    let body = json!({"email": "my@email.com", "password": "a wrong guess"});
    for _ in 0..10 {
        client.post("/accounts/tokens", &body).await.error(401);
    }
    let right = json!({"email": "My@email.com", "password": "secretpassword"});
    let message = client.post("/accounts/tokens", &right).await.error(429);
    assert!(message.contains("too many failed logins"), "{message}");
}

async fn a_refreshing_token_is_changed_for_a_new_pair_once(builder: Builder) {
    let arcus = builder.start().await;
    let client = arcus.client();
    let registered = curl(&client, REGISTER, &[]).await.ok();
    let refresh = |token: &Value| {
        let (client, body) = (client.clone(), json!({"refreshing_token": token}));
        async move { client.post("/accounts/tokens", &body).await }
    };
    let works = |tokens: &Value| {
        let client = client.with_token(tokens["persistent_token"].as_str().expect("a token"));
        async move { client.get("/applications").await.status }
    };
    let old = &registered[0];
    let new = refresh(&old["refreshing_token"]).await.ok();
    assert_shape(&new, old);
    assert_eq!(works(&new).await, 200);
    assert_eq!(works(old).await, 401, "the old pair is revoked");
    let message = refresh(&old["refreshing_token"]).await.error(401);
    assert!(message.contains("was used before"), "{message}");
    // The other half of a pair is no refreshing token, nor the reverse.
    refresh(&new["persistent_token"]).await.error(401);
    let reverse = client.with_token(new["refreshing_token"].as_str().expect("a token"));
    reverse.get("/applications").await.error(401);
    assert_eq!(works(&new).await, 200);
}

async fn history_and_feedback_are_stored(builder: Builder) {
    let arcus = builder.start().await;
    let owner = arcus
        .client()
        .register("company name", "my@email.com")
        .await;
    for path in ["/history", "/feedback"] {
        for body in [
            json!({"command": "cloudhero environment list", "at": 1_457_000_000}),
            json!({"text": "a NUL: \u{0}, a quote: ', a smile: \u{1f600}"}),
            json!(["any", "JSON"]),
        ] {
            let stored = owner.post(path, &body).await.ok();
            assert_shape(&stored, &json!({"message": "stored"}));
        }
        let large = json!({"text": "x".repeat(64 * 1024)});
        let message = owner.post(path, &large).await.error(400);
        assert!(message.contains("was not stored"), "{message}");
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        owner.raw(Method::POST, path, deep).await.error(400);
    }
}
