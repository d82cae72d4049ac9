//! Arcus in this process, on either database, with a region of the operator's that is simulated; and its customers.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::Poll;
use std::time::Duration;

use control::billing::{self, BillingSettings, Deposit};
use control::{App, Settings};
use domain::account::Actor;
use domain::billing::{Charge, Month};
use domain::credentials::Credentials;
use domain::environment::Provider;
use domain::ledger::{Invoice, Notice, Transaction};
use domain::offer::Overcommit;
use domain::server::{Desired, Power, Server, Setup};
use domain::{Clock, Money, Plan, Result, Role, ServerId, Timestamp};
use store::accounts::NewUser;
use store::house::HouseRegion;
use store::servers::{NewServer, Sight};
use store::{Schema, Sealer, Session, Store};
use testkit::Database;

/// One test on both databases.
macro_rules! on_both {
    ($(async fn $name:ident($house:ident: House) $body:block)+) => {$(
        async fn $name($house: $crate::common::House) $body

        mod $name {
            use crate::common::{House, free};

            #[tokio::test]
            async fn on_sqlite() {
                super::$name(House::new(testkit::Database::sqlite(), free()).await).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                super::$name(House::new(testkit::Database::postgres().await, free()).await).await;
            }
        }
    )+};
}
pub(crate) use on_both;

/// The region's slug.
pub(crate) const REGION: &str = "sandbox";

/// The operator's side.
pub(crate) struct House {
    pub(crate) app: App,
    pub(crate) settings: Settings,
    clock: Arc<AtomicI64>,
    database: Database,
    folder: tempfile::TempDir,
}

/// An organisation with its first user, and its provider for the operator's regions.
pub(crate) struct Customer {
    pub(crate) actor: Actor,
    pub(crate) provider: Provider,
}

/// As it comes, but that nobody is given anything.
pub(crate) fn free() -> Settings {
    Settings {
        billing: BillingSettings {
            starting_credit: Money(0),
            ..BillingSettings::default()
        },
        ..Settings::default()
    }
}

/// The first moment of a month.
pub(crate) fn month(month: &str) -> Timestamp {
    month.parse::<Month>().expect("a month").begins()
}

impl House {
    pub(crate) async fn new(database: Database, settings: Settings) -> Self {
        // Where nothing is written to a disk, as many histories as possible.
        let memory = PathBuf::from("/dev/shm");
        let folder = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        let folder = folder.expect("a folder");
        let settings = Settings {
            sandbox: Some(folder.path().join("sandbox.db")),
            ..settings
        };
        let clock = Arc::new(AtomicI64::new(month("2027-03").0));
        let app = open(&database, &folder, &clock, settings.clone()).await;
        let mut session = app.store.write().await.expect("a session");
        control::catalog::defaults::seed(&mut session)
            .await
            .expect("seeds");
        let region = HouseRegion {
            slug: REGION.to_owned(),
            name: "Here".to_owned(),
            cloud: "sandbox".to_owned(),
            options: serde_json::Map::new(),
            credentials: Credentials::default(),
            country: String::new(),
            overcommit: Overcommit::default(),
            open: true,
            source: "cli".to_owned(),
        };
        store::house::put_region(&mut session, &region)
            .await
            .expect("is put");
        session.commit().await.expect("commits");
        Self {
            app,
            settings,
            clock,
            database,
            folder,
        }
    }

    /// Another replica: another process, but for the clock.
    pub(crate) async fn replica(&self) -> App {
        self.replica_with(self.settings.clone()).await
    }

    /// The same with other settings, as after a restart.
    pub(crate) async fn replica_with(&self, settings: Settings) -> App {
        open(&self.database, &self.folder, &self.clock, settings).await
    }

    /// The same with another clock, as on another machine.
    pub(crate) async fn with_clock(&self, clock: Clock) -> App {
        open_by(&self.database, &self.folder, clock, self.settings.clone()).await
    }

    /// The database itself.
    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.clock.load(Ordering::SeqCst))
    }

    pub(crate) fn set(&self, now: Timestamp) {
        self.clock.store(now.0, Ordering::SeqCst);
    }

    pub(crate) fn pass(&self, duration: Duration) {
        self.set(self.now().plus(duration));
    }

    pub(crate) async fn customer(&self, slug: &str) -> Customer {
        let mut session = self.write().await;
        let customer = registered(&mut session, slug).await;
        session.commit().await.expect("commits");
        customer
    }

    pub(crate) async fn write(&self) -> Session {
        self.app.store.write().await.expect("a session")
    }

    pub(crate) async fn read(&self) -> Session {
        self.app.store.read().await.expect("a session")
    }

    /// A server that runs, as the runner leaves it.
    pub(crate) async fn server(&self, customer: &Customer, plan: &Plan) -> Server {
        let mut session = self.write().await;
        let server = asked_for(&mut session, customer, plan).await;
        made(&mut session, server.id).await;
        session.commit().await.expect("commits");
        self.seen(&server).await
    }

    /// A server as it is now.
    pub(crate) async fn seen(&self, server: &Server) -> Server {
        let mut session = self.read().await;
        store::servers::by_id(&mut session, server.organisation_id, server.id)
            .await
            .expect("is there")
    }

    pub(crate) async fn destroy(&self, server: ServerId) {
        let mut session = self.write().await;
        ended(&mut session, server).await;
        session.commit().await.expect("commits");
    }

    pub(crate) async fn resize(&self, server: ServerId, plan: &Plan) {
        let mut session = self.write().await;
        store::servers::set_plan(&mut session, server, plan)
            .await
            .expect("writes");
        store::billing::change(&mut session, server)
            .await
            .expect("changes");
        session.commit().await.expect("commits");
    }

    pub(crate) async fn pay(&self, customer: &Customer, amount: i64) -> Transaction {
        let deposit = deposit(customer, amount);
        billing::payment(&self.app, &deposit).await.expect("pays")
    }

    pub(crate) async fn charge(&self) -> usize {
        billing::charge_due(&self.app).await.expect("charges").hours
    }

    pub(crate) async fn balance(&self, customer: &Customer) -> Money {
        billing::balance(&self.app, customer.actor.organisation.id)
            .await
            .expect("is known")
    }

    pub(crate) async fn transactions(&self, customer: &Customer) -> Vec<Transaction> {
        billing::transactions(&self.app, &customer.actor)
            .await
            .expect("are known")
    }

    pub(crate) async fn invoices(&self, customer: &Customer) -> Vec<Invoice> {
        billing::invoices(&self.app, &customer.actor)
            .await
            .expect("are known")
    }

    pub(crate) async fn notices(&self, customer: &Customer) -> Vec<Notice> {
        let organisation = customer.actor.organisation.id;
        store::notices::recent(&mut self.read().await, organisation, Timestamp(0))
            .await
            .expect("are known")
    }

    pub(crate) async fn charges(&self, server: ServerId) -> Vec<Charge> {
        store::charges::of_server_for_test(&mut self.read().await, server)
            .await
            .expect("are known")
    }

    /// Panics unless the whole ledger adds up.
    pub(crate) async fn assert_adds_up(&self) {
        let wrong = store::ledger::verify(&mut self.read().await).await;
        assert_eq!(wrong.expect("is walked"), None);
    }
}

