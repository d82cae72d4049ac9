//! Sizes that don't change while an instance runs, and those that don't change at all.
//!
//! A virtual machine or LVM would refuse here what a container on btrfs does not; what they say is put into Incus's mouth.

use clouds::{ErrorClass, Instance, Until};
use domain::server::Power;
use serde_json::{Map, Value, json};

use crate::interceptor::{Fate, Interceptor, Request, refusal};
use crate::rig::{PATIENCE, Rig, on_incus, plan};

const TOO_MUCH: &str = "Failed updating memory limit: Cannot increase memory size beyond boot time size when VM is \
    running (Boot time size 512MiB, new size 640MiB)";

fn changes(request: &Request) -> bool {
    request.line.starts_with("PATCH /1.0/instances/")
}

fn was_switched_off(sent: &[Request]) -> bool {
    let stops = |request: &Request| request.body["action"] == "stop";
    sent.iter().any(stops)
}

async fn must_be_of_the_new_size(rig: &Rig, made: &Instance) {
    let off = rig.cloud.get(&made.at).await.expect("is there");
    assert_eq!(off.power, Power::Stopped, "the caller starts it");
    rig.cloud.start(&made.at).await.expect("starts");
    rig.cloud
        .wait(&made.at, Until::Running, PATIENCE)
        .await
        .expect("runs");
    assert_eq!(rig.memory_inside(made).await, 640 << 20);
    let shown = rig.shown(made).await;
    assert_eq!(shown["devices"]["root"]["size"], "5GiB");
}

#[tokio::test]
async fn what_incus_does_not_change_while_it_runs_is_changed_while_it_is_off() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("offline")).await;
        let interceptor = Interceptor::new(&rig.raw, Map::new(), |request, sent| {
            if changes(request) && !was_switched_off(sent) {
                refusal(TOO_MUCH)
            } else {
                Fate::PassedOn
            }
        });
        let resized = interceptor.cloud.resize(&made.at, &plan(1, 640, 5)).await;
        resized.expect("resizes");
        let stops = interceptor.sent("PUT /1.0/instances/");
        assert_eq!(stops.len(), 1, "{stops:?}");
        assert_eq!(stops[0].body["force"], false, "the system is asked first");
        must_be_of_the_new_size(rig, &made).await;
    })
    .await;
}

#[tokio::test]
async fn what_incus_changes_neither_running_nor_off_leaves_it_running_as_it_was() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("stubborn")).await;
        let before = rig.shown(&made).await;
        let interceptor = Interceptor::new(&rig.raw, Map::new(), |request, sent| {
            if !changes(request) {
                Fate::PassedOn
            } else if was_switched_off(sent) {
                refusal("Block volumes cannot be shrunk: Cannot be shrunk")
            } else {
                refusal(TOO_MUCH)
            }
        });
        let refused = interceptor.cloud.resize(&made.at, &plan(1, 640, 5)).await;
        let refused = refused.expect_err("is refused");
        assert_eq!(refused.class, ErrorClass::Rejected, "{refused}");
        assert!(refused.message.contains("cannot be shrunk"), "{refused}");
        rig.cloud
            .wait(&made.at, Until::Running, PATIENCE)
            .await
            .expect("runs");
        let after = rig.shown(&made).await;
        assert_eq!(after["devices"], before["devices"]);
        let memory = |shown: &Value| shown["config"]["limits.memory"].clone();
        assert_eq!(memory(&after), memory(&before));

        // A refusal that a stop would not help against costs nobody a running system.
        let interceptor = Interceptor::new(&rig.raw, Map::new(), |request, _| {
            if changes(request) {
                refusal("Invalid config: limits.memory: Invalid value")
            } else {
                Fate::PassedOn
            }
        });
        let refused = interceptor.cloud.resize(&made.at, &plan(1, 640, 5)).await;
        refused.expect_err("is refused");
        let stops = interceptor.sent("PUT /1.0/instances/");
        assert_eq!(stops.len(), 0, "{stops:?}");
    })
    .await;
}

#[tokio::test]
async fn a_disk_that_incus_puts_off_until_the_next_start_is_changed_while_it_is_off() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("deferred")).await;
        let shows = format!("GET /1.0/instances/{}?", made.at.id);
        let interceptor = Interceptor::new(&rig.raw, Map::new(), move |request, sent| {
            let was_changed = sent.iter().any(changes) && !was_switched_off(sent);
            if was_changed && request.line.starts_with(&shows) {
                Fate::Retold(|shown| {
                    shown["metadata"]["config"]["volatile.root.apply_quota"] = json!("true");
                })
            } else {
                Fate::PassedOn
            }
        });
        let resized = interceptor.cloud.resize(&made.at, &plan(1, 640, 5)).await;
        resized.expect("resizes");
        let patches = interceptor.sent("PATCH ");
        let told = |of: fn(&Value) -> &Value| {
            let told = patches.iter().map(|patch| of(&patch.body).clone());
            told.collect::<Vec<_>>()
        };
        // It is taken back first.
        let sizes = told(|body| &body["devices"]["root"]["size"]);
        assert_eq!(sizes, ["5GiB", "4GiB", "5GiB"]);
        let memory = told(|body| &body["config"]["limits.memory"]);
        assert_eq!(memory, ["640MiB", "512MiB", "640MiB"]);
        must_be_of_the_new_size(rig, &made).await;
    })
    .await;
}
