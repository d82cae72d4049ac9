//! Group commit for SQLite: short writes that many want at the same time are made in one transaction.
//!
//! Called by the workers of operations, of which hundreds have a step to record at once. PostgreSQL does the like by itself,
//! with many transactions at once; one that took up several would hold locks in an order of its own. What must stay true:
//! whoever is told that it is done is told so after the commit; a write that fails takes none of the others along; and
//! nothing waits for company: what comes while nobody writes is written at once.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{Error, ErrorKind, Result};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::oneshot;

use crate::session::{Session, Store};

/// A write that can be made once more, where the transaction that it stood in came to nothing.
pub type Write = Box<dyn for<'a> Fn(&'a mut Session) -> BoxFuture<'a, Result<()>> + Send + Sync>;

/// The most that one transaction takes up: whoever wants to write something else waits for it.
const MOST: usize = 64;

/// What waits to be written, and whose turn it is.
#[derive(Clone, Default)]
pub(crate) struct Group {
    waiting: Arc<Mutex<Vec<Waiting>>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

struct Waiting {
    write: Write,
    done: oneshot::Sender<Result<()>>,
}

/// Why a transaction came to nothing.
enum Failed {
    /// One of the writes can't be made.
    Write(Error),
    /// The database does not begin or end one.
    Database(Error),
}

// === impl Group ===

impl Group {
    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next ones, in the order in which they came.
    fn next(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting();
        let count = waiting.len().min(MOST);
        waiting.drain(..count).collect()
    }
}

// === impl Store ===

impl Store {
    /// Makes a write last, on SQLite together with those of others who ask at the same time. Where the caller stops waiting,
    /// it may be made or not.
    ///
    /// Errors: those of `write`, and of the transaction.
    pub async fn write_together(&self, write: Write) -> Result<()> {
        let Some(group) = self.group() else {
            return self.written(&[&write]).await.map_err(Failed::error);
        };
        let (done, mut told) = oneshot::channel();
        group.waiting().push(Waiting { write, done });
        loop {
            let turn = Arc::clone(&group.turn);
            tokio::select! {
                biased;
                told = &mut told => return told.unwrap_or_else(|_| Err(given_up())),
                turn = turn.lock_owned() => {
                    let (store, all) = (self.clone(), group.next());
                    // A task of its own: whoever stops waiting stops nobody else's write.
                    let writing = tokio::spawn(async move {
                        store.write_all(all).await;
                        drop(turn);
                    });
                    writing.await.map_err(|_| given_up())?;
                }
            }
        }
    }

    async fn write_all(&self, all: Vec<Waiting>) {
        let writes: Vec<_> = all.iter().map(|waiting| &waiting.write).collect();
        let written = match self.written(&writes).await {
            Err(Failed::Write(error)) if all.len() > 1 => return self.one_by_one(all, error).await,
            written => written.map_err(Failed::error),
        };
        for waiting in all {
            // Whoever does not listen any more has stopped waiting.
            let _ = waiting.done.send(written.clone());
        }
    }

    /// Each for itself, so that the others are not taken along by the one that can't be made. Where it is the database that
    /// can't go on, the rest is not tried.
    async fn one_by_one(&self, all: Vec<Waiting>, mut error: Error) {
        let mut goes_on = is_about_the_write(&error);
        for Waiting { write, done } in all {
            let written = if goes_on {
                self.written(&[&write]).await
            } else {
                Err(Failed::Database(error.clone()))
            };
            match &written {
                Err(Failed::Database(why)) => (goes_on, error) = (false, why.clone()),
                Err(Failed::Write(why)) if !is_about_the_write(why) => {
                    (goes_on, error) = (false, why.clone());
                }
                _ => {}
            }
            let _ = done.send(written.map_err(Failed::error));
        }
    }

    async fn written(&self, writes: &[&Write]) -> Result<(), Failed> {
        let mut session = self.write().await.map_err(Failed::Database)?;
        for write in writes {
            let made = AssertUnwindSafe(write(&mut session)).catch_unwind().await;
            made.unwrap_or_else(|_| Err(given_up()))
                .map_err(Failed::Write)?;
        }
        session.commit().await.map_err(Failed::Database)
    }
}

/// Whether the fault is in what was to be written, as under a lease that is another's by now, and not in the database.
fn is_about_the_write(error: &Error) -> bool {
    error.kind() != ErrorKind::Unavailable
}

fn given_up() -> Error {
    Error::internal("a write was given up by the process that was making it")
}

// === impl Failed ===

impl Failed {
    fn error(self) -> Error {
        match self {
            Self::Write(error) | Self::Database(error) => error,
        }
    }
}
