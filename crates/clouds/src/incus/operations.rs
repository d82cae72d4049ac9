//! Incus's background operations: beginning one, waiting for its end, and finding those under way.
//!
//! Most changes at Incus answer with an operation and go on by themselves; how they end stands in the operation alone,
//! and Incus forgets that after some five seconds. What must stay true: an end that was not seen is
//! [`ErrorClass::OutcomeUnknown`] for the one who began it, never a success.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::client::{Answer, Client, parsed};
use super::wire::{self, Operation};
use super::{Incus, errors};
use crate::cloud::{CloudError, CloudResult, ErrorClass};

/// For operations that only Incus's own disks and the guest's system delay.
pub(super) const USUAL_LIMIT: Duration = Duration::from_mins(5);
/// For operations that may fetch an image first.
pub(super) const DOWNLOAD_LIMIT: Duration = Duration::from_mins(20);

/// Operations that decide whether an instance runs; the failure of another one, such as a snapshot's, is no answer to
/// somebody who waits for that.
const POWER: &[&str] = &[
    "Creating instance",
    "Starting instance",
    "Stopping instance",
    "Restarting instance",
    "Deleting instance",
];

// === impl Client ===

impl Client {
    /// Begins an operation; `None` where Incus was done at once.
    pub(super) async fn begin(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> CloudResult<Option<Operation>> {
        begun(self.change(method, path, &[], body).await?)
    }

    /// Begins an operation and waits for its end.
    pub(super) async fn run(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
        limit: Duration,
    ) -> CloudResult<()> {
        match self.begin(method, path, body).await? {
            Some(operation) => self.finish(&operation, limit).await.map(drop),
            None => Ok(()),
        }
    }

    /// Waits for the end of an operation; its failure is the error.
    pub(super) async fn finish(
        &self,
        operation: &Operation,
        limit: Duration,
    ) -> CloudResult<Operation> {
        let wait = tokio::time::timeout(limit, self.wait_for::<Operation>(&operation.id));
        let Ok(ended) = wait.await else {
            let reason = format!("it is still at work after {} s", limit.as_secs());
            return Err(errors::lost(&reason, true));
        };
        match ended {
            Ok(ended) if ended.status_code == 200 => Ok(ended),
            Ok(ended) => Err(ended.failure()),
            Err(error) if errors::is_forgotten_operation(&error) => {
                Err(errors::lost("the operation ended unseen", true))
            }
            Err(error) => Err(error),
        }
    }
}

// === impl Incus ===

impl Incus {
    /// Waits for the operations that are under way on an instance. The failure of the last one is an error if it
    /// decides about power.
    pub(super) async fn settle(&self, id: &str) -> CloudResult<()> {
        match self.last_to_end(id).await? {
            Some(operation) if operation.failed() && operation.is_about_power() => {
                Err(operation.failure())
            }
            _ => Ok(()),
        }
    }

    /// [`settle`](Self::settle) for so long at the most.
    pub(super) async fn settle_within(&self, id: &str, limit: Duration) -> CloudResult<()> {
        within(limit, self.settle(id)).await
    }

    /// Waits until nothing is under way on an instance, however it ends, and for so long at the most: what Incus shows
    /// meanwhile it may still take back.
    pub(super) async fn quiet_within(&self, id: &str, limit: Duration) -> CloudResult<()> {
        within(limit, self.last_to_end(id)).await.map(drop)
    }

    /// Waits for the operations that are under way on an instance; the last one, if Incus still knows it.
    async fn last_to_end(&self, id: &str) -> CloudResult<Option<Operation>> {
        let mut unwaited: Option<(String, CloudError)> = None;
        loop {
            let Some(operation) = self.last_operation(id).await? else {
                return Ok(None);
            };
            if operation.is_over() {
                return Ok(Some(operation));
            }
            // The end of an operation that failed is an error too; the list tells it from a wait that failed.
            if let Some((id, error)) = unwaited.filter(|(id, _)| *id == operation.id) {
                tracing::debug!(operation = id, %error, "waiting for an operation of Incus failed");
                return Err(as_read(error));
            }
            let ended = self.client.wait_for::<Operation>(&operation.id).await;
            unwaited = ended.err().map(|error| (operation.id, error));
        }
    }

    /// The newest of the operations on an instance that Incus still knows and that did something to it; one under
    /// way before one that is over.
    async fn last_operation(&self, id: &str) -> CloudResult<Option<Operation>> {
        let by_status: Value = self
            .client
            .query(&["operations"], &[("recursion", "1")])
            .await?;
        let Value::Object(by_status) = by_status else {
            return Ok(None);
        };
        let operations = by_status
            .into_iter()
            .filter_map(|(_, list)| parsed::<Vec<Operation>>(list).ok())
            .flatten()
            .filter(|operation| operation.class == "task" && operation.works_on(id))
            .filter(|operation| !operation.had_no_effect());
        let age =
            |operation: &Operation| (!operation.is_over(), wire::timestamp(&operation.created_at));
        Ok(operations.max_by_key(age))
    }
}

// === impl Operation ===

impl Operation {
    fn is_over(&self) -> bool {
        self.status_code >= 200
    }

    fn failed(&self) -> bool {
        self.status_code >= 400
    }

    fn is_about_power(&self) -> bool {
        POWER
            .iter()
            .any(|words| self.description.starts_with(words))
    }

    fn works_on(&self, id: &str) -> bool {
        let addresses = self.resources.values().flatten();
        addresses
            .filter_map(|address| wire::instance_in(address))
            .any(|name| name == id)
    }

    /// Refused before it began, for what the instance is or does already.
    fn had_no_effect(&self) -> bool {
        const WORDS: &[&str] = &[
            "is busy",
            "matching non-reusable operation",
            "already running",
            "already stopped",
        ];
        self.failed()
            && (errors::is_taken(&self.failure())
                || WORDS.iter().any(|words| self.err.contains(words)))
    }

    /// Its codes are Incus's own and not HTTP's, so that only the words count.
    fn failure(&self) -> CloudError {
        errors::refused(500, &self.err, None)
    }
}

/// The operation in an answer, if there is one.
pub(super) fn begun(answer: Answer) -> CloudResult<Option<Operation>> {
    match answer {
        Answer::Done(_) => Ok(None),
        Answer::Began(operation) => parsed(operation).map(Some),
    }
}

async fn within<T>(
    limit: Duration,
    settling: impl Future<Output = CloudResult<T>>,
) -> CloudResult<T> {
    let settled = tokio::time::timeout(limit, settling).await;
    settled.unwrap_or_else(|_| Err(errors::lost("an operation goes on and on", false)))
}

/// A waiter changed nothing, so for it nothing is unknown.
fn as_read(mut error: CloudError) -> CloudError {
    if error.class == ErrorClass::OutcomeUnknown {
        error.class = ErrorClass::Unavailable;
    }
    error
}
