//! What a plan shows: servers, price, what can't be undone; and that asking for one does nothing.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Builder, Scene, assert_shape};

use super::{calls, planned};

testkit::on_both_databases![
    a_plan_of_an_environment_shows_its_servers_and_its_price_and_makes_nothing,
    a_plan_of_a_deletion_names_what_can_not_be_undone_and_destroys_nothing,
    a_plan_of_more_and_of_fewer_nodes_shows_which,
    what_can_not_be_made_can_not_be_planned_either,
    an_address_without_plans_refuses_to_be_asked_for_one,
];

fn printed() -> Value {
    let node = json!({"name": "", "size": "", "image": "", "packages": [], "tags": {}});
    json!({
        "plan": "", "make": [node], "destroy": [], "calls": [{"call": "", "does": ""}],
        "price": {
            "currency": "", "hourly_difference": "", "monthly_difference": "", "hourly": "", "monthly": "",
        },
        "irreversible": [""],
    })
}

async fn house(scene: &Scene) -> String {
    let body = json!({"cloud_provider": "arcus", "provider_name": "the-house"});
    let house = scene.owner.post("/providers", &body).await.ok();
    house["id"].as_str().expect("an id").to_owned()
}

async fn a_plan_of_an_environment_shows_its_servers_and_its_price_and_makes_nothing(
    builder: Builder,
) {
    let scene = Scene::set(builder).await;
    let mut body = scene.wanted(
        "production",
        &json!([{"name": "web", "size": "eos1", "count": 2, "packages": ["nginx"]}]),
    );
    body["provider_id"] = json!(house(&scene).await);
    let plan = planned(&scene.owner, Method::POST, "/environments", &body).await;
    assert_shape(&plan, &printed());
    assert_eq!(plan["plan"].as_str().map(str::len), Some(64), "{plan}");
    let made = plan["make"].as_array().expect("an array").iter();
    let made: Vec<_> = made.map(|node| &node["name"]).collect();
    assert_eq!(made, ["web-1", "web-2"]);
    assert_eq!(plan["make"][0]["packages"], json!(["nginx"]));
    assert_eq!(calls(&plan), ["create", "create"]);
    let meta = scene
        .owner
        .get(&format!(
            "/providers/{}/meta",
            body["provider_id"].as_str().expect("an id")
        ))
        .await
        .ok();
    let mut sizes = meta["sizes"].as_object().expect("families").values();
    let one = sizes.find_map(|sizes| sizes.get("eos1")).expect("is sold");
    let price = |name: &str| {
        one[name]
            .as_str()
            .expect("text")
            .parse::<f64>()
            .expect("a number")
    };
    let shown = |name: &str| {
        let text = plan["price"][name].as_str().expect("text");
        text.parse::<f64>().expect("a number")
    };
    assert_eq!(plan["price"]["currency"], "USD");
    for (amount, of) in [
        ("hourly_difference", "hourly_price"),
        ("hourly", "hourly_price"),
        ("monthly_difference", "monthly_price"),
        ("monthly", "monthly_price"),
    ] {
        assert!(
            (shown(amount) - 2.0 * price(of)).abs() < 0.0002,
            "{plan}, {one}"
        );
    }
    scene.assert_nothing_was_made("a plan").await;
    // Asked for again, nothing having changed, it is the same.
    let again = planned(&scene.owner, Method::POST, "/environments", &body).await;
    assert_eq!(again, plan);
}

