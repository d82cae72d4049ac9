//! Users whom the operator adds or invites.

use std::process::Output;

use serde_json::{Value, json};
use testkit::{Builder, Client, Scene};

testkit::on_both_databases![
    a_user_whom_the_operator_adds_logs_in_with_its_role,
    an_invitation_lets_one_user_in_and_no_more,
    an_invitation_gives_the_role_that_it_was_made_for,
    a_setup_token_founds_no_organisation_without_a_name,
];

async fn login(client: &Client, email: &str, password: &str) -> Client {
    let body = json!({"email": email, "password": password});
    let tokens = client.post("/accounts/tokens", &body).await.ok();
    client.with_token(tokens["persistent_token"].as_str().expect("a token"))
}

/// Whether an admin's route lets this user through.
async fn is_admin(client: &Client) -> bool {
    let answer = client.post("/providers", &json!({})).await;
    assert!(matches!(answer.status, 400 | 403), "{}", answer.text);
    answer.status == 400
}

async fn a_user_whom_the_operator_adds_logs_in_with_its_role(builder: Builder) {
    let scene = Scene::set(builder).await;
    for (role, is_an_admin) in [("member", false), ("admin", true), ("owner", true)] {
        let email = format!("{role}@email.com");
        let arguments = [
            "admin",
            "user",
            "add",
            "--organisation",
            &scene.organisation,
            "--role",
            role,
            &email,
        ];
        scene.arcus.tell(&arguments, "a password\n");
        let user = login(&scene.arcus.client(), &email, "a password").await;
        assert_eq!(is_admin(&user).await, is_an_admin, "{role}");
        let seen = user.get("/applications").await.ok();
        assert_eq!(seen, scene.owner.get("/applications").await.ok());
    }
    // Without a role it is the least one.
    let arguments = [
        "admin",
        "user",
        "add",
        "--organisation",
        &scene.organisation,
        "new@email.com",
    ];
    scene.arcus.tell(&arguments, "a password");
    assert!(!is_admin(&login(&scene.arcus.client(), "new@email.com", "a password").await).await);
}

fn succeeded(output: &Output) -> bool {
    output.status.success()
}

async fn an_invitation_lets_one_user_in_and_no_more(builder: Builder) {
    let scene = Scene::set(builder).await;
    let client = scene.arcus.client();
    let organisation = ["--organisation", &scene.organisation];
    let invite = [&["admin", "setup-token"], &organisation[..]].concat();
    let invitation = scene.arcus.tell(&invite, "");
    let form = |email: &str, invitation: &str| {
        json!({
            "email": email, "password": "secretpassword", "password_confirm": "secretpassword",
            "invitation": invitation,
        })
    };
    let register = |form: Value| {
        let client = client.clone();
        async move { client.post("/accounts/register", &form).await }
    };
    let wrong = domain::random::hex::<16>();
    register(form("a@email.com", &wrong)).await.error(403);
    // A form that is refused does not use it up.
    register(form("my@email.com", &invitation))
        .await
        .expect(400);
    let (first, second) = tokio::join!(
        register(form("a@email.com", &invitation)),
        register(form("b@email.com", &invitation)),
    );
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403]);
    register(form("c@email.com", &invitation)).await.error(403);
    let unknown = [
        "admin",
        "setup-token",
        "--organisation",
        "56dd617610d396503e2a6ab9",
    ];
    assert!(!succeeded(&scene.arcus.run(&unknown)));
}

async fn an_invitation_gives_the_role_that_it_was_made_for(builder: Builder) {
    let scene = Scene::set(builder).await;
    for (role, is_an_admin) in [("member", false), ("admin", true), ("owner", true)] {
        let colleague = scene.colleague(role).await;
        assert_eq!(is_admin(&colleague).await, is_an_admin, "{role}");
        let seen = colleague.get("/providers").await.ok();
        assert_eq!(seen["sandbox"][0]["id"], scene.provider, "{role}");
    }
}

async fn a_setup_token_founds_no_organisation_without_a_name(builder: Builder) {
    let arcus = builder.start().await;
    let token = arcus.tell(&["admin", "setup-token"], "");
    let mut form = json!({
        "email": "a@email.com", "password": "secretpassword", "password_confirm": "secretpassword",
        "invitation": token,
    });
    let refused = arcus.client().post("/accounts/register", &form).await;
    assert!(refused.text.contains("name"), "{}", refused.text);
    refused.expect(400);
    // The token was not used up.
    form["name"] = json!("company name");
    arcus.client().post("/accounts/register", &form).await.ok();
}
