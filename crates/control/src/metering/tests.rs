//! The metering, on either database, with two regions of the operator's: a simulated one, and an Incus that accepts
//! connections and says nothing.

use std::path::Path;

use clouds::sandbox::World;
use domain::account::Actor;
use domain::credentials::Credentials;
use domain::environment::Provider;
use domain::offer::Overcommit;
use domain::server::Power;
use domain::{Clock, ErrorKind, Money, Plan, Role};
use serde_json::{Map, Value};
use store::accounts::NewUser;
use store::dialect::Location;
use store::house::HouseRegion;
use store::servers::{NewServer, Sight};
use store::{Schema, Sealer, Session, Store};
use testkit::Database;
use tokio::net::UnixListener;
use tokio::time::Instant;

use super::*;
use crate::app::{HOUSE, SANDBOX, Settings};
use crate::servers;

/// How long a test waits for a reading.
const PATIENCE: Duration = Duration::from_secs(30);

/// One test on both databases.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use super::{Database, Scene};

            #[tokio::test]
            async fn on_sqlite() {
                super::$name(Scene::set(Database::sqlite()).await).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                super::$name(Scene::set(Database::postgres().await).await).await;
            }
        }
    )+};
}

on_both! {
    an_account_that_never_answers_keeps_no_other_from_being_read_again_and_again,
    two_who_read_at_once_count_once_and_the_owner_sees_it,
    the_traffic_of_another_organisations_server_is_not_found,
    an_instance_that_bears_another_token_is_not_read,
}

/// An Arcus with one organisation, and a region of each kind.
struct Scene {
    app: App,
    actor: Actor,
    provider: Provider,
    world: World,
    database: Database,
    folder: tempfile::TempDir,
    // Open and silent for as long as the test goes.
    _silent: UnixListener,
}

impl Scene {
    async fn set(database: Database) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let sandbox = folder.path().join("sandbox.db");
        let world = World::open(&sandbox).await.expect("opens");
        let app = App::new(open(&database, folder.path()).await, settings(&sandbox));
        let app = app.await.expect("an Arcus");
        let socket = folder.path().join("silent.socket");
        let silent = UnixListener::bind(&socket).expect("listens");
        let mut session = app.store.write().await.expect("a session");
        let actor = organisation(&mut session, "acme").await;
        let organisation = actor.organisation.id;
        let nothing = Credentials::default();
        let provider =
            store::providers::create(&mut session, organisation, "house", HOUSE, &nothing).await;
        let url = Value::String(format!("unix://{}", socket.display()));
        let options = Map::from_iter([("url".to_owned(), url)]);
        for (cloud, options) in [(SANDBOX, Map::new()), ("incus", options)] {
            let region = region(cloud, options);
            let put = store::house::put_region(&mut session, &region).await;
            put.expect("a region");
        }
        session.commit().await.expect("commits");
        Self {
            app,
            actor,
            provider: provider.expect("a provider"),
            world,
            database,
            folder,
            _silent: silent,
        }
    }

    /// Another replica on the same database and clouds.
    async fn replica(&self) -> App {
        let folder = self.folder.path();
        let settings = settings(&folder.join("sandbox.db"));
        App::new(open(&self.database, folder).await, settings)
            .await
            .expect("an Arcus")
    }

    /// A server that runs in a region; at the simulated cloud its instance is there.
    async fn server(&self, region: &str) -> Server {
        let mut session = self.app.store.write().await.expect("a session");
        let token = random::hex::<16>();
        let new = NewServer {
            environment_id: None,
            provider_id: self.provider.id,
            region,
            name: &token,
            cloud_name: &token,
            token: &token,
            plan: &plan(),
            image: "debian-12",
            login_user: "root",
            hostname: "",
            public_keys: &[],
            user_data: None,
            snapshot_id: None,
            packages: &[],
            tags: &Map::new(),
        };
        let server = store::servers::create(&mut session, &self.actor, &new).await;
        let server = server.expect("a server");
        let tag = Tag {
            installation: self.app.installation.clone(),
            token: token.clone(),
        };
        let cloud_id = if region == SANDBOX {
            let added = self.world.add(region, &token, Some(&tag)).await;
            added.expect("an instance").id
        } else {
            token
        };
        let sight = Sight {
            cloud_id: Some(cloud_id),
            ..Sight::of(Power::Running)
        };
        let seen = store::servers::observe(&mut session, server.id, &sight).await;
        seen.expect("notes");
        store::traffic::begin(&mut session, server.id)
            .await
            .expect("begins");
        let organisation = self.actor.organisation.id;
        let server = store::servers::by_id(&mut session, organisation, server.id).await;
        session.commit().await.expect("commits");
        server.expect("a server")
    }

    async fn last(&self, server: &Server) -> Reading {
        let mut session = self.app.store.read().await.expect("a session");
        let last = store::traffic::last(&mut session, server.id).await;
        last.expect("reads").expect("it was begun")
    }
}

