//! Each example request of the documentation, sent as printed, its answer held against the printed shape.

use serde_json::{Value, json};
use testkit::{Builder, Method, Shop, assert_shape};

use crate::printed::curl;

testkit::on_both_databases![
    a_login_answers_two_tokens,
    a_refresh_answers_two_others,
    a_server_is_created_as_printed,
    servers_are_listed_as_printed,
    a_server_is_switched_as_printed,
    a_server_is_destroyed_as_printed,
    a_password_is_changed_as_printed,
    a_snapshot_is_made_listed_and_destroyed_as_printed,
    a_server_is_made_from_a_snapshot_as_printed,
    a_plan_that_is_too_small_for_a_snapshot_is_refused_in_the_printed_words,
    a_server_goes_back_to_a_snapshot_as_printed,
    a_server_is_reinstalled_as_printed,
    a_server_is_upgraded_as_printed,
    tags_are_created_listed_changed_and_destroyed_as_printed,
    events_are_listed_as_printed,
    what_is_sold_is_listed_as_printed,
    money_is_listed_as_printed,
    traffic_is_listed_as_printed,
];

async fn a_login_answers_two_tokens(builder: Builder) {
    let shop = Shop::open(builder).await;
    let printed = r#"curl --location --request POST "https://api.cloude.ro/v1/user/login" \
  --header "Content-Type: application/x-www-form-urlencoded" \
  --data "username={{test_user}}&password={{test_pass}}""#;
    let user = [
        ("{{test_user}}", "my@email.com"),
        ("{{test_pass}}", "secretpassword"),
    ];
    let answer = curl(&shop.customer, printed, &user).await.ok();
    let shape = json!({
        "status": "success", "message": null,
        "data": {"token": "eyJ0", "refreshtoken": "eyJ0", "refresh": false},
    });
    assert_shape(&answer, &shape);
    assert_eq!(answer["data"]["refresh"], false);
    let path = "/v1/account/detail";
    let token = answer["data"]["token"].as_str().expect("a token");
    let account = shop.customer.with_bearer(token).get(path).await.ok();
    let shape = json!({
        "status": "success", "message": null,
        "data": {
            "name": "Umut", "email": "team@cloud.ro", "balance": 6.25, "register_date": "2017-11-13T14:46:40Z",
            "last_login_date": "2018-01-08T14:39:39Z", "is_verified": false,
        },
    });
    assert_shape(&account, &shape);
    assert_eq!(account["data"]["email"], "my@email.com");
    assert_eq!(shop.customer.get("/v1/user").await.ok(), account);
    let balance = shop.customer.get("/v1/account/user_balance").await.data();
    assert_eq!(balance["balance"], account["data"]["balance"]);
}

async fn a_refresh_answers_two_others(builder: Builder) {
    let shop = Shop::open(builder).await;
    let first = Shop::log_in(&shop.customer, "my@email.com").await;
    let refresh = first["refreshtoken"].as_str().expect("a token");
    let form = [("refreshtoken", refresh)];
    let path = "/v1/user/refreshtoken";
    let anonymous = shop.customer.anonymous();
    let second = anonymous.form(Method::POST, path, &form).await.data();
    assert_eq!(second["refresh"], true);
    // By its other name, and as the bearer token.
    let text = |tokens: &Value| tokens["refreshtoken"].as_str().expect("a token").to_owned();
    let form = [("refresh", &*text(&second))];
    let third = anonymous.form(Method::POST, path, &form).await.data();
    let bearer = anonymous.with_bearer(&text(&third));
    let fourth = bearer.form(Method::POST, path, &[]).await.data();
    assert_ne!(text(&third), text(&fourth));
}

async fn a_server_is_created_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let printed = r#"curl --location --request POST "https://api.cloude.ro/v1/server/create" \
  --header "Authorization: Bearer {{authToken}}" \
  --header "Content-Type: application/x-www-form-urlencoded" \
  --data "name=ubuntu-16-04-x64&region=ist2&package=eos2&image=ubuntu-16-04-x64&hostname=&ssh_keys=&user_data=""#;
    let answer = curl(&shop.customer, printed, &[]).await.ok();
    assert_shape(
        &answer,
        &json!({"status": "success", "data": {"event_id": 1587}, "message": null}),
    );
    let event = shop
        .done(answer["data"]["event_id"].as_i64().expect("an id"))
        .await;
    assert_eq!(event["event"], "VM.CREATE");
    assert_eq!(shop.arcus.instances().len(), 1);
}

