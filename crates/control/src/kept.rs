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
    /// A moment after this call.
    ///
    /// Errors: those of the database.
    pub async fn now(app: &App) -> Result<Self> {
        app.version().await.map(Self)
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
        if let Some(kept) = self.values.get(key)
            && kept.version == at.0
        {
            return Ok(kept.value);
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

// === impl Weights ===

impl<K, V> Weighter<K, Entry<V>> for Weights<V> {
    fn weight(&self, _: &K, entry: &Entry<V>) -> u64 {
        (self.0)(&entry.value)
    }
}
