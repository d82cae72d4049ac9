//! What an organisation can't afford, or may not have: refused in the envelope, and nothing comes of it.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Answer, Builder, Method, Shop, wait};

use crate::things::{Things, state};

testkit::on_both_databases![
    what_the_balance_does_not_cover_is_refused_with_402,
    what_was_refused_for_the_balance_is_done_after_a_top_up,
    a_suspended_organisation_gets_nothing_and_switches_nothing_on,
    what_is_over_the_quota_is_refused_with_403,
];

/// What makes something, or makes something larger.
const WANTS: [&str; 4] = [
    "server/create",
    "server/create_from_snapshot",
    "snapshot/create",
    "server/upgrade_package",
];

async fn ask(shop: &Shop, things: &Things, what: &str) -> Answer {
    let id = &things.server;
    let body = match what {
        "server/create" => {
            json!({"name": "new", "region": "ist2", "package": "eos1", "image": "debian-12"})
        }
        "server/create_from_snapshot" => {
            json!({"name": "copy", "package": "eos2", "snapshot_id": things.snapshot})
        }
        "snapshot/create" => json!({"id": id, "name": "another"}),
        _ => json!({"id": id, "package": "eos3"}),
    };
    shop.customer.post(&format!("/v1/{what}"), &body).await
}

/// What there is, and how often a cloud was asked for more.
async fn all(shop: &Shop) -> (Value, [u64; 3]) {
    let calls = ["create", "resize", "snapshot_create"].map(|method| shop.arcus.calls(method));
    (state(shop, &shop.customer).await, calls)
}

/// Leaves less than what 24 hours of the one server cost.
fn impoverish(shop: &Shop) {
    let pay_out = ["billing", "refund", "company-name", "24.80", "--paid-out"];
    shop.arcus.tell(&pay_out, "");
}

async fn what_the_balance_does_not_cover_is_refused_with_402(builder: Builder) {
    let shop = Shop::open(builder).await;
    let things = Things::of(&shop).await;
    impoverish(&shop);
    let before = all(&shop).await;
    for what in WANTS {
        let message = ask(&shop, &things, what).await.refusal(402);
        assert!(message.contains("the balance is"), "{what}: {message}");
        assert!(message.contains("nothing was done"), "{what}: {message}");
    }
    assert_eq!(all(&shop).await, before);
}

async fn what_was_refused_for_the_balance_is_done_after_a_top_up(builder: Builder) {
    let shop = Shop::open(builder).await;
    let things = Things::of(&shop).await;
    impoverish(&shop);
    for what in WANTS {
        ask(&shop, &things, what).await.refusal(402);
    }
    let top_up = ["billing", "topup", "company-name", "10.00"];
    shop.arcus.tell(&top_up, "");
    for what in WANTS {
        let answer = ask(&shop, &things, what).await.data();
        let event = answer["event_id"].as_i64().expect("an event");
        shop.done(event).await;
    }
}

async fn a_suspended_organisation_gets_nothing_and_switches_nothing_on(builder: Builder) {
    let shop = Shop::open(builder).await;
    let things = Things::of(&shop).await;
    let id: i64 = things.server.parse().expect("a number");
    let suspend = ["customer", "suspend", "company-name"];
    shop.arcus.tell(&suspend, "");
    let limit = Duration::from_secs(30);
    wait::until("its server to be off", limit, || async {
        let shown = shop.shown(id).await;
        (shown["state"] == "Stopped" && shown["active_events"] == json!([])).then_some(())
    })
    .await;
    let before = all(&shop).await;
    for what in WANTS {
        let message = ask(&shop, &things, what).await.refusal(402);
        assert!(message.contains("suspended"), "{what}: {message}");
    }
    for verb in ["start", "reboot"] {
        let path = format!("/v1/server/{id}/{verb}");
        let answer = shop.customer.form(Method::POST, &path, &[]).await;
        assert!(answer.refusal(402).contains("suspended"), "{verb}");
    }
    assert_eq!(all(&shop).await, before);
}

async fn what_is_over_the_quota_is_refused_with_403(builder: Builder) {
    let shop = Shop::open(builder).await;
    let things = Things::of(&shop).await;
    let before = all(&shop).await;
    let quota = |limit: &str| {
        let quota = ["customer", "quota", "company-name", limit];
        shop.arcus.tell(&quota, "");
    };
    let (servers, snapshots) = (&WANTS[..2], &WANTS[2..3]);
    let sizes = ["server/create", "server/upgrade_package"];
    // Each time no more than what is there.
    for (limit, says, refused) in [
        ("--servers=1", "may have 1 servers; it has 1", servers),
        ("--snapshots=1", "may have 1 snapshots; it has 1", snapshots),
        ("--cpus=1", "it has 1", &sizes),
        ("--memory-mib=1024", "may have 1024 MiB of memory", &sizes),
        ("--disk-gib=40", "may have 40", &sizes),
    ] {
        quota(limit);
        for what in refused {
            let message = ask(&shop, &things, what).await.refusal(403);
            assert!(message.contains(says), "{limit} {what}: {message}");
        }
        let (name, _) = limit.split_once('=').expect("a limit");
        quota(&format!("{name}=default"));
    }
    assert_eq!(all(&shop).await, before);
}