async fn a_plan_of_a_deletion_names_what_can_not_be_undone_and_destroys_nothing(builder: Builder) {
    let scene = Scene::set(builder).await;
    let nodes = json!([{"name": "web", "size": "eos1"}, {"name": "db", "size": "eos1"}]);
    let id = scene.environment("production", &nodes).await;
    let before = scene.arcus.instances();
    for (method, path) in [
        (Method::GET, format!("/environments/{id}/delete")),
        (Method::POST, format!("/environments/{id}/delete")),
        (Method::DELETE, format!("/environments/{id}")),
    ] {
        let plan = planned(&scene.owner, method, &path, &Value::Null).await;
        assert_eq!(calls(&plan), ["destroy", "destroy", "retire", "retire"]);
        let lines = plan["irreversible"].as_array().expect("an array");
        for name in ["web", "db"] {
            let disk = json!(format!(
                "the disk of {name} and all that is on it are destroyed"
            ));
            assert!(lines.contains(&disk), "{plan}");
        }
        assert_eq!(plan["make"], json!([]));
        assert_eq!(plan["destroy"][1]["name"], "db");
        // It is the customer's own account, which asks for no money.
        assert_eq!(plan["price"]["currency"], Value::Null);
    }
    assert_eq!(scene.arcus.instances(), before);
    assert_eq!(scene.find(&id).await["ready"], true);
}

async fn a_plan_of_more_and_of_fewer_nodes_shows_which(builder: Builder) {
    let scene = Scene::set(builder).await;
    let id = scene
        .environment(
            "production",
            &json!([{"name": "web", "size": "eos1", "count": 3}]),
        )
        .await;
    let shown = scene.find(&id).await;
    let path = format!("/environments/{id}/scale");
    let by_two = json!({"name": "web", "count": 2});
    let up = planned(&scene.owner, Method::POST, &path, &by_two).await;
    assert_eq!(up["make"][0]["name"], "web-4");
    assert_eq!(up["make"][1]["name"], "web-5");
    let down = planned(&scene.owner, Method::DELETE, &path, &by_two).await;
    assert_eq!(down["make"], json!([]));
    for number in 0..2 {
        assert_eq!(
            down["destroy"][number]["id"],
            shown["nodes"][number + 1]["id"],
            "{down}"
        );
    }
    let path = format!("/environments/{id}/nodes");
    let more = planned(
        &scene.owner,
        Method::POST,
        &path,
        &json!([{"name": "db", "size": "eos2"}]),
    )
    .await;
    assert_eq!(more["make"][0]["name"], "db");
    let node = shown["nodes"][0]["id"].as_str().expect("an id");
    let one = planned(
        &scene.owner,
        Method::DELETE,
        &format!("/nodes/{node}"),
        &Value::Null,
    )
    .await;
    assert_eq!(one["destroy"][0]["id"], node);
    assert_eq!(calls(&one), ["destroy", "retire"]);
    assert_eq!(scene.find(&id).await, shown);
}

async fn what_can_not_be_made_can_not_be_planned_either(builder: Builder) {
    let scene = Scene::set(builder).await;
    let body = scene.wanted("production", &json!([{"name": "web", "size": "gigantic"}]));
    for path in ["/environments?plan=true", "/environments"] {
        let refused = scene.owner.post(path, &body).await;
        assert!(refused.error(400).contains("gigantic"), "{path}");
    }
    let body = scene.wanted("production", &json!([]));
    for (path, word) in [
        ("/environments?plan=maybe", "plan"),
        ("/environments?plan=", "plan"),
        ("/environments?Plan=true", "plan"),
        ("/environments?plan[]=true", "plan"),
    ] {
        let refused = scene.owner.post(path, &body).await;
        assert!(refused.error(400).contains(word), "{path}");
    }
    scene.assert_nothing_was_made("a refusal").await;
}

async fn an_address_without_plans_refuses_to_be_asked_for_one(builder: Builder) {
    let scene = Scene::set(builder).await;
    let id = scene
        .environment("production", &json!([{"name": "web", "size": "eos1"}]))
        .await;
    let path = format!("/environments/{id}/stop?plan=true");
    for method in [Method::GET, Method::POST] {
        let refused = scene.owner.send(scene.owner.request(method, &path)).await;
        assert!(refused.error(400).contains("no plans at this address"));
    }
    let path = format!("/environments/{id}/stop");
    let request = scene
        .owner
        .request(Method::POST, &path)
        .header("X-Plan", "0");
    scene.owner.send(request).await.error(400);
    assert_eq!(scene.arcus.calls("stop"), 0);
}