fn printed_server() -> Value {
    json!({
        "id": 1, "name": "ubuntu-16-04-x64", "cpu": 1, "memory": 1, "disk": 40, "bandwidth": 4, "state": "Stopped",
        "region": "ist2", "image": "ubuntu-16-04-x64", "package": "eos2",
        "networks": {
            "v4": {"ip": "172.17.32.68", "netmask": "255.255.255.192", "gateway": "172.17.32.65"},
            "v6": "",
        },
        "created_at": "2018-01-04T11:14:34Z", "active_events": [],
    })
}

async fn servers_are_listed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    let printed = r#"curl --location --request GET "https://api.cloude.ro/v1/server/list" \
--header "Authorization: Bearer {{authToken}}" \
--header "Content-Type: application/x-www-form-urlencoded" \
--data """#;
    let answer = curl(&shop.customer, printed, &[]).await.ok();
    let shape = json!({"status": "success", "data": [printed_server()], "message": null});
    assert_shape(&answer, &shape);
    let server = &answer["data"][0];
    let told = [
        "name",
        "cpu",
        "memory",
        "disk",
        "bandwidth",
        "state",
        "region",
        "package",
    ];
    let told: Vec<_> = told.iter().map(|name| server[name].clone()).collect();
    assert_eq!(
        json!(told),
        json!(["web", 1, 1, 40, 4, "Running", "ist2", "eos2"])
    );
    let printed = r#"curl --location --request GET "https://api.cloude.ro/v1/server/1515" \
--header "Authorization: Bearer {{authToken}}" \
--header "Content-Type: application/x-www-form-urlencoded" \
--data """#;
    let one = curl(&shop.customer, printed, &[("1515", &id.to_string())])
        .await
        .ok();
    assert_eq!(one["data"], answer["data"], "an array of one");
}

async fn a_server_is_switched_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await.to_string();
    for (verb, event, state) in [
        ("stop", "VM.STOP", "Stopped"),
        ("start", "VM.START", "Running"),
        ("reboot", "VM.REBOOT", "Running"),
    ] {
        let printed = r#"curl --location --request POST "https://api.cloude.ro/v1/server/VERB" \
  --header "Authorization: Bearer {{authToken}}" \
  --header "Content-Type: application/x-www-form-urlencoded" \
  --data "id=1""#;
        let printed = printed.replace("VERB", verb);
        let answer = curl(&shop.customer, &printed, &[("id=1", &format!("id={id}"))]).await;
        let began = answer.data()["event_id"].as_i64().expect("an event");
        let ended = shop.done(began).await;
        assert_eq!(
            (&ended["event"], &ended["subscription_id"].to_string()),
            (&json!(event), &id)
        );
        assert_eq!(
            shop.shown(id.parse().expect("a number")).await["state"],
            state
        );
        // Already so, and by the path: a success that is over at once.
        let again = shop.asked(&format!("/v1/server/{id}/{verb}"), &[]).await;
        shop.done(again).await;
    }
}

async fn a_server_is_destroyed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await.to_string();
    let printed = r#"curl --location --request DELETE "https://api.cloude.ro/v1/server/{{subscription_id}}/destroy" \
