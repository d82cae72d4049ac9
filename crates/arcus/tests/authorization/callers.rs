//! Anonymous callers, strangers, members and owners at every route.

use testkit::{Builder, Scene};

use crate::routes::{Things, all, state};

testkit::on_both_databases![
    who_sends_no_token_or_a_wrong_one_gets_nowhere,
    a_doubtful_token_is_refused_everywhere,
    a_member_is_kept_from_what_is_for_admins,
    a_member_may_do_all_the_rest,
    an_admin_and_an_owner_may_do_everything,
];

async fn who_sends_no_token_or_a_wrong_one_gets_nowhere(builder: Builder) {
    let scene = Scene::set(builder).await;
    let things = Things::of(&scene).await;
    let before = state(&scene, &scene.owner).await;
    let client = scene.arcus.client();
    let unknown = domain::random::u128().to_string();
    let bearer = format!("Bearer {}", scene.owner.token());
    let cut = &scene.owner.token()[1..];
    let callers: [&[(&str, &str)]; 10] = [
        &[],
        &[("Authentication-Token", "")],
        &[("Authentication-Token", "meowmeowmeow")],
        &[("Authentication-Token", &unknown)],
        &[("Authentication-Token", cut)],
        &[("Authorization", &unknown)],
        &[("Authorization", &bearer)],
        &[(
            "Authorization",
            "Basic bXlAZW1haWwuY29tOnNlY3JldHBhc3N3b3Jk",
        )],
        &[(
            "Cookie",
            &format!("Authentication-Token={}", scene.owner.token()),
        )],
        &[("X-Authentication-Token", scene.owner.token())],
    ];
    for route in all() {
        for headers in callers {
            let answer = route.send(&client, &things, headers).await;
            let what = format!("{} {} {headers:?}", route.method, route.path);
            if route.is_public() {
                assert!(
                    matches!(answer.status, 200 | 400),
                    "{what}: {}",
                    answer.text
                );
            } else if route.method == "HEAD" {
                assert_eq!((answer.status, answer.text.as_str()), (401, ""), "{what}");
            } else {
                assert_eq!(answer.status, 401, "{what}");
                answer.error(401);
            }
        }
    }
    assert_eq!(state(&scene, &scene.owner).await, before);
}

async fn a_doubtful_token_is_refused_everywhere(builder: Builder) {
    let scene = Scene::set(builder).await;
    let things = Things::of(&scene).await;
    let colleague = scene.colleague("admin").await;
    let before = state(&scene, &scene.owner).await;
    let client = scene.arcus.client();
    let (mine, theirs) = (scene.owner.token(), colleague.token());
    let (token, authorization) = ("Authentication-Token", "Authorization");
    let callers: [&[(&str, &str)]; 6] = [
        &[(token, mine), (authorization, "1")],
        &[(token, "1"), (authorization, mine)],
        &[(token, mine), (authorization, theirs)],
        &[(token, mine), (token, mine)],
        &[(authorization, mine), (authorization, mine)],
        &[(token, mine), (authorization, mine), (token, mine)],
    ];
    for route in all().into_iter().filter(|route| !route.is_public()) {
        for headers in callers {
            let answer = route.send(&client, &things, headers).await;
            let what = format!("{} {} {headers:?}", route.method, route.path);
            assert_eq!(answer.status, 401, "{what}");
        }
        for name in [
            "Authentication-Token",
            "authentication_token",
            "token",
            "access_token",
        ] {
            let path = format!("{}?{name}={mine}", route.address(&things));
            let mut request = client.request(route.method(), &path);
            if let Some(body) = route.body(&things) {
                request = request.json(&body);
            }
            let answer = client.send(request).await;
            assert_eq!(answer.status, 401, "{} {path}", route.method);
        }
    }
    assert_eq!(state(&scene, &scene.owner).await, before);
}

async fn a_member_is_kept_from_what_is_for_admins(builder: Builder) {
    let scene = Scene::set(builder).await;
    let things = Things::of(&scene).await;
    let member = scene.colleague("member").await;
    let before = state(&scene, &scene.owner).await;
    let mut refused = 0;
    for route in all()
        .into_iter()
        .filter(super::routes::Route::is_for_admins)
    {
        let message = route.send(&member, &things, &[]).await.error(403);
        assert!(message.contains("this needs the role admin"), "{message}");
        refused += 1;
    }
    assert!(
        refused >= 5,
        "cloud accounts and integrations are for admins"
    );
    assert_eq!(state(&scene, &scene.owner).await, before);
}

/// With ids that never existed and without a body nothing comes of it, but the answer tells who was let through.
async fn a_member_may_do_all_the_rest(builder: Builder) {
    let scene = Scene::set(builder).await;
    let member = scene.colleague("member").await;
    for route in all().into_iter().filter(|route| !route.is_for_admins()) {
        let request = member.request(route.method(), &route.address(&Things::unknown()));
        let answer = member.send(request).await;
        let what = format!("{} {}: {}", route.method, route.path, answer.text);
        assert!(
            matches!(answer.status, 200 | 400 | 404),
            "{} {what}",
            answer.status
        );
    }
    // What an organisation has is all of its members'.
    let nodes = serde_json::json!([{"name": "web", "size": "eos1"}]);
    let id = scene.environment("production", &nodes).await;
    let seen = member.get("/environments").await.ok();
    assert_eq!(seen, scene.owner.get("/environments").await.ok());
    let stopped = member.get(&format!("/environments/{id}/stop")).await.ok();
    assert_eq!(stopped["success"], true);
}

async fn an_admin_and_an_owner_may_do_everything(builder: Builder) {
    let scene = Scene::set(builder).await;
    let admin = scene.colleague("admin").await;
    for route in all() {
        for client in [&admin, &scene.owner] {
            let request = client.request(route.method(), &route.address(&Things::unknown()));
            let answer = client.send(request).await;
            let what = format!("{} {}: {}", route.method, route.path, answer.text);
            assert!(
                matches!(answer.status, 200 | 400 | 404),
                "{} {what}",
                answer.status
            );
        }
    }
}
