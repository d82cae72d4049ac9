//! An Arcus in this process, behind HTTP like the real one, whose clock stands still until a test moves it.
//!
//! For what only time brings: tokens that die, invoices of a month that is over. Nobody works here: what is asked for stays
//! asked for, unless a test says what has become of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use api::MetricsAccess;
use control::{App, Settings, billing};
use domain::billing::Month;
use domain::credentials::Credentials;
use domain::offer::Overcommit;
use domain::server::{Power, Setup};
use domain::{Clock, ServerId};
use store::dialect::Location;
use store::house::HouseRegion;
use store::servers::Sight;
use store::{Schema, Sealer, Store};
use testkit::{Client, Database};
use tokio::net::TcpListener;

/// One test on both databases.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use testkit::Database;

            use crate::still::Still;

            #[tokio::test]
            async fn on_sqlite() {
                super::$name(Still::open(Database::sqlite()).await).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                super::$name(Still::open(Database::postgres().await).await).await;
            }
        }
    )+};
}
pub(crate) use on_both;

/// The running Arcus, with the region `ist2`.
pub(crate) struct Still {
    pub(crate) client: Client,
    app: App,
    clock: Arc<AtomicI64>,
    _database: Database,
    _folder: tempfile::TempDir,
}

// === impl Still ===

impl Still {
    /// At the beginning of a month.
    pub(crate) async fn open(database: Database) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let began_at = "2027-03".parse::<Month>().expect("a month").begins();
        let clock = Arc::new(AtomicI64::new(began_at.0));
        let location = match database.url() {
            Some(url) => url.parse().expect("a URL"),
            None => Location::Sqlite(folder.path().join("arcus.db")),
        };
        let sealer = Sealer::open(&folder.path().join("keys")).expect("keys");
        let manual = Clock::Manual(Arc::clone(&clock));
        let store = Store::open(&location, sealer, manual, Schema::Migrate).await;
        let settings = Settings {
            sandbox: Some(folder.path().join("sandbox.db")),
            ..Settings::default()
        };
        let app = App::new(store.expect("opens"), settings).await;
        let app = app.expect("an Arcus");
        let mut session = app.store.write().await.expect("a session");
        let seeded = control::catalog::defaults::seed(&mut session).await;
        seeded.expect("seeds");
        let put = store::house::put_region(&mut session, &region()).await;
        put.expect("a region");
        session.commit().await.expect("commits");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = api::router(app.clone(), MetricsAccess { token: None });
        // It ends with the test's runtime.
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            client: Client::new(&format!("http://{address}")),
            app,
            clock,
            _database: database,
            _folder: folder,
        }
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, duration: Duration) {
        let micros = i64::try_from(duration.as_micros()).expect("a while");
        self.clock.fetch_add(micros, Ordering::SeqCst);
    }

    /// A server that runs, as a worker leaves it.
    pub(crate) async fn server(&self, customer: &Client) -> i64 {
        let body = serde_json::json!({
            "name": "web", "region": "ist2", "package": "eos1", "image": "debian-12",
        });
        customer.post("/v1/server/create", &body).await.data();
        let list = customer.get("/v1/server/list").await.data();
        let id = list[0]["id"].as_i64().expect("an id");
        let sight = Sight {
            cloud_id: Some(format!("i-{id}")),
            ..Sight::of(Power::Running)
        };
        let mut session = self.app.store.write().await.expect("a session");
        let server = ServerId(id);
        let seen = store::servers::observe(&mut session, server, &sight).await;
        seen.expect("observes");
        let ready = store::servers::set_setup(&mut session, server, Setup::Ready, None).await;
        ready.expect("writes");
        let begun = store::billing::begin(&mut session, server).await;
        begun.expect("begins");
        session.commit().await.expect("commits");
        id
    }

    /// Charges what is due, and writes the invoices of the months that are over.
    pub(crate) async fn charge(&self) {
        billing::charge_due(&self.app).await.expect("charges");
    }
}

fn region() -> HouseRegion {
    HouseRegion {
        slug: "ist2".to_owned(),
        name: "Ist-02".to_owned(),
        cloud: "sandbox".to_owned(),
        options: serde_json::Map::new(),
        credentials: Credentials::default(),
        country: "TR".to_owned(),
        overcommit: Overcommit::default(),
        open: true,
        source: "cli".to_owned(),
    }
}