--header "Authorization: Bearer {{authToken}}" \
--header "Content-Type: application/x-www-form-urlencoded" \
--data """#;
    let answer = curl(&shop.customer, printed, &[("{{subscription_id}}", &id)])
        .await
        .ok();
    let event = answer["event_id"].as_i64().expect("an event");
    assert_eq!(
        answer,
        json!({"status": "success", "data": true, "message": null, "event_id": event})
    );
    assert_eq!(shop.done(event).await["event"], "VM.DESTROY");
    assert_eq!(shop.customer.get("/v1/server/list").await.data(), json!([]));
    assert!(shop.arcus.instances().is_empty());
}

async fn a_password_is_changed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await.to_string();
    let printed = r#"curl --location --request POST "https://api.cloud.ro/v1/server/{{subscription_id}}/change_password" \
--header "Authorization: Bearer {{authToken}}" \
--header "Content-Type: application/x-www-form-urlencoded" \
--data "subscription_id=1520""#;
    let own = [("{{subscription_id}}", &*id), ("1520", &*id)];
    let data = curl(&shop.customer, printed, &own).await.data();
    let password = data["password"].as_str().expect("a password");
    assert!(password.len() >= 16, "{password}");
    let event = shop
        .done(data["event_id"].as_i64().expect("an event"))
        .await;
    assert_eq!(event["event"], "VM.PASSWORD");
    assert!(!shop.arcus.log().join("\n").contains(password));
}

async fn snapshot(shop: &Shop, server: i64, name: &str) -> i64 {
    let form = [("id", &*server.to_string()), ("name", name)];
    let event = shop.asked("/v1/snapshot/create", &form).await;
    shop.done(event).await;
    let path = format!("/v1/server/{server}/snapshots");
    let all = shop.customer.get(&path).await.data();
    let all = all.as_array().expect("an array").iter();
    let mut own = all.filter(|snapshot| snapshot["name"] == name);
    own.next().expect("it is there")["id"]
        .as_i64()
        .expect("an id")
}

async fn a_snapshot_is_made_listed_and_destroyed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await.to_string();
    let printed = r#"curl --location --request POST "https://api.cloude.ro/v1/snapshot/create" \
  --header "Authorization: Bearer {{authToken}}" \
  --header "Content-Type: application/x-www-form-urlencoded" \
  --data "id=1&name=SnapTest03""#;
    let answer = curl(&shop.customer, printed, &[("id=1", &format!("id={id}"))])
        .await
        .data();
    let event = shop
        .done(answer["event_id"].as_i64().expect("an event"))
        .await;
    assert_eq!(event["event"], "SNAPSHOT.CREATE");
    let printed = r#"curl --location --request GET "https://api.cloude.ro/v1/snapshot/list" \
  --header "Authorization: Bearer {{authToken}}" \
  --data """#;
    let list = curl(&shop.customer, printed, &[]).await.data();
    let shape = json!([{
        "id": 1, "name": "SnapTest03", "subscription_id": 1, "disk": 40, "size": 0.0, "region": "ist2",
        "image": "debian-12", "state": "Available", "created_at": "2018-01-04T11:14:34Z",
    }]);
    assert_shape(&list, &shape);
    assert_eq!(
        (&list[0]["state"], &list[0]["disk"]),
        (&json!("Available"), &json!(40))
    );
    let of_server = shop
        .customer
        .get(&format!("/v1/server/{id}/snapshots"))
        .await
        .data();
    assert_eq!(of_server, list);
    let printed = r#"curl --location --request DELETE "https://api.cloude.ro/v1/snapshot/destroy" \
  --header "Authorization: Bearer {{authToken}}" \
  --data "id=1072""#;
    let answer = curl(
        &shop.customer,
        printed,
        &[("1072", &list[0]["id"].to_string())],
    )
    .await;
    let event = answer.data()["event_id"].as_i64().expect("an event");
    assert_eq!(shop.done(event).await["event"], "SNAPSHOT.DESTROY");
    assert_eq!(
        shop.customer.get("/v1/snapshot/list").await.data(),
        json!([])
    );
}

const FROM_SNAPSHOT: &str = r#"curl --location --request POST "https://api.cloude.ro/v1/server/create_from_snapshot" \
  --header "Authorization: Bearer {{authToken}}" \
  --header "Content-Type: application/x-www-form-urlencoded" \
  --data "name=snaptovm%20-%20api2&package=eos1&snapshot_id=37&hostname=&ssh_keys=&user_data=""#;

async fn a_server_is_made_from_a_snapshot_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let form = [
        ("name", "small"),
        ("region", "ist2"),
        ("package", "eos1"),
        ("image", "debian-12"),
    ];
    let event = shop.asked("/v1/server/create", &form).await;
    let small = shop.done(event).await["subscription_id"]
        .as_i64()
        .expect("an id");
    let own = snapshot(&shop, small, "before").await.to_string();
    let answer = curl(&shop.customer, FROM_SNAPSHOT, &[("37", &own)])
        .await
        .data();
    let event = shop
        .done(answer["event_id"].as_i64().expect("an event"))
        .await;
    assert_eq!(event["event"], "VM.CREATE");
    let made = shop
        .shown(event["subscription_id"].as_i64().expect("an id"))
        .await;
    assert_eq!(
        (&made["name"], &made["state"]),
        (&json!("snaptovm - api2"), &json!("Running"))
    );
    assert_eq!(made["region"], "ist2");
}

