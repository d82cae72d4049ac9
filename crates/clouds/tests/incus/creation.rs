//! Making instances: what they are given, under which name, and what is left when it fails.

use clouds::{ErrorClass, Until};
use domain::credentials::Credentials;
use domain::random;
use domain::server::Power;
use serde_json::json;

use crate::rig::{PATIENCE, REGION, local, on_incus, open, plan};

#[tokio::test]
async fn what_the_plan_gives_is_seen_inside_and_changes_while_it_runs() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("limits")).await;
        assert_eq!(rig.inside(&made, "nproc").await, "1");
        assert_eq!(rig.memory_inside(&made).await, 512 << 20);

        let boot = rig
            .inside(
                &made,
                "cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1",
            )
            .await;
        rig.cloud
            .resize(&made.at, &plan(2, 640, 5))
            .await
            .expect("resizes");
        let here = std::thread::available_parallelism().map_or(1, usize::from);
        // Incus spreads processors over instances soon, and not at once.
        let soon = format!(
            "timeout 20 sh -c 'until [ $(nproc) = {} ]; do :; done'; nproc",
            here.min(2)
        );
        assert_eq!(rig.inside(&made, &soon).await, here.min(2).to_string());
        assert_eq!(rig.memory_inside(&made).await, 640 << 20);
        let after = rig
            .inside(
                &made,
                "cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1",
            )
            .await;
        assert_eq!(after, boot, "it was not restarted");
        assert_eq!(rig.shown(&made).await["devices"]["root"]["size"], "5GiB");
    })
    .await;
}

#[tokio::test]
async fn a_container_may_nest_others_when_asked_and_is_never_privileged() {
    on_incus(async |rig| {
        let mut request = rig.request("nesting");
        request.nesting = true;
        let nesting = rig.create(&request).await;
        let plain = rig.create(&rig.request("plain")).await;

        assert_eq!(
            rig.shown(&nesting).await["config"]["security.nesting"],
            "true"
        );
        assert_eq!(
            rig.shown(&plain).await["config"].get("security.nesting"),
            None
        );
        for made in [&nesting, &plain] {
            assert_eq!(
                rig.shown(made).await["expanded_config"].get("security.privileged"),
                None
            );
        }
    })
    .await;
}

#[tokio::test]
async fn an_image_that_nobody_has_is_refused_by_name() {
    on_incus(async |rig| {
        let mut request = rig.request("image");
        request.image.source.alias = Some("no/such/image".to_owned());
        let error = rig.cloud.create(&request).await.expect_err("refused");
        assert_eq!(error.class, ErrorClass::Rejected, "{error}");
        assert!(error.message.contains("no/such/image"), "{error}");
        assert_eq!(
            rig.cloud.find(REGION, &request.tag).await.expect("finds"),
            []
        );
    })
    .await;
}

#[tokio::test]
async fn the_same_request_again_returns_the_same_instance() {
    on_incus(async |rig| {
        let request = rig.request("again");
        let (first, second) = tokio::join!(rig.cloud.create(&request), rig.cloud.create(&request));
        let (first, second) = (first.expect("creates"), second.expect("finds"));
        assert_eq!(first.at, second.at);
        let third = rig.cloud.create(&request).await.expect("finds");
        assert_eq!(third.at, first.at);
        assert_eq!(third.power, Power::Running);
        // What Incus refused of the second and third is no failure of the instance.
        let running = rig
            .cloud
            .wait(&first.at, Until::Running, PATIENCE)
            .await
            .expect("runs");
        assert_eq!(running.tag.as_ref(), Some(&request.tag));
        let found = rig.cloud.find(REGION, &request.tag).await.expect("finds");
        let found: Vec<_> = found.into_iter().map(|instance| instance.at).collect();
        assert_eq!(found, [running.at]);
    })
    .await;
}

#[tokio::test]
async fn a_long_name_is_shortened_at_incus_and_whole_for_users() {
    on_incus(async |rig| {
        let mut request = rig.request("long");
        request.name = format!(
            "{}.with_what_incus_refuses.{}",
            request.name,
            "x".repeat(64)
        );
        let made = rig.create(&request).await;
        assert!(
            made.at.id.len() <= 63 && !made.at.id.contains(['.', '_']),
            "{}",
            made.at.id
        );
        assert_eq!(made.name, request.name);

        let last = domain::names::deleted(&request.name);
        let retired = rig.cloud.retire(&made.at, &last).await.expect("retires");
        let ending = &last[last.len() - "-DEL".len() - 32..];
        assert!(
            retired.id.len() <= 63 && retired.id.ends_with(ending),
            "{}",
            retired.id
        );
        assert_eq!(rig.cloud.get(&retired).await.expect("is there").name, last);
        let old = rig.cloud.get(&made.at).await.expect_err("is gone");
        assert_eq!(old.class, ErrorClass::NotFound);
    })
    .await;
}

#[tokio::test]
async fn an_instance_that_can_not_start_is_not_left_behind() {
    on_incus(async |rig| {
        // A device that every start asks for and no create does.
        let profile = format!("arcus-test-{}", random::hex::<4>());
        let device = json!({ "type": "unix-char", "source": "/dev/no-such-device" });
        let body = json!({ "name": profile, "devices": { "missing": device } });
        rig.raw.call("POST", "profiles", Some(&body)).await;
        let mut options = local(&rig.raw.socket);
        options.insert("profiles".to_owned(), json!(["default", profile]));
        let cloud = open(options, Credentials::default()).expect("opens");

        let request = rig.request("unable");
        let refused = cloud.create(&request).await;
        let left = cloud.find(REGION, &request.tag).await;
        let path = format!("profiles/{profile}");
        for instance in left.iter().flatten() {
            rig.cloud.destroy(&instance.at).await.expect("is destroyed");
            rig.cloud
                .wait(&instance.at, Until::Gone, PATIENCE)
                .await
                .expect("is gone");
        }
        rig.raw.call("DELETE", &path, None).await;
        let error = refused.expect_err("refused");
        assert_eq!(error.class, ErrorClass::Rejected, "{error}");
        assert!(error.message.contains("missing"), "{error}");
        assert_eq!(left.expect("finds"), []);
    })
    .await;
}
