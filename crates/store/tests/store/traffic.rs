//! What is kept of traffic, on both databases.

use std::time::Duration;

use domain::server::{Power, Server};
use domain::traffic::{Bytes, Reading, Resolution, Sample};
use domain::{OrganisationId, ServerId, Timestamp};
use store::servers::Sight;
use store::traffic;

use crate::common::{self, World, on_both};

/// Five minutes.
const SLOT: Duration = Duration::from_secs(300);

fn reading(at: Timestamp, epoch: &str, counted: u64) -> Reading {
    Reading {
        at,
        epoch: epoch.to_owned(),
        counted: Bytes {
            received: counted,
            sent: counted / 2,
        },
    }
}

/// Reads counters as the metering does: looks up the last reading, and puts the next one. Whether it was taken.
async fn read(world: &World, server: &Server, epoch: &str, counted: u64) -> bool {
    let mut session = world.write().await;
    let last = traffic::last(&mut session, server.id).await.expect("reads");
    let now = reading(session.now(), epoch, counted);
    let taken = traffic::advance(&mut session, server.id, last.as_ref(), &now)
        .await
        .expect("advances");
    session.commit().await.expect("commits");
    taken
}

async fn samples(world: &World, server: ServerId, resolution: Resolution) -> Vec<Sample> {
    of(world, world.actor.organisation.id, server, resolution).await
}

async fn of(
    world: &World,
    organisation: OrganisationId,
    server: ServerId,
    resolution: Resolution,
) -> Vec<Sample> {
    let mut session = world.read().await;
    let (from, to) = (Timestamp(0), Timestamp(i64::MAX));
    traffic::samples(&mut session, organisation, server, resolution, from, to)
        .await
        .expect("reads")
}

fn received(samples: &[Sample]) -> Vec<u64> {
    samples.iter().map(|sample| sample.bytes.received).collect()
}

async fn see(world: &World, server: &Server, power: Power) {
    let mut session = world.write().await;
    let sight = Sight {
        cloud_id: Some(format!("i-{}", server.id)),
        ..Sight::of(power)
    };
    store::servers::observe(&mut session, server.id, &sight)
        .await
        .expect("notes");
    session.commit().await.expect("commits");
}

async fn due(world: &World, before: Timestamp) -> Vec<ServerId> {
    let provider = Some(world.provider.id);
    let mut session = world.read().await;
    let due = traffic::due(&mut session, provider, "local", ServerId(0), before).await;
    let due = due.expect("lists");
    due.into_iter().map(|due| due.server).collect()
}