pub(crate) fn deposit(customer: &Customer, amount: i64) -> Deposit<'static> {
    Deposit {
        organisation: customer.actor.organisation.id,
        amount: Money(amount),
        description: "paid",
        by: "test",
        once: None,
    }
}

/// A customer who has just registered.
pub(crate) async fn registered(session: &mut Session, slug: &str) -> Customer {
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
    store::applications::create(session, organisation.id, "default", "custom", true)
        .await
        .expect("creates");
    let nothing = Credentials::default();
    let provider =
        store::providers::create(session, organisation.id, "house", "arcus", &nothing).await;
    Customer {
        actor: Actor {
            organisation,
            user_id,
            user_name: slug.to_owned(),
            role: Role::Owner,
            facade: "test",
            request_id: "r".to_owned(),
        },
        provider: provider.expect("creates"),
    }
}

/// A server that was asked for.
pub(crate) async fn asked_for(session: &mut Session, customer: &Customer, plan: &Plan) -> Server {
    let name = domain::random::hex::<6>();
    let new = NewServer {
        environment_id: None,
        provider_id: customer.provider.id,
        region: REGION,
        name: &name,
        cloud_name: &name,
        token: &domain::random::hex::<16>(),
        plan,
        image: "debian-12",
        login_user: "root",
        hostname: "",
        public_keys: &[],
        user_data: None,
        snapshot_id: None,
        packages: &[],
        tags: &serde_json::Map::new(),
    };
    store::servers::create(session, &customer.actor, &new)
        .await
        .expect("creates")
}

/// Its instance is there, as an operation notes it.
pub(crate) async fn made(session: &mut Session, server: ServerId) {
    let sight = Sight {
        cloud_id: Some(format!("i-{server}")),
        ..Sight::of(Power::Running)
    };
    store::servers::observe(session, server, &sight)
        .await
        .expect("observes");
    store::servers::set_setup(session, server, Setup::Ready, None)
        .await
        .expect("writes");
    store::billing::begin(session, server)
        .await
        .expect("begins");
}

/// Its owner has asked for its end, and its cloud says that it is gone.
pub(crate) async fn ended(session: &mut Session, server: ServerId) {
    store::servers::want(session, server, Desired::Destroyed)
        .await
        .expect("writes");
    store::billing::end(session, server).await.expect("ends");
    store::servers::mark_destroyed(session, server)
        .await
        .expect("marks");
}

/// Lets something go on for so many steps, and drops it where it is then; whether it had come to its end.
pub(crate) async fn cut_off<T>(polls: i64, work: impl Future<Output = T>) -> bool {
    let mut work = pin!(work);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        work.as_mut().poll(context).map(|_| true)
    })
    .await
}

pub(crate) fn plan(hourly: i64, monthly: i64) -> Plan {
    Plan {
        slug: format!("p{hourly}-{monthly}"),
        family: "General Purpose".to_owned(),
        cpus: 1,
        memory_mib: 1024,
        disk_gib: 20,
        bandwidth_tb: 1,
        hourly: Money(hourly),
        monthly: Money(monthly),
        open: true,
    }
}

async fn open(
    database: &Database,
    folder: &tempfile::TempDir,
    clock: &Arc<AtomicI64>,
    settings: Settings,
) -> App {
    open_by(database, folder, Clock::Manual(Arc::clone(clock)), settings).await
}

async fn open_by(
    database: &Database,
    folder: &tempfile::TempDir,
    clock: Clock,
    settings: Settings,
) -> App {
    let location = match database.url() {
        Some(url) => url.parse().expect("a URL"),
        None => store::dialect::Location::Sqlite(folder.path().join("arcus.db")),
    };
    let sealer = Sealer::open(&folder.path().join("keys")).expect("keys");
    let store: Result<_> = Store::open(&location, sealer, clock, Schema::Migrate).await;
    App::new(store.expect("opens"), settings)
        .await
        .expect("starts")
}