async fn a_plan_that_is_too_small_for_a_snapshot_is_refused_in_the_printed_words(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    let own = snapshot(&shop, id, "before").await.to_string();
    let answer = curl(&shop.customer, FROM_SNAPSHOT, &[("37", &own)]).await;
    let message = "The selected package disk size must be greater than or equal to the snapshot disk size. ( 40/20 GB ).";
    assert_eq!(answer.refusal(400), message);
    assert_eq!(shop.arcus.instances().len(), 1);
}

async fn a_server_goes_back_to_a_snapshot_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    let own = snapshot(&shop, id, "before").await.to_string();
    let printed = r#"curl --location --request POST "https://api.cloude.ro/v1/server/{{subscription_id}}/restore_from_snapshot" \
--header "Authorization: Bearer {{authToken}}" \
--header "Content-Type: application/x-www-form-urlencoded" \
--data "snapshot_id=1000""#;
    let with = [("{{subscription_id}}", &*id.to_string()), ("1000", &*own)];
    let answer = curl(&shop.customer, printed, &with).await.data();
    let event = shop
        .done(answer["event_id"].as_i64().expect("an event"))
        .await;
    assert_eq!(event["event"], "VM.RESTORE");
    assert_eq!(shop.shown(id).await["state"], "Running");
    // Another server's own snapshot is not this one's.
    let other = shop.server("other").await.to_string();
    let with = [("{{subscription_id}}", &*other), ("1000", &*own)];
    let message = curl(&shop.customer, printed, &with).await.refusal(400);
    assert!(message.contains("another server"), "{message}");
}

async fn a_server_is_reinstalled_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    let before = shop.shown(id).await;
    let printed = r#"curl --location --request POST "https://api.cloude.ro/v1/server/{{subscription_id}}/refresh_install" \
  --header "Authorization: Bearer {{authToken}}" \
  --header "Content-Type: application/x-www-form-urlencoded" \
  --data "id=&image=""#;
    let path = [("{{subscription_id}}", &*id.to_string())];
    let answer = curl(&shop.customer, printed, &path).await.data();
    let event = shop
        .done(answer["event_id"].as_i64().expect("an event"))
        .await;
    assert_eq!(event["event"], "VM.REINSTALL");
    assert_eq!(
        shop.shown(id).await,
        before,
        "its id, name and addresses stay"
    );
    let form = [("id", &*id.to_string()), ("image", "ubuntu-16-04-x64")];
    let event = shop.asked("/v1/server/refresh_install", &form).await;
    shop.done(event).await;
    let after = shop.shown(id).await;
    assert_eq!(after["image"], "ubuntu-16-04-x64");
    assert_eq!(after["networks"], before["networks"]);
}

async fn a_server_is_upgraded_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    let printed = r#"curl --location --request POST "https://api.cloude.ro/v1/server/{{subscription_id}}/upgrade_package" \
  --header "Authorization: Bearer {{authToken}}" \
  --header "Content-Type: application/x-www-form-urlencoded" \
  --data "id=&package=&type=""#;
    let path = ("{{subscription_id}}", &*id.to_string());
    let message = curl(&shop.customer, printed, &[path]).await.refusal(400);
    assert!(message.contains("package is missing"), "{message}");
    let named = ("package=&type=", "package=eos3&type=upgrade");
    let answer = curl(&shop.customer, printed, &[path, named]).await.data();
    let event = shop
        .done(answer["event_id"].as_i64().expect("an event"))
        .await;
    assert_eq!(event["event"], "VM.UPGRADE");
    let shown = shop.shown(id).await;
    let size = ["package", "cpu", "memory", "disk", "bandwidth"].map(|name| shown[name].clone());
    assert_eq!(json!(size), json!(["eos3", 2, 2, 60, 6]));
}

