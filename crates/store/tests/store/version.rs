//! What readers who keep an answer go by, on both databases.

use crate::common::{World, on_both};

async fn note(session: &mut store::Session) {
    // Another value each time: SQLite does not write what is there already.
    let value = domain::random::hex::<8>();
    let kept = store::settings::keep(session, "checked", &value).await;
    kept.expect("writes");
}

/// Writes something.
async fn write(store: &store::Store) {
    let mut session = store.write().await.expect("a session");
    note(&mut session).await;
    session.commit().await.expect("commits");
}

on_both! {
    async fn each_commit_of_any_replica_changes_the_version(world: World) {
        let replica = world.replica().await;
        let mut before = replica.version().await;
        for store in [&replica, &world.store].repeat(3) {
            write(store).await;
            let after = replica.version().await;
            assert_ne!(after, before);
            before = after;
        }
    }
}

#[tokio::test]
async fn reading_and_what_is_rolled_back_leave_the_version_as_it_was() {
    // PostgreSQL's is the whole cluster's, and changes with the databases of other tests.
    let world = World::new(testkit::Database::sqlite()).await;
    let before = world.store.version().await;
    let mut session = world.write().await;
    note(&mut session).await;
    drop(session);
    let organisation = world.actor.organisation.id;
    let listed = store::servers::list(&mut world.read().await, organisation).await;
    assert_eq!(listed.expect("reads"), []);
    assert_eq!(world.store.version().await, before);
}

#[tokio::test]
async fn after_the_end_the_database_is_one_whole_file_and_no_version_is_like_another() {
    let world = World::new(testkit::Database::sqlite()).await;
    let before = world.store.version().await;
    write(&world.store).await;
    world.store.close().await;
    let left = std::fs::read_dir(world.folder()).expect("a folder");
    let left = left.map(|entry| entry.expect("an entry").file_name().into_string());
    let journals: Vec<_> = left
        .filter_map(Result::ok)
        .filter(|name| name.ends_with("-wal"))
        .collect();
    assert_eq!(journals, [""; 0]);
    let after = world.store.version().await;
    assert!(after != before && after != world.store.version().await);
}