on_both! {
    async fn a_first_reading_is_only_what_the_next_goes_by(world: World) {
        let server = world.server(None, "web").await;
        assert!(read(&world, &server, "a", 1000).await);
        assert_eq!(samples(&world, server.id, Resolution::FiveMinutes).await, []);
        world.pass(SLOT);
        assert!(read(&world, &server, "a", 1600).await);
        let kept = samples(&world, server.id, Resolution::FiveMinutes).await;
        assert_eq!(received(&kept), [600]);
        assert_eq!(kept[0].bytes.sent, 300);
    }

    async fn everything_since_a_server_was_made_counts(world: World) {
        let server = world.server(None, "web").await;
        for _ in 0..2 {
            let mut session = world.write().await;
            traffic::begin(&mut session, server.id).await.expect("begins");
            session.commit().await.expect("commits");
        }
        world.pass(SLOT / 2);
        assert!(read(&world, &server, "a", 1000).await);
        assert_eq!(received(&samples(&world, server.id, Resolution::FiveMinutes).await), [1000]);
    }

    async fn a_slot_grows_with_every_reading_within_it_and_the_hour_with_it(world: World) {
        let server = world.server(None, "web").await;
        read(&world, &server, "a", 0).await;
        for counted in 1..=15 {
            world.pass(SLOT / 5);
            read(&world, &server, "a", counted * 100).await;
        }
        assert_eq!(received(&samples(&world, server.id, Resolution::FiveMinutes).await), [500, 500, 500]);
        assert_eq!(received(&samples(&world, server.id, Resolution::Hour).await), [1500]);
    }

    async fn counters_that_begin_anew_lose_nothing_that_was_read(world: World) {
        let server = world.server(None, "web").await;
        read(&world, &server, "a", 0).await;
        for (epoch, counted) in [("a", 500), ("b", 70), ("b", 100), ("b", 30)] {
            world.pass(SLOT);
            read(&world, &server, epoch, counted).await;
        }
        assert_eq!(received(&samples(&world, server.id, Resolution::FiveMinutes).await), [500, 70, 30, 30]);
    }

    async fn a_time_in_which_nothing_went_through_is_there_as_such(world: World) {
        let server = world.server(None, "web").await;
        read(&world, &server, "a", 100).await;
        world.pass(SLOT * 3);
        read(&world, &server, "a", 100).await;
        assert_eq!(received(&samples(&world, server.id, Resolution::FiveMinutes).await), [0, 0, 0]);
    }

    async fn of_two_who_go_by_the_same_reading_one_counts(world: World) {
        let server = world.server(None, "web").await;
        read(&world, &server, "a", 100).await;
        let last = traffic::last(&mut world.read().await, server.id).await.expect("reads");
        world.pass(SLOT);
        let mut taken = Vec::new();
        for counted in [150, 160] {
            let mut session = world.write().await;
            let now = reading(session.now(), "a", counted);
            let done = traffic::advance(&mut session, server.id, last.as_ref(), &now).await;
            taken.push(done.expect("answers"));
            session.commit().await.expect("commits");
        }
        assert_eq!(taken, [true, false]);
        assert_eq!(received(&samples(&world, server.id, Resolution::FiveMinutes).await), [50]);
        let kept = traffic::last(&mut world.read().await, server.id).await.expect("reads");
        assert_eq!(kept.expect("is there").counted.received, 150);
    }

    async fn another_organisation_sees_no_traffic_of_a_server(world: World) {
        let server = world.server(None, "web").await;
        read(&world, &server, "a", 0).await;
        world.pass(SLOT);
        read(&world, &server, "a", 100).await;
        let mut session = world.write().await;
        let other = common::organisation(&mut session, "other").await;
        session.commit().await.expect("commits");
        let seen = of(&world, other.organisation.id, server.id, Resolution::FiveMinutes).await;
        assert_eq!(seen, []);
    }

    async fn a_running_server_is_due_unless_somebody_has_just_read_it(world: World) {
        let (on, off) = (world.server(None, "on").await, world.server(None, "off").await);
        see(&world, &on, Power::Running).await;
        see(&world, &off, Power::Stopped).await;
        let now = world.read().await.now();
        assert_eq!(due(&world, now).await, [on.id]);
        read(&world, &on, "a", 100).await;
        assert_eq!(due(&world, now).await, []);
        world.pass(Duration::from_secs(30));
        let now = world.read().await.now();
        assert_eq!(due(&world, now).await, [on.id]);
    }

    async fn the_time_in_which_a_server_was_off_has_no_traffic(world: World) {
        let server = world.server(None, "web").await;
        read(&world, &server, "a", 0).await;
        see(&world, &server, Power::Stopped).await;
        world.pass(SLOT * 10);
        let mut session = world.write().await;
        let now = session.now();
        traffic::pass_over_stopped(&mut session, now).await.expect("passes over");
        session.commit().await.expect("commits");
        see(&world, &server, Power::Running).await;
        world.pass(SLOT);
        read(&world, &server, "b", 100).await;
        assert_eq!(received(&samples(&world, server.id, Resolution::FiveMinutes).await), [100]);
    }

    async fn five_minutes_are_kept_for_a_week_and_hours_for_a_year(world: World) {
        let server = world.server(None, "web").await;
        read(&world, &server, "a", 0).await;
        world.pass(SLOT);
        read(&world, &server, "a", 100).await;
        for (hours, fine, coarse) in [(0, 1, 1), (6 * 24, 1, 1), (2 * 24, 0, 1), (367 * 24, 0, 0)] {
            world.pass(Duration::from_hours(hours));
            for resolution in Resolution::ALL {
                let mut session = world.write().await;
                while traffic::prune(&mut session, resolution).await.expect("forgets") {}
                session.commit().await.expect("commits");
            }
            let left = (
                samples(&world, server.id, Resolution::FiveMinutes).await.len(),
                samples(&world, server.id, Resolution::Hour).await.len(),
            );
            assert_eq!(left, (fine, coarse), "after {hours} hours more");
        }
    }

    async fn after_a_gap_of_a_month_only_what_is_kept_is_written(world: World) {
        let server = world.server(None, "web").await;
        read(&world, &server, "a", 0).await;
        world.pass(Duration::from_hours(30 * 24));
        read(&world, &server, "a", 30 * 24 * 3600).await;
        let week = samples(&world, server.id, Resolution::FiveMinutes).await;
        assert!((7 * 288..=7 * 288 + 12).contains(&week.len()), "{}", week.len());
        let month = samples(&world, server.id, Resolution::Hour).await;
        assert_eq!(received(&month).iter().sum::<u64>(), 30 * 24 * 3600);
    }

    async fn a_cloud_that_counts_more_than_there_is_breaks_no_sum(world: World) {
        let server = world.server(None, "web").await;
        read(&world, &server, "a", 0).await;
        for epoch in ["b", "c", "d"] {
            read(&world, &server, epoch, u64::MAX).await;
        }
        let kept = samples(&world, server.id, Resolution::FiveMinutes).await;
        assert_eq!(received(&kept), [1 << 53]);
    }

    async fn the_counters_of_a_server_go_with_it_and_its_samples_stay(world: World) {
        let server = world.server(None, "web").await;
        read(&world, &server, "a", 0).await;
        world.pass(SLOT);
        read(&world, &server, "a", 100).await;
        let mut session = world.write().await;
        traffic::end(&mut session, server.id).await.expect("ends");
        session.commit().await.expect("commits");
        assert_eq!(traffic::last(&mut world.read().await, server.id).await.expect("reads"), None);
        assert_eq!(samples(&world, server.id, Resolution::Hour).await.len(), 1);
    }
}

/// Only PostgreSQL has several writers: of two transactions that are open at once, the second waits for the first.
#[tokio::test]
async fn of_two_readings_written_at_the_same_moment_one_counts() {
    let world = World::new(testkit::Database::postgres().await).await;
    let server = world.server(None, "web").await;
    read(&world, &server, "a", 0).await;
    let last = traffic::last(&mut world.read().await, server.id)
        .await
        .expect("reads");
    world.pass(SLOT);
    let writers = (0..8).map(|_| {
        let (store, last, id) = (world.store.clone(), last.clone(), server.id);
        tokio::spawn(async move {
            let mut session = store.write().await.expect("a session");
            let now = reading(session.now(), "a", 100);
            let taken = traffic::advance(&mut session, id, last.as_ref(), &now)
                .await
                .expect("answers");
            session.commit().await.expect("commits");
            taken
        })
    });
    let mut taken = 0;
    for writer in writers.collect::<Vec<_>>() {
        taken += usize::from(writer.await.expect("writes"));
    }
    assert_eq!(taken, 1);
    let kept = samples(&world, server.id, Resolution::FiveMinutes).await;
    assert_eq!(received(&kept), [100]);
}
