//! A system that is replaced by another.

use std::sync::atomic::{AtomicUsize, Ordering};

use clouds::{Cloud, ErrorClass, Until};
use domain::server::Power;
use serde_json::json;

use crate::proxy::{Lost, Proxy};
use crate::rig::{PATIENCE, image, on_incus, until_it_can};

#[tokio::test]
async fn a_rebuilt_system_is_new_and_takes_its_user_data() {
    on_incus(async |rig| {
        let file = |text: &str| {
            let file = json!({ "write_files": [{ "path": "/root/given", "content": text }] });
            format!("#cloud-config\n{file}\n")
        };
        let mut request = rig.request("rebuild");
        request.user_data = file("first");
        let made = rig.running(&request).await;
        let settled = "cloud-init status --wait >/dev/null; cat /root/given";
        assert_eq!(rig.inside(&made, settled).await, "first");
        rig.inside(&made, "touch /root/old").await;

        for (given, nesting) in [("second", true), ("third", false)] {
            let data = file(given);
            let before = rig.host_key(&made).await;
            rig.cloud
                .rebuild(&made.at, &image(), &data, nesting, given)
                .await
                .expect("rebuilds");
            let again = rig
                .cloud
                .wait(&made.at, Until::Running, PATIENCE)
                .await
                .expect("runs");
            assert_eq!(again.address(), made.address());
            assert_ne!(rig.host_key(&made).await, before, "a new system");
            let nests = &rig.shown(&made).await["config"]["security.nesting"];
            assert_eq!(*nests, if nesting { json!("true") } else { json!(null) });
            assert_eq!(rig.inside(&made, settled).await, given);
            assert_eq!(rig.inside(&made, "ls /root").await, "given");
            rig.inside(&made, "touch /root/old").await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_system_with_snapshots_is_not_rebuilt_and_goes_on_running() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("snapped")).await;
        rig.cloud
            .create_snapshot(&made.at, "kept")
            .await
            .expect("takes a snapshot");
        let error = rig
            .cloud
            .rebuild(&made.at, &image(), "", false, "snapped")
            .await
            .expect_err("refused");
        assert_eq!(error.class, ErrorClass::Rejected, "{error}");
        assert_eq!(
            rig.cloud.get(&made.at).await.expect("is there").power,
            Power::Running
        );
    })
    .await;
}

#[tokio::test]
async fn a_rebuild_that_broke_off_anywhere_is_done_by_the_next() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("halfway")).await;
        let changes = |line: &str| !line.starts_with("GET ");
        // The requests that change something: reserve, stop, tell, rebuild, start. Whoever sent them is gone at once.
        for survived in 0..5 {
            let seen = AtomicUsize::new(0);
            let proxy = Proxy::that_loses(&rig.raw, Lost::Requests, move |line| {
                let sent = seen.fetch_add(usize::from(changes(line)), Ordering::SeqCst);
                sent > survived || sent == survived && changes(line)
            });
            let mark = format!("after-{survived}");
            let rebuild =
                async |cloud: &dyn Cloud| cloud.rebuild(&made.at, &image(), "", true, &mark).await;
            rebuild(&*proxy.cloud).await.expect_err("breaks off");

            until_it_can(async || rebuild(&*rig.cloud).await)
                .await
                .unwrap_or_else(|error| panic!("after {survived}: {error}"));
            let again = rig
                .cloud
                .wait(&made.at, Until::Running, PATIENCE)
                .await
                .expect("runs");
            assert_eq!(again.address(), made.address(), "after {survived}");
        }
        let nests = &rig.shown(&made).await["config"]["security.nesting"];
        assert_eq!(*nests, "true");
    })
    .await;
}

#[tokio::test]
async fn a_rebuild_whose_answer_is_lost_is_not_done_again() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("rebuilt")).await;
        let rebuilds = format!("POST /1.0/instances/{}/rebuild?", made.at.id);
        let proxy = Proxy::that_loses(&rig.raw, Lost::Answers, move |line| {
            line.starts_with(&rebuilds)
        });
        let rebuild = async |cloud: &dyn Cloud, mark: &str| {
            cloud.rebuild(&made.at, &image(), "", false, mark).await
        };
        let lost = rebuild(&*proxy.cloud, "one").await.expect_err("no answer");
        assert_eq!(lost.class, ErrorClass::OutcomeUnknown, "{lost}");
        // It lives on before anybody asks again. A start while the disk is being replaced would break it.
        until_it_can(async || rig.cloud.start(&made.at).await)
            .await
            .expect("starts");
        rig.cloud
            .wait(&made.at, Until::Running, PATIENCE)
            .await
            .expect("runs");
        rig.inside(&made, "echo kept >/root/since; sync").await;

        let since = "cat /root/since 2>/dev/null; true";
        for (mark, left) in [("one", "kept"), ("two", "")] {
            rebuild(&*rig.cloud, mark).await.expect("rebuilds");
            rig.cloud
                .wait(&made.at, Until::Running, PATIENCE)
                .await
                .expect("runs");
            assert_eq!(rig.inside(&made, since).await, left, "{mark}");
        }
    })
    .await;
}
