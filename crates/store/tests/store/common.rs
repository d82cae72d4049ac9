//! Stores on both databases for tests, and the rows that most of them need.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::account::Actor;
use domain::credentials::Credentials;
use domain::environment::{Environment, Provider};
use domain::operation::{Operation, OperationKind};
use domain::server::Server;
use domain::{Clock, Money, Plan, Role, UserId};
use store::accounts::NewUser;
use store::environments::NewEnvironment;
use store::operations::NewOperation;
use store::servers::NewServer;
use store::{Sealer, Session, Store};
use testkit::Database;

/// One test on both databases.
macro_rules! on_both {
    ($(async fn $name:ident($world:ident: World) $body:block)+) => {$(
        async fn $name($world: $crate::common::World) $body

        mod $name {
            #[tokio::test]
            async fn on_sqlite() {
                super::$name($crate::common::World::new(testkit::Database::sqlite()).await).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                super::$name($crate::common::World::new(testkit::Database::postgres().await).await).await;
            }
        }
    )+};
}
pub(crate) use on_both;

/// A store with a clock that stands still, an organisation, its owner and a provider.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) database: Database,
    pub(crate) actor: Actor,
    pub(crate) provider: Provider,
    clock: Arc<AtomicI64>,
    folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new(database: Database) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(AtomicI64::new(1_800_000_000_000_000));
        let store = open(&database, folder.path(), &clock).await;
        let mut session = store.write().await.expect("a session");
        let actor = organisation(&mut session, "acme").await;
        let credentials = Credentials::default().with("client_key", "hunter2hunter2");
        let provider = store::providers::create(
            &mut session,
            actor.organisation.id,
            "cloud",
            "incus",
            &credentials,
        )
        .await
        .expect("a provider");
        session.commit().await.expect("commits");
        Self {
            store,
            database,
            actor,
            provider,
            clock,
            folder,
        }
    }

    /// Where the database is, on SQLite.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// A second store on the same database, as another replica has it.
    pub(crate) async fn replica(&self) -> Store {
        open(&self.database, self.folder.path(), &self.clock).await
    }

    pub(crate) fn location(&self) -> store::dialect::Location {
        location(&self.database, self.folder.path())
    }

    pub(crate) fn pass(&self, duration: Duration) {
        let micros = i64::try_from(duration.as_micros()).expect("fits");
        self.clock.fetch_add(micros, Ordering::SeqCst);
    }

    pub(crate) async fn write(&self) -> Session {
        self.store.write().await.expect("a session")
    }

    pub(crate) async fn read(&self) -> Session {
        self.store.read().await.expect("a session")
    }

    pub(crate) async fn environment(&self, name: &str) -> Environment {
        let mut session = self.write().await;
        let organisation_id = self.actor.organisation.id;
        let applications = store::applications::list(&mut session, organisation_id)
            .await
            .expect("lists");
        let new = NewEnvironment {
            organisation_id,
            application_id: applications[0].id,
            provider_id: self.provider.id,
            name,
            region: "local",
            integrations: &[],
        };
        let environment = store::environments::create(&mut session, &new)
            .await
            .expect("creates");
        session.commit().await.expect("commits");
        environment
    }

    pub(crate) async fn server(&self, environment: Option<&Environment>, name: &str) -> Server {
        let mut session = self.write().await;
        let new = NewServer {
            environment_id: environment.map(|environment| environment.id),
            provider_id: self.provider.id,
            region: "local",
            name,
            cloud_name: &format!("acme-{name}-{}", domain::random::hex::<3>()),
            token: &domain::random::hex::<16>(),
            plan: &plan(),
            image: "debian-12",
            login_user: "root",
            hostname: "",
            public_keys: &[],
            user_data: None,
            snapshot_id: None,
            packages: &["nginx".to_owned()],
            tags: &serde_json::Map::new(),
        };
        let server = store::servers::create(&mut session, &self.actor, &new)
            .await
            .expect("creates");
        session.commit().await.expect("commits");
        server
    }

    pub(crate) async fn operation(
        &self,
        server: &Server,
        kind: OperationKind,
        lane: &str,
    ) -> Operation {
        let mut session = self.write().await;
        let new = NewOperation {
            kind,
            server_id: server.id,
            organisation_id: self.actor.organisation.id,
            actor: Some(self.actor.user_id),
            facade: "test",
            lane,
            input: &serde_json::json!({}),
            secret: None,
        };
        let operation = store::operations::enqueue(&mut session, &new)
            .await
            .expect("queues");
        session.commit().await.expect("commits");
        operation
    }

    pub(crate) async fn claim(&self, owner: &str, limit: usize) -> Vec<Operation> {
        let mut session = self.write().await;
        let lease = Duration::from_secs(10);
        let claimed = store::operations::claim(&mut session, "lane", owner, lease, limit)
            .await
            .expect("claims");
        session.commit().await.expect("commits");
        claimed
    }
}

pub(crate) fn plan() -> Plan {
    Plan {
        slug: "eos1".to_owned(),
        family: "General Purpose".to_owned(),
        cpus: 1,
        memory_mib: 1024,
        disk_gib: 20,
        bandwidth_tb: 1,
        hourly: Money(7_400),
        monthly: Money(5_000_000),
        open: true,
    }
}

pub(crate) async fn organisation(session: &mut Session, slug: &str) -> Actor {
    let organisation = store::accounts::create_organisation(session, slug, slug)
        .await
        .expect("creates");
    let email = format!("{slug}@example.com");
    let new = NewUser {
        organisation_id: organisation.id,
        email: &email,
        user_name: slug,
        password_hash: "x",
        role: Role::Owner,
    };
    let user_id: UserId = store::accounts::create_user(session, &new)
        .await
        .expect("creates");
    store::applications::create(session, organisation.id, "default", "custom", true)
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

fn location(database: &Database, folder: &std::path::Path) -> store::dialect::Location {
    match database.url() {
        Some(url) => url.parse().expect("a URL"),
        None => store::dialect::Location::Sqlite(folder.join("arcus.db")),
    }
}

async fn open(database: &Database, folder: &std::path::Path, clock: &Arc<AtomicI64>) -> Store {
    let location = location(database, folder);
    let sealer = Sealer::open(&folder.join("keys")).expect("keys");
    Store::open(
        &location,
        sealer,
        Clock::Manual(Arc::clone(clock)),
        store::Schema::Migrate,
    )
    .await
    .expect("opens")
}
