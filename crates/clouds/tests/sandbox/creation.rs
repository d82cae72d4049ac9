//! Creates: tokens, and the time until a cloud shows what it has made.

use std::time::Duration;

use clouds::sandbox::Faults;
use clouds::{ErrorClass, Until};
use tokio::time::Instant;

use crate::support::{INSTALLATION, REGION, Sandbox, class};

fn none() -> Faults {
    Faults::default()
}

#[tokio::test]
async fn a_new_instance_is_seen_by_no_call_until_the_cloud_is_consistent() {
    let sandbox = Sandbox::with(Faults {
        visible_after_ms: 1_500,
        ..none()
    })
    .await;
    assert_eq!(sandbox.cloud.settling().await, Duration::from_millis(1_500));
    let began = Instant::now();
    let at = sandbox.create("a").await.expect("is created").at;
    assert_eq!(class(sandbox.cloud.get(&at).await), ErrorClass::NotFound);
    assert_eq!(
        class(sandbox.cloud.stop(&at, true).await),
        ErrorClass::NotFound
    );
    assert_eq!(sandbox.find("a").await, []);
    assert_eq!(
        sandbox
            .cloud
            .list(REGION, INSTALLATION)
            .await
            .expect("list"),
        []
    );
    assert_eq!(
        sandbox.records().await.len(),
        1,
        "the world sees it all the same"
    );
    assert_eq!(
        sandbox.create("a").await.expect("is known").at,
        at,
        "and the cloud knows it"
    );

    sandbox.reaches(&at, Until::Running).await;
    assert!(began.elapsed() >= Duration::from_millis(1_500));
    assert_eq!(sandbox.find("a").await.len(), 1);
    assert_eq!(
        sandbox
            .cloud
            .list(REGION, INSTALLATION)
            .await
            .expect("list")
            .len(),
        1
    );
}

#[tokio::test]
async fn a_known_token_gives_the_same_instance_unless_tokens_are_ignored() {
    let sandbox = Sandbox::open().await;
    let first = sandbox.create("a").await.expect("is created");
    let again = sandbox.create("a").await.expect("is known");
    assert_eq!(again.at, first.at);

    sandbox
        .set(Faults {
            ignore_tokens: true,
            ..none()
        })
        .await;
    let second = sandbox.create("a").await.expect("is created");
    assert_ne!(second.at, first.at);
    assert_eq!(sandbox.find("a").await.len(), 2);
}

#[tokio::test]
async fn many_creates_at_once_with_one_token_make_one_instance() {
    let sandbox = Sandbox::open().await;
    let creates = (0..20).map(|_| sandbox.create("a"));
    let made = futures::future::join_all(creates).await;
    let first = made[0].as_ref().expect("is created");
    assert!(
        made.iter()
            .all(|other| other.as_ref().is_ok_and(|other| other.at == first.at))
    );
    assert_eq!(sandbox.records().await.len(), 1);
}
