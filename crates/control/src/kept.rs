//! Answers that are kept for as long as nothing is written to the database.
//!
//! Called where the same thing is asked for again and again, far more often than anything changes: by whom a login is, an
//! organisation's list. What must stay true: nobody is answered with what was true only before they asked, by whatever
//! process it was changed. So each request asks the database itself, once, whether anything was committed ([`Moment`]); those
//! who ask at the same time ask together. What is kept has a limit, and who is asked for least makes room.

use std::hash::Hash;

use domain::Result;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use store::version::Version;

use crate::app::App;
use crate::together::Together;

/// About how many entries are expected: what the cache has room for from the beginning.
const EXPECTED: usize = 128;

/// How the database stood at one moment of a request: what was kept of that version was still so then.
#[derive(Debug, Clone)]
pub struct Moment(Version);

/// Answers of one kind, by what they are of.
pub struct Kept<K: Eq + Hash, V> {
    together: Together<K, V>,
    values: Cache<K, Entry<V>, Weights<V>>,
}

#[derive(Clone)]
struct Entry<V> {
    // Of before the read: what was committed while it read makes the versions differ.
    version: Version,
    value: V,
}

#[derive(Clone)]
struct Weights<V>(fn(&V) -> u64);

// === impl Moment ===

impl Moment {
    /// A moment after this call. Where the database does not answer nothing that is kept was so then.
    pub async fn now(app: &App) -> Self {
        Self(app.version().await)
    }
}

// === impl Kept ===

impl<K: Eq + Hash + Clone, V: Clone> Kept<K, V> {
    /// Keeps answers whose weights, in bytes, are not above `most` together.
    pub fn new(most: u64, weight: fn(&V) -> u64) -> Self {
        Self {
            together: Together::default(),
            values: Cache::with_weighter(EXPECTED, most, Weights(weight)),
        }
    }

    /// What is kept where that was still so at this moment of the caller's request, else what `read` reads now.
    ///
    /// Errors: those of `read`.
    pub async fn get<F>(&self, at: &Moment, key: &K, read: impl FnOnce() -> F) -> Result<V>
    where
        F: Future<Output = Result<V>>,
    {
        if let Some(kept) = self.values.get(key) {
            if kept.version == at.0 {
                return Ok(kept.value);
            }
            self.values.remove(key);
        }
        let read_and_keep = || async {
            let value = read().await?;
            let entry = Entry {
                version: at.0.clone(),
                value: value.clone(),
            };
            self.values.insert(key.clone(), entry);
            Ok(value)
        };
        self.together.get(key.clone(), read_and_keep).await
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Kept<K, V> {
    /// Whether something is kept of it, be it so still or not.
    pub fn has(&self, key: &K) -> bool {
        self.values.contains_key(key)
    }
}

// === impl Weights ===

impl<K, V> Weighter<K, Entry<V>> for Weights<V> {
    fn weight(&self, _: &K, entry: &Entry<V>) -> u64 {
        (self.0)(&entry.value)
    }
}

#[cfg(test)]
mod tests {
    use domain::Clock;
    use store::dialect::Location;
    use store::{Schema, Sealer, Store};
    use testkit::Database;

    use super::*;
    use crate::app::Settings;

    async fn app(database: &Database, folder: &tempfile::TempDir) -> App {
        let location = match database.url() {
            Some(url) => url.parse().expect("a location"),
            None => Location::Sqlite(folder.path().join("arcus.db")),
        };
        let sealer = Sealer::open(&folder.path().join("keys")).expect("keys");
        let store = Store::open(&location, sealer, Clock::System, Schema::Migrate).await;
        let app = App::new(store.expect("a store"), Settings::default()).await;
        app.expect("an Arcus")
    }

    async fn write(app: &App, value: &str) {
        let mut session = app.store.write().await.expect("a session");
        let kept = store::settings::keep(&mut session, "value", value).await;
        kept.expect("writes");
        session.commit().await.expect("commits");
    }

    async fn read(app: &App) -> Result<String> {
        let mut session = app.store.read().await?;
        let value = store::settings::kept(&mut session, "value").await?;
        Ok(value.unwrap_or_default())
    }

    async fn what_is_written_while_it_is_read_is_seen_by_the_next(database: Database) {
        let folder = tempfile::tempdir().expect("a folder");
        let (app, other) = (app(&database, &folder).await, app(&database, &folder).await);
        let kept = Kept::new(1 << 20, |_| 1);
        for round in 0..10 {
            let new = format!("new {round}");
            write(&app, &format!("old {round}")).await;
            let at = Moment::now(&app).await;
            let torn = kept.get(&at, &(), || async {
                let value = read(&app).await;
                write(&other, &new).await;
                value
            });
            torn.await.expect("reads");
            let at = Moment::now(&app).await;
            let seen = kept.get(&at, &(), || read(&app)).await;
            assert_eq!(seen.expect("reads"), new);
        }
    }

    #[tokio::test]
    async fn what_is_written_while_it_is_read_is_seen_by_the_next_on_sqlite() {
        what_is_written_while_it_is_read_is_seen_by_the_next(Database::sqlite()).await;
    }

    #[tokio::test]
    async fn what_is_written_while_it_is_read_is_seen_by_the_next_on_postgres() {
        what_is_written_while_it_is_read_is_seen_by_the_next(Database::postgres().await).await;
    }

    #[tokio::test]
    async fn where_nothing_was_written_it_is_read_once_also_after_one_who_asked_has_hung_up() {
        let (database, folder) = (Database::sqlite(), tempfile::tempdir().expect("a folder"));
        let app = app(&database, &folder).await;
        let kept = Kept::new(1 << 20, |_| 1);
        let at = Moment::now(&app).await;
        let first = kept.get(&at, &(), || async { Ok(1) }).await;
        assert_eq!(first.expect("reads"), 1);
        for _ in 0..20 {
            let mut asking = Box::pin(Moment::now(&app));
            let _ = futures::poll!(asking.as_mut());
            drop(asking);
            let at = Moment::now(&app).await;
            let again = kept.get(&at, &(), || async { Ok(2) }).await;
            assert_eq!(again.expect("is kept"), 1);
        }
    }
}