async fn tags_are_created_listed_changed_and_destroyed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let (web, db) = (shop.server("web").await, shop.server("db").await);
    let printed = r#"curl --location --request POST "https://api.cloude.ro/v1/tags/create" \
  --header "Authorization: Bearer {{authToken}}" \
  --header "Content-Type: application/x-www-form-urlencoded" \
  --data "sub_ids%5B%5D=1515&sub_ids%5B%5D=1520&tags%5B%5D=web1&tags%5B%5D=ftp1""#;
    let both = [("1515", &*web.to_string()), ("1520", &*db.to_string())];
    let done = json!({"status": "success", "data": true, "message": null});
    for _ in 0..2 {
        // The second time they are there already.
        assert_eq!(curl(&shop.customer, printed, &both).await.ok(), done);
    }
    let printed = r#"curl --location --request GET "https://api.cloude.ro/v1/tags/list" \
--header "Authorization: Bearer {{authToken}}" \
--data """#;
    let list = curl(&shop.customer, printed, &[]).await.ok();
    let tag = |tag: &str, count: u64| json!({"count": count, "tag": tag, "created_at": null});
    assert_eq!(list["data"], json!([tag("ftp1", 2), tag("web1", 2)]));
    let printed = r#"curl --location --request PUT "https://api.cloude.ro/v1/tags/update" \
  --header "Authorization: Bearer {{authToken}}" \
  --header "Content-Type: application/x-www-form-urlencoded" \
  --data "sub_id=79&tags=asdsa%20asd%20asd""#;
    let answer = curl(&shop.customer, printed, &[("79", &web.to_string())])
        .await
        .ok();
    assert_eq!(answer, done);
    assert_eq!(shop.shown(web).await["tags"], json!(["asdsa", "asd"]));
    let printed = r#"curl --location --request DELETE "https://api.cloud.ro/v1/tags/destroy" \
  --header "Authorization: Bearer {{authToken}}" \
  --data "tag=ftp1""#;
    assert_eq!(curl(&shop.customer, printed, &[]).await.ok(), done);
    assert_eq!(shop.shown(db).await["tags"], json!(["web1"]));
    curl(&shop.customer, printed, &[]).await.refusal(404);
}

async fn events_are_listed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let id = shop.server("web").await;
    let stop = shop.asked(&format!("/v1/server/{id}/stop"), &[]).await;
    shop.done(stop).await;
    let printed = r#"curl --location --request GET "https://api.cloude.ro/v1/event/list" \
--header "Authorization: Bearer {{authToken}}" \
--data """#;
    let list = curl(&shop.customer, printed, &[]).await.data();
    let shape = json!([{
        "id": 375, "event": "VM.START", "status": 0, "subscription_id": 1511, "created_at": "2018-06-20T15:21:41Z",
        "completed_at": "2018-06-20T15:21:46Z",
    }]);
    assert_shape(&list, &shape);
    let told: Vec<_> = list
        .as_array()
        .expect("an array")
        .iter()
        .map(|event| event["event"].clone())
        .collect();
    assert_eq!(json!(told), json!(["VM.CREATE", "VM.STOP"]));
    let printed = r#"curl --location --request GET "https://api.cloude.ro/v1/event/%7Bevent_id%7D" \
  --header "Authorization: Bearer {{authToken}}" \
  --data """#;
    let one = curl(
        &shop.customer,
        printed,
        &[("%7Bevent_id%7D", &stop.to_string())],
    )
    .await;
    assert_eq!(one.data(), list[1]);
}

async fn what_is_sold_is_listed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let anybody = shop.customer.anonymous();
    let printed = r#"curl --location --request GET "https://api.cloude.ro/v1/image/list?type=all,application" \
--data """#;
    let images = curl(&anybody, printed, &[]).await.ok();
    let shape = json!({"status": "success", "message": null, "data": [{
        "name": "Ubuntu 16.04.3", "slug": "ubuntu-16-04-x64", "type": "template", "distribution": "Ubuntu",
        "regions": ["ist2"],
    }]});
    assert_shape(&images, &shape);
    let image = images["data"].as_array().expect("an array").iter();
    let mut image = image.filter(|image| image["slug"] == "ubuntu-16-04-x64");
    let image = image.next().expect("the image");
    assert_eq!(image["distribution"], "Ubuntu");
    assert!(image["min_disk_size"].is_null());
    let printed = r#"curl --location --request GET "https://api.cloude.ro/v1/package/list" \
  --data """#;
    let packages = curl(&anybody, printed, &[]).await.data();
    let priced = |slug: &str, of: [u64; 4], hourly: &str, monthly: &str| {
        let [cpu, ram, disk, bandwidth] = of;
        json!({
            "slug": slug, "cpu": cpu, "ram": ram, "disk": disk, "bandwidth": bandwidth,
            "hourly_price": hourly, "monthly_price": monthly,
        })
    };
    let mut first = packages.as_array().expect("an array").clone();
    first.truncate(3);
    for package in &mut first {
        let regions = package["regions"].take();
        let regions = regions.as_array().expect("an array");
        assert!(regions.contains(&json!("ist2")), "{regions:?}");
        package
            .as_object_mut()
            .expect("an object")
            .remove("regions");
    }
    let printed_ones = [
        priced("eos1", [1, 1, 20, 1], "0.0074", "5.0000"),
        priced("eos2", [1, 1, 40, 4], "0.0150", "10.0000"),
        priced("eos3", [2, 2, 60, 6], "0.0300", "20.0000"),
    ];
    assert_eq!(first, printed_ones);
    let printed = r#"curl --location --request GET "https://api.cloude.ro/v1/region/list" \
--data """#;
    let regions = curl(&anybody, printed, &[]).await.data();
    let region = |slug: &str, name: &str, open: bool| json!({"slug": slug, "name": name, "country": "TR", "status": open});
    assert_eq!(regions[0], region("ist1", "Ist-01", false));
    assert_eq!(regions[1], region("ist2", "Ist-02", true));
}

