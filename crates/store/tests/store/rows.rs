//! Rows: what is there, what is not, and to whom.

use crate::common::{self, on_both};
use domain::server::Desired;
use domain::{ErrorKind, Role};
use secrecy::ExposeSecret;

on_both! {
    async fn every_statement_is_one_that_the_database_understands(world: World) {
        let (count, refused) = world.store.prepare_all().await.expect("prepares");
        assert!(count > 80, "only {count} statements are registered");
        assert_eq!(refused, Vec::<String>::new());
    }

    async fn a_session_that_is_dropped_leaves_nothing_behind(world: World) {
        let mut session = world.write().await;
        common::organisation(&mut session, "ghost").await;
        drop(session);
        let organisations = store::accounts::organisations(&mut world.read().await).await.expect("lists");
        assert_eq!(organisations.len(), 1);
    }

    async fn a_secret_is_in_no_column_in_the_clear_and_is_read_back_whole(world: World) {
        let id = &world.provider.public_id;
        let read = store::providers::by_public_id(&mut world.read().await, world.actor.organisation.id, id).await;
        let provider = read.expect("reads").expect("is there");
        let key = provider.credentials.get("client_key").expect("has it");
        assert_eq!(key.expose_secret(), "hunter2hunter2");
        let sealed = store::providers::sealed_for_test(&mut world.read().await, world.provider.id).await;
        let sealed = sealed.expect("reads");
        assert!(!sealed.windows(7).any(|bytes| bytes == b"hunter2"), "the secret stands in the column");
    }

    async fn another_organisations_rows_do_not_exist(world: World) {
        let environment = world.environment("production").await;
        let server = world.server(Some(&environment), "web").await;
        let mut session = world.write().await;
        let other = common::organisation(&mut session, "other").await.organisation.id;
        session.commit().await.expect("commits");
        let mut session = world.read().await;
        let found = store::environments::by_public_id(&mut session, other, &environment.public_id).await;
        assert_eq!(found.expect("reads"), None);
        let found = store::servers::by_public_id(&mut session, other, &server.public_id).await;
        assert_eq!(found.expect("reads"), None);
        let found = store::providers::by_public_id(&mut session, other, &world.provider.public_id).await;
        assert!(found.expect("reads").is_none());
        assert_eq!(store::servers::list(&mut session, other).await.expect("lists"), []);
    }

    async fn a_second_environment_of_one_name_is_refused_until_the_first_is_gone(world: World) {
        let first = world.environment("production").await;
        let organisation = world.actor.organisation.id;
        let mut session = world.write().await;
        let new = store::environments::NewEnvironment {
            organisation_id: organisation,
            application_id: first.application_id,
            provider_id: world.provider.id,
            name: "production",
            region: "local",
            integrations: &[],
        };
        let error = store::environments::create(&mut session, &new).await.expect_err("is refused");
        assert_eq!(error.kind(), ErrorKind::Exists);
        drop(session);
        let mut session = world.write().await;
        store::environments::mark_deleting(&mut session, organisation, first.id).await.expect("marks");
        store::environments::finish_deleting(&mut session, first.id).await.expect("deletes");
        session.commit().await.expect("commits");
        world.environment("production").await;
    }

    async fn an_environment_goes_with_its_last_server_and_not_before(world: World) {
        let environment = world.environment("production").await;
        let organisation = world.actor.organisation.id;
        let (one, two) =
            (world.server(Some(&environment), "one").await, world.server(Some(&environment), "two").await);
        let mut session = world.write().await;
        store::environments::mark_deleting(&mut session, organisation, environment.id).await.expect("marks");
        session.commit().await.expect("commits");
        for (server, there) in [(one, true), (two, false)] {
            let mut session = world.write().await;
            store::servers::mark_destroyed(&mut session, server.id).await.expect("marks");
            store::environments::finish_deleting(&mut session, environment.id).await.expect("looks");
            session.commit().await.expect("commits");
            let left = store::environments::list(&mut world.read().await, organisation).await.expect("lists");
            assert_eq!(!left.is_empty(), there);
        }
    }

    async fn an_environment_of_single_servers_does_not_end_while_one_that_was_lost_may_come_back(world: World) {
        let mut session = world.write().await;
        let (organisation, provider) = (world.actor.organisation.id, world.provider.id);
        let application = store::applications::list(&mut session, organisation).await.expect("reads")[0].id;
        let environment = store::environments::of_single_servers(&mut session, organisation, application, provider, "here").await;
        let environment = environment.expect("an environment");
        session.commit().await.expect("commits");
        let (lost, going) = (world.server(Some(&environment), "lost").await, world.server(Some(&environment), "going").await);
        let mut session = world.write().await;
        let gone = store::servers::Sight::of(domain::server::Power::Terminated);
        store::servers::observe(&mut session, lost.id, &gone).await.expect("writes");
        let ends = store::environments::ends_with(&mut session, environment.id, going.id).await;
        assert!(!ends.expect("reads"), "it was lost, and nobody wants it destroyed");
        store::servers::want(&mut session, lost.id, domain::server::Desired::Destroyed).await.expect("writes");
        let ends = store::environments::ends_with(&mut session, environment.id, going.id).await;
        assert!(ends.expect("reads"), "it will not come back");
    }

    async fn a_provider_with_a_living_server_is_not_deleted(world: World) {
        let server = world.server(None, "web").await;
        let organisation = world.actor.organisation.id;
        for (gone, deleted) in [(false, false), (true, true)] {
            let mut session = world.write().await;
            if gone {
                store::servers::mark_destroyed(&mut session, server.id).await.expect("marks");
            }
            let answer = store::providers::delete(&mut session, organisation, world.provider.id).await;
            assert_eq!(answer.expect("answers"), deleted);
            session.commit().await.expect("commits");
        }
    }

    async fn what_was_to_be_destroyed_stays_to_be_destroyed(world: World) {
        let server = world.server(None, "web").await;
        let mut session = world.write().await;
        store::servers::want(&mut session, server.id, Desired::Destroyed).await.expect("writes");
        store::servers::want(&mut session, server.id, Desired::Running).await.expect("writes");
        let now = store::servers::by_id(&mut session, world.actor.organisation.id, server.id).await;
        assert_eq!(now.expect("reads").desired, Desired::Destroyed);
    }

    async fn of_two_requests_with_one_refreshing_token_one_succeeds(world: World) {
        let mut session = world.write().await;
        store::accounts::create_tokens(&mut session, world.actor.user_id, "p", "r").await.expect("stores");
        session.commit().await.expect("commits");
        let mut found = Vec::new();
        for _ in 0..2 {
            let mut session = world.write().await;
            found.push(store::accounts::revoke_by_refreshing(&mut session, "r").await.expect("answers"));
            session.commit().await.expect("commits");
        }
        assert_eq!(found, [Some(world.actor.user_id), None]);
        let user = store::accounts::user_by_token(&mut world.read().await, "p").await.expect("answers");
        assert!(user.is_none(), "the persistent token of a revoked pair still opens");
    }

    async fn an_invitation_is_good_once_and_until_it_expires(world: World) {
        let (mut session, hour) = (world.write().await, std::time::Duration::from_hours(1));
        let until = session.now().plus(hour);
        for hash in ["used", "late"] {
            store::accounts::invite(&mut session, hash, None, Role::Owner, until).await.expect("stores");
        }
        let first = store::accounts::use_invitation(&mut session, "used").await.expect("answers");
        assert_eq!(first, Some((None, Role::Owner)));
        assert_eq!(store::accounts::use_invitation(&mut session, "used").await.expect("answers"), None);
        world.pass(hour);
        assert_eq!(store::accounts::use_invitation(&mut session, "late").await.expect("answers"), None);
    }

    async fn a_changed_line_breaks_the_audit_trail(world: World) {
        let mut session = world.write().await;
        for subject in ["a", "b", "c"] {
            store::audit::record(&mut session, &world.actor, "test.act", subject).await.expect("records");
        }
        assert_eq!(store::audit::verify(&mut session).await.expect("walks"), Ok(3));
        store::audit::tamper_for_test(&mut session, 2).await.expect("tampers");
        assert_eq!(store::audit::verify(&mut session).await.expect("walks"), Err(2));
    }

    async fn something_happens_for_the_first_time_once(world: World) {
        let mut session = world.write().await;
        assert!(store::settings::first_time(&mut session, "x").await.expect("answers"));
        assert!(!store::settings::first_time(&mut session, "x").await.expect("answers"));
    }
}

/// Only PostgreSQL has several writers: two requests at once each add their line to the one chain.
#[tokio::test]
async fn audit_lines_written_at_once_stand_in_one_chain() {
    let world = common::World::new(testkit::Database::postgres().await).await;
    let writers = (0..16).map(|number| {
        let (store, actor) = (world.store.clone(), world.actor.clone());
        tokio::spawn(async move {
            let mut session = store.write().await.expect("a session");
            store::audit::record(&mut session, &actor, "test.act", &number.to_string())
                .await
                .expect("records");
            session.commit().await.expect("commits");
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("writes");
    }
    assert_eq!(
        store::audit::verify(&mut world.read().await)
            .await
            .expect("walks"),
        Ok(16)
    );
}
