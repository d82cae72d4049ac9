//! Snapshots that outlive their server, on both databases.

use domain::SnapshotId;
use domain::server::{Power, Server};
use domain::snapshot::SnapshotState;
use store::servers::Sight;
use store::snapshots;

use crate::common::{World, on_both};

async fn taken(world: &World, server: &Server, name: &str) -> SnapshotId {
    let mut session = world.write().await;
    let cloud_name = format!("arcus-{name}");
    let taken = snapshots::create(&mut session, server, name, &cloud_name).await;
    session.commit().await.expect("commits");
    taken.expect("creates").id
}

/// The server has gone, and its cloud keeps something of it; whether that is told of.
async fn outlived(world: &World, server: &Server) -> bool {
    let mut session = world.write().await;
    let sight = Sight {
        cloud_id: Some("i-1".to_owned()),
        ..Sight::of(Power::Terminated)
    };
    let seen = store::servers::observe(&mut session, server.id, &sight).await;
    seen.expect("observes");
    let gone = store::servers::mark_destroyed(&mut session, server.id).await;
    gone.expect("marks");
    let told = snapshots::outlive(&mut session, server.id, "it is protected").await;
    session.commit().await.expect("commits");
    told.expect("notes")
}

/// The names on the list, each with why it is there still.
async fn listed(world: &World) -> Vec<(String, Option<String>)> {
    let mut session = world.read().await;
    let list = snapshots::list(&mut session, world.actor.organisation.id).await;
    let all = list.expect("lists").into_iter();
    all.inspect(|one| assert_eq!(one.state, SnapshotState::Failed))
        .map(|one| (one.name, one.error))
        .collect()
}

fn kept(name: &str) -> (String, Option<String>) {
    (name.to_owned(), Some("it is protected".to_owned()))
}

on_both! {
    async fn what_may_be_left_is_on_the_list_and_what_was_deleted_before_is_not(world: World) {
        let server = world.server(None, "web").await;
        taken(&world, &server, "first").await;
        let second = taken(&world, &server, "second").await;
        let mut session = world.write().await;
        snapshots::mark_destroyed(&mut session, second).await.expect("marks");
        session.commit().await.expect("commits");
        assert!(outlived(&world, &server).await);
        assert_eq!(listed(&world).await, [kept("first")]);
        let mut session = world.read().await;
        let found = snapshots::outlived(&mut session).await.expect("lists");
        let found: Vec<_> = found.iter().map(|one| (one.server, one.cloud_id.as_str())).collect();
        assert_eq!(found, [(server.id, "i-1")]);
        assert!(snapshots::any_outlived_at(&mut session, world.provider.id).await.expect("looks"));
        drop(session);

        let mut session = world.write().await;
        snapshots::mark_destroyed_with(&mut session, server.id).await.expect("marks");
        session.commit().await.expect("commits");
        assert_eq!(listed(&world).await, []);
        let mut session = world.read().await;
        assert!(snapshots::outlived(&mut session).await.expect("lists").is_empty());
        assert!(!snapshots::any_outlived_at(&mut session, world.provider.id).await.expect("looks"));
    }

    async fn where_all_were_thought_gone_the_newest_tells_of_what_is_left(world: World) {
        let server = world.server(None, "web").await;
        for name in ["first", "second"] {
            let one = taken(&world, &server, name).await;
            let mut session = world.write().await;
            snapshots::mark_destroyed(&mut session, one).await.expect("marks");
            session.commit().await.expect("commits");
        }
        assert!(outlived(&world, &server).await);
        assert_eq!(listed(&world).await, [kept("second")]);
    }

    async fn a_server_that_never_had_one_has_none_to_tell_of_it(world: World) {
        let server = world.server(None, "web").await;
        assert!(!outlived(&world, &server).await);
        assert_eq!(listed(&world).await, []);
    }
}