fn settings(sandbox: &Path) -> Settings {
    Settings {
        sandbox: Some(sandbox.to_owned()),
        sample_every: Duration::from_millis(100),
        ..Settings::default()
    }
}

async fn open(database: &Database, folder: &Path) -> Store {
    let location = match database.url() {
        Some(url) => url.parse().expect("a URL"),
        None => Location::Sqlite(folder.join("arcus.db")),
    };
    let sealer = Sealer::open(&folder.join("keys")).expect("keys");
    Store::open(&location, sealer, Clock::System, Schema::Migrate)
        .await
        .expect("opens")
}

async fn organisation(session: &mut Session, slug: &str) -> Actor {
    let organisation = store::accounts::create_organisation(session, slug, slug)
        .await
        .expect("creates");
    let new = NewUser {
        organisation_id: organisation.id,
        email: &format!("{slug}@example.com"),
        user_name: slug,
        password_hash: "x",
        role: Role::Owner,
    };
    let user_id = store::accounts::create_user(session, &new)
        .await
        .expect("creates");
    Actor {
        organisation,
        user_id,
        user_name: slug.to_owned(),
        role: Role::Owner,
        facade: "test",
        request_id: "r".to_owned(),
    }
}

fn region(cloud: &str, options: Map<String, Value>) -> HouseRegion {
    HouseRegion {
        slug: cloud.to_owned(),
        name: cloud.to_owned(),
        cloud: cloud.to_owned(),
        options,
        credentials: Credentials::default(),
        country: String::new(),
        overcommit: Overcommit::default(),
        open: true,
        source: "test".to_owned(),
    }
}

fn plan() -> Plan {
    Plan {
        slug: "eos1".to_owned(),
        family: String::new(),
        cpus: 1,
        memory_mib: 1024,
        disk_gib: 20,
        bandwidth_tb: 1,
        hourly: Money(0),
        monthly: Money(0),
        open: true,
    }
}

async fn an_account_that_never_answers_keeps_no_other_from_being_read_again_and_again(
    scene: Scene,
) {
    scene.server("incus").await;
    let server = scene.server(SANDBOX).await;
    let shutdown = CancellationToken::new();
    let metering = tokio::spawn(run(scene.app.clone(), shutdown.clone()));
    let deadline = Instant::now() + PATIENCE;
    let mut counts = vec![scene.last(&server).await.counted.received];
    while counts.len() < 4 {
        assert!(Instant::now() < deadline, "it was read {counts:?}");
        let now = scene.last(&server).await.counted.received;
        if counts.last() != Some(&now) {
            counts.push(now);
        }
        tokio::task::yield_now().await;
    }
    shutdown.cancel();
    metering.await.expect("it ends");
}

async fn two_who_read_at_once_count_once_and_the_owner_sees_it(scene: Scene) {
    let server = scene.server(SANDBOX).await;
    let other = scene.replica().await;
    // What the server's counters say has gone through since it was made.
    let account = scene.app.account(&scene.provider, SANDBOX).await;
    let account = account.expect("opens");
    for _ in 0..20 {
        tokio::join!(
            sample_one(&scene.app, &account, &server),
            sample_one(&other, &account, &server),
        );
    }
    let counted = scene.last(&server).await.counted;
    assert!(counted.received > 0, "{counted:?}");
    let usage = servers::usage(&scene.app, &scene.actor, server.id).await;
    let usage = usage.expect("is shown");
    let sum = |used: &[servers::Used]| used.iter().map(|used| used.bytes).sum::<u64>();
    assert_eq!(sum(&usage.incoming), counted.received);
    assert_eq!(sum(&usage.outgoing), counted.sent);
}

async fn the_traffic_of_another_organisations_server_is_not_found(scene: Scene) {
    let server = scene.server(SANDBOX).await;
    let mut session = scene.app.store.write().await.expect("a session");
    let stranger = organisation(&mut session, "stranger").await;
    session.commit().await.expect("commits");
    let error = servers::usage(&scene.app, &stranger, server.id).await;
    assert_eq!(error.expect_err("is refused").kind(), ErrorKind::NotFound);
}

async fn an_instance_that_bears_another_token_is_not_read(scene: Scene) {
    let server = scene.server(SANDBOX).await;
    let account = scene.app.account(&scene.provider, SANDBOX).await;
    let account = account.expect("opens");
    let id = scene.world.instances().await.expect("lists")[0].id.clone();
    let at = InstanceRef {
        region: SANDBOX.to_owned(),
        id,
    };
    let before = scene.last(&server).await;
    for (token, is_read) in [(random::hex::<16>(), false), (server.token.clone(), true)] {
        let installation = scene.app.installation.clone();
        let tag = Tag {
            installation,
            token,
        };
        account.cloud.adopt(&at, &tag).await.expect("adopts");
        sample_one(&scene.app, &account, &server).await;
        assert_eq!(scene.last(&server).await != before, is_read);
    }
}
