//! What is counted, for `GET /metrics`.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Labels as `(name, value)` pairs; names are ours, so that their number stays bounded.
type Labels = Vec<(&'static str, String)>;

/// The metrics and the registry that prints them.
pub struct Metrics {
    registry: Registry,
    operations: Family<Labels, Counter>,
    retries: Family<Labels, Counter>,
    seconds: Family<Labels, Histogram, fn() -> Histogram>,
    requests: Family<Labels, Counter>,
    drift: Family<Labels, Counter>,
    queued: Gauge,
    running: Gauge,
    servers: Gauge,
    orphans: Gauge,
}

// === impl Metrics ===

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("arcus"),
            operations: Family::default(),
            retries: Family::default(),
            seconds: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.01, 2.0, 16))
            }),
            requests: Family::default(),
            drift: Family::default(),
            queued: Gauge::default(),
            running: Gauge::default(),
            servers: Gauge::default(),
            orphans: Gauge::default(),
        };
        let registry = &mut metrics.registry;
        registry.register(
            "operations",
            "Operations that ended, by kind and status",
            metrics.operations.clone(),
        );
        registry.register(
            "operation_retries",
            "Tries that were put off, by kind",
            metrics.retries.clone(),
        );
        registry.register(
            "operation_seconds",
            "From request to end, by kind",
            metrics.seconds.clone(),
        );
        registry.register(
            "http_requests",
            "Requests, by route and status",
            metrics.requests.clone(),
        );
        registry.register(
            "drift",
            "Differences found at a cloud, by what",
            metrics.drift.clone(),
        );
        registry.register(
            "operations_queued",
            "Operations that wait",
            metrics.queued.clone(),
        );
        registry.register(
            "operations_running",
            "Operations that run",
            metrics.running.clone(),
        );
        registry.register("servers", "Servers that live", metrics.servers.clone());
        registry.register(
            "orphans",
            "Instances that no server accounts for",
            metrics.orphans.clone(),
        );
        metrics
    }
}

impl Metrics {
    /// An operation ended.
    pub fn operation(&self, kind: &str, status: &str, seconds: f64) {
        let kind = ("kind", kind.to_owned());
        self.operations
            .get_or_create(&vec![kind.clone(), ("status", status.to_owned())])
            .inc();
        self.seconds.get_or_create(&vec![kind]).observe(seconds);
    }

    /// A try was put off.
    pub fn retry(&self, kind: &str) {
        self.retries
            .get_or_create(&vec![("kind", kind.to_owned())])
            .inc();
    }

    /// A request was answered. `route` must be one of a bounded number: `METHOD /path/{template}`.
    pub fn request(&self, route: &str, status: u16) {
        self.requests
            .get_or_create(&vec![
                ("route", route.to_owned()),
                ("status", status.to_string()),
            ])
            .inc();
    }

    /// A reconciler found a difference.
    pub fn drift(&self, what: &str) {
        self.drift
            .get_or_create(&vec![("what", what.to_owned())])
            .inc();
    }

    /// How many instances no server accounts for.
    pub fn set_orphans(&self, count: usize) {
        self.orphans.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// All of them in Prometheus's text format.
    pub async fn print(&self, store: &store::Store) -> domain::Result<String> {
        let mut session = store.read().await?;
        let (queued, running) = store::operations::counts(&mut session).await?;
        self.queued.set(queued);
        self.running.set(running);
        self.servers
            .set(store::servers::count_living(&mut session).await?);
        drop(session);
        let mut text = String::new();
        encode(&mut text, &self.registry).map_err(|error| {
            domain::Error::internal("the metrics can't be printed").source(error)
        })?;
        Ok(text)
    }
}
