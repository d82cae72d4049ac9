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
pub(super) const USUAL_LIMIT: Duration = Duration::from_secs(5 * 60);
/// For operations that may fetch an image first.
pub(super) const DOWNLOAD_LIMIT: Duration = Duration::from_secs(20 * 60);

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
        loop {
            let last = self.last_operation(id).await?;
            let Some(operation) = last else { return Ok(()) };
            if operation.is_over() {
                return if operation.failed() && operation.is_about_power() {
                    Err(operation.failure())
                } else {
                    Ok(())
                };
            }
            match self.client.wait_for::<Operation>(&operation.id).await {
                Ok(_) => {}
                // Forgotten meanwhile: there is nothing left to wait for.
                Err(error) if errors::is_forgotten_operation(&error) => return Ok(()),
                Err(error) if operation.is_about_power() => return Err(as_read(error)),
                Err(_) => return Ok(()),
            }
        }
    }

    /// The newest of the operations on an instance that Incus still knows; one under way before one that is over.
    async fn last_operation(&self, id: &str) -> CloudResult<Option<Operation>> {
        let by_status: Value = self.client.query(&["operations"], &[("recursion", "1")]).await?;
        let by_status = match by_status {
            Value::Object(map) => map,
            _ => return Ok(None),
        };
        let operations = by_status
            .into_iter()
            .filter_map(|(_, list)| parsed::<Vec<Operation>>(list).ok())
            .flatten()
            .filter(|operation| operation.class == "task" && operation.works_on(id));
        Ok(operations.max_by_key(|operation| (!operation.is_over(), wire::timestamp(&operation.created_at))))
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
        POWER.iter().any(|words| self.description.starts_with(words))
    }

    fn works_on(&self, id: &str) -> bool {
        let addresses = self.resources.values().flatten();
        addresses.filter_map(|address| wire::instance_in(address)).any(|name| name == id)
    }

    fn failure(&self) -> CloudError {
        errors::refused(self.status_code, &self.err, None)
    }
}

/// The operation in an answer, if there is one.
pub(super) fn begun(answer: Answer) -> CloudResult<Option<Operation>> {
    match answer {
        Answer::Done(_) => Ok(None),
        Answer::Began(operation) => parsed(operation).map(Some),
    }
}

/// A waiter changed nothing, so for it nothing is unknown.
fn as_read(mut error: CloudError) -> CloudError {
    if error.class == ErrorClass::OutcomeUnknown {
        error.class = ErrorClass::Unavailable;
    }
    error
}
