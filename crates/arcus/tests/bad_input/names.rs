//! Names that end up in host names, shells, YAML and other people's terminals.

use serde_json::{Value, json};
use testkit::{Builder, Scene};

testkit::on_both_databases![
    a_node_or_environment_with_anything_but_a_name_for_a_name_is_refused,
    a_title_with_control_characters_or_shell_in_it_is_refused,
    tags_are_short_and_plain,
    a_node_of_a_name_that_is_taken_is_refused_with_the_id_of_the_first,
    a_name_that_a_request_gives_twice_is_refused,
    a_harmless_name_is_taken_as_it_is,
];

/// Neither is a name.
fn wicked() -> Vec<String> {
    let mut names: Vec<String> = [
        "x\nruncmd: [..]",
        "x\r\nruncmd:",
        "$(id)",
        ";",
        "a;b",
        "`id`",
        "a b",
        "'a'",
        "\"a\"",
        "a|b",
        "a&b",
        "<b>",
        "../a",
        "a/b",
        "a\\b",
        "{{a}}",
        "%s",
        "a:b",
        "#a",
        "!a",
        "*",
        "\u{0}",
        "a\u{0}b",
        "\u{1b}[31m",
        "\u{7f}",
        "é",
        "名",
        "\u{202e}a",
        "-a",
        "a-",
        ".a",
        "a.",
        "_a",
        " a",
        "a ",
        "",
        " ",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push("a".repeat(65));
    names.push("a".repeat(100_000));
    names
}

async fn a_node_or_environment_with_anything_but_a_name_for_a_name_is_refused(builder: Builder) {
    let scene = Scene::set(builder).await;
    for name in wicked() {
        let nodes = json!([{"name": "good", "size": "eos1"}, {"name": name, "size": "eos1"}]);
        let body = scene.wanted("production", &nodes);
        let message = scene.owner.post("/environments", &body).await.error(400);
        assert!(
            message.starts_with("the name of a node "),
            "{name:?}: {message}"
        );
        let body = scene.wanted(&name, &json!([{"name": "good", "size": "eos1"}]));
        let message = scene.owner.post("/environments", &body).await.error(400);
        assert!(
            message.starts_with("the name of an environment "),
            "{name:?}: {message}"
        );
        assert!(
            message.len() < 200,
            "it is not repeated at length: {message}"
        );
    }
    scene.assert_nothing_was_made("after all of these").await;
    let empty = scene.environment("empty", &json!([])).await;
    let path = format!("/environments/{empty}/nodes");
    for name in wicked() {
        let nodes = json!([{"name": name, "size": "eos1", "count": 2}]);
        let message = scene.owner.post(&path, &nodes).await.error(400);
        assert!(
            message.starts_with("the name of a node "),
            "{name:?}: {message}"
        );
    }
    assert_eq!(scene.find(&empty).await["nodes"], json!([]));
    assert_eq!(scene.arcus.calls("create"), 0);
}

async fn a_title_with_control_characters_or_shell_in_it_is_refused(builder: Builder) {
    let scene = Scene::set(builder).await;
    let too_long = "a".repeat(65);
    for name in [
        "x\nruncmd: [..]",
        "$(id)",
        ";",
        "`id`",
        "a|b",
        "<script>",
        "a\"b",
        "a\\b",
        "\u{0}",
        "\u{1b}[31m",
        "a\u{200b}\u{202e}b",
        "",
        " ",
        " a",
        &too_long,
    ] {
        for (path, body, what) in [
            (
                "/applications",
                json!({"application_name": name}),
                "an application",
            ),
            (
                "/providers",
                json!({"cloud_provider": "sandbox", "provider_name": name}),
                "a provider",
            ),
            (
                "/integrations/docker-hub",
                json!({"name": name, "url": "https://x", "username": "u", "password": "p"}),
                "an integration",
            ),
        ] {
            let message = scene.owner.post(path, &body).await.error(400);
            let expected = format!("the name of {what} ");
            assert!(message.starts_with(&expected), "{path} {name:?}: {message}");
        }
    }
    let providers = scene.owner.get("/providers").await.ok();
    assert_eq!(providers["sandbox"].as_array().map(Vec::len), Some(1));
    let applications = scene.owner.get("/applications").await.ok();
    assert_eq!(applications.as_array().map(Vec::len), Some(1));
    assert_eq!(scene.owner.get("/integrations").await.ok(), json!([]));
}

async fn tags_are_short_and_plain(builder: Builder) {
    let scene = Scene::set(builder).await;
    let many: Value = (0..51)
        .map(|n| (n.to_string(), json!("x")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    for (tags, message) in [
        (
            json!({"a": {"b": 1}}),
            "neither a string, a number nor true or false",
        ),
        (
            json!({"a": ["b"]}),
            "neither a string, a number nor true or false",
        ),
        (
            json!({"a": null}),
            "neither a string, a number nor true or false",
        ),
        (json!({"": "a"}), "a tag's key has 1 to 128 characters"),
        (
            json!({"a": "x".repeat(129)}),
            "a tag's key has 1 to 128 characters",
        ),
        (
            json!({"x".repeat(129): "a"}),
            "a tag's key has 1 to 128 characters",
        ),
        (json!({"a": "x\nruncmd: [..]"}), "holds a control character"),
        (json!({"a\u{0}": "x"}), "holds a control character"),
        (many, "a node has at most 50 tags"),
    ] {
        let nodes = json!([{"name": "web", "size": "eos1", "tags": tags}]);
        let body = scene.wanted("production", &nodes);
        let said = scene.owner.post("/environments", &body).await.error(400);
        assert!(said.contains(message), "{said}");
    }
    scene.assert_nothing_was_made("after all of these").await;
}

async fn a_node_of_a_name_that_is_taken_is_refused_with_the_id_of_the_first(builder: Builder) {
    let scene = Scene::set(builder).await;
    let nodes = json!([{"name": "web", "size": "eos1"}, {"name": "db-2", "size": "eos1"}]);
    let id = scene.environment("production", &nodes).await;
    let before = scene.find(&id).await;
    let path = format!("/environments/{id}/nodes");
    for (more, taken) in [
        (json!([{"name": "web", "size": "eos2"}]), 0),
        (
            json!([{"name": "new", "size": "eos2"}, {"name": "WEB", "size": "eos2"}]),
            0,
        ),
        (json!([{"name": "db", "size": "eos1", "count": 3}]), 1),
    ] {
        let refused = scene.owner.post(&path, &more).await.expect(409);
        assert_eq!(
            refused["id"], before["nodes"][taken]["id"],
            "{more}: {refused}"
        );
        let message = refused["message"].as_str().expect("a message");
        assert!(message.contains("nothing was created"), "{message}");
        assert!(refused["request_id"].is_string(), "{refused}");
    }
    assert_eq!(scene.find(&id).await, before);
    assert_eq!(scene.arcus.calls("create"), 2);
}

async fn a_name_that_a_request_gives_twice_is_refused(builder: Builder) {
    let scene = Scene::set(builder).await;
    for nodes in [
        json!([{"name": "web", "size": "eos1"}, {"name": "web", "size": "eos1"}]),
        json!([{"name": "web", "size": "eos1"}, {"name": "Web", "size": "eos2"}]),
        json!([{"name": "web", "size": "eos1", "count": 2}, {"name": "web-2", "size": "eos1"}]),
    ] {
        let body = scene.wanted("production", &nodes);
        let message = scene.owner.post("/environments", &body).await.error(400);
        assert!(message.contains("two nodes are called"), "{message}");
    }
    scene.assert_nothing_was_made("after all of these").await;
}

async fn a_harmless_name_is_taken_as_it_is(builder: Builder) {
    let scene = Scene::set(builder).await;
    let longest = "n".repeat(64);
    let nodes = json!([
        {"name": "Web.1_b", "size": "eos1"},
        {"name": "7", "size": "eos1", "tags": {"a;b": "$(id)", "名": "é", "n": 1.5, "yes": true}},
        {"name": longest, "size": "eos1"},
    ]);
    let id = scene.environment("Prod.eu-1_b", &nodes).await;
    let environment = scene.find(&id).await;
    assert_eq!(environment["name"], "Prod.eu-1_b");
    assert_eq!(environment["nodes"][0]["name"], "Web.1_b");
    assert_eq!(environment["nodes"][1]["tags"], nodes[1]["tags"]);
    assert_eq!(environment["nodes"][2]["name"], longest);
    let mut names: Vec<_> = scene
        .arcus
        .instances()
        .iter()
        .map(|one| one["name"].to_string())
        .collect();
    names.sort();
    let prefix = "\"company-name-my-email-com-default-prod-eu-1-b";
    let expected = ["7", &longest, "web-1-b"].map(|name| format!("{prefix}-{name}\""));
    assert_eq!(names, expected);
}