async fn money_is_listed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    shop.server("web").await;
    shop.arcus.tell(&["billing", "charge"], "");
    let printed = r#"curl --location --request GET "https://api.cloude.ro/v1/invoice/list" \
  --header "Authorization: Bearer {{authToken}}" \
  --data """#;
    // No month is over yet.
    assert_eq!(curl(&shop.customer, printed, &[]).await.data(), json!([]));
    let printed = r#"curl --location --request GET "https://api.cloude.ro/v1/transaction/list" \
--header "Authorization: Bearer {{authToken}}" \
--header "Content-Type: application/x-www-form-urlencoded" \
--data """#;
    let list = curl(&shop.customer, printed, &[]).await.data();
    let shape = json!([{
        "id": 1, "type": "charge", "amount": "-0.015", "balance_after": "24.985", "description": "1 server hour",
        "created_at": "2018-06-20T15:21:41Z",
    }]);
    assert_shape(&list, &shape);
    let told = |name: &str| {
        let all = list.as_array().expect("an array").iter();
        json!(all.map(|one| one[name].clone()).collect::<Vec<_>>())
    };
    assert_eq!(
        told("type"),
        json!(["charge", "credit"]),
        "the newest first"
    );
    assert_eq!(told("amount"), json!(["-0.015", "25.00"]));
    let balance = shop.customer.get("/v1/account/user_balance").await;
    assert!(
        balance.text.contains("\"balance\":24.985"),
        "{}",
        balance.text
    );
}

async fn traffic_is_listed_as_printed(builder: Builder) {
    let shop = Shop::open(builder.flag("--sample-secs=0.2")).await;
    let id = shop.server("web").await;
    let printed = r#"curl --location --request GET "https://api.cloude.ro/v1/usage/list?id=1" \
  --header "Authorization: Bearer {{authToken}}" \
  --header "Content-Type: application/x-www-form-urlencoded" \
  --data """#;
    let own = [("id=1", &*format!("id={id}"))];
    let usage = testkit::wait::until(
        "some traffic",
        std::time::Duration::from_secs(60),
        || async {
            let usage = curl(&shop.customer, printed, &own).await.ok();
            let went = usage["data"]["incoming"][0][0].as_f64();
            went.is_some_and(|went| went > 0.0).then_some(usage)
        },
    )
    .await;
    let shape = json!({
        "status": "success", "message": null,
        "data": {"incoming": [[125.085_937_5, 1_515_678_960]], "outgoing": [[6.796_875, 1_515_678_960]]},
    });
    assert_shape(&usage, &shape);
    let began_at = usage["data"]["outgoing"][0][1]
        .as_i64()
        .expect("a whole number");
    assert_eq!(
        began_at % 300,
        0,
        "samples begin at multiples of five minutes"
    );
}
