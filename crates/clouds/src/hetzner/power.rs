//! Switching on and off, and the way out: retire and destroy.
//!
//! `start`, `stop`, `reboot` and `destroy` return when Hetzner has accepted them; how they end is for `wait`. What must stay
//! true: what is already so is a success, so that each can be sent again after a crash.

use std::time::Duration;

use reqwest::Method;

use super::actions::USUAL_LIMIT;
use super::wire::Server;
use super::{Hetzner, errors, labels, servers};
use crate::cloud::{Cloud, CloudError, CloudResult, ErrorClass, InstanceRef, Until};
use crate::pauses::Patience;

/// How long a system has to shut down by itself where something else needs it off.
const GRACE: Duration = Duration::from_secs(60);
/// How long switching off by force may take.
const CUT_LIMIT: Duration = Duration::from_mins(5);

// === impl Hetzner ===

impl Hetzner {
    pub(super) async fn start_server(&self, at: &InstanceRef) -> CloudResult<()> {
        let server = self.describe(at).await?;
        if !server.is_off() {
            return Ok(());
        }
        self.switch(at, &server, "poweron").await
    }

    pub(super) async fn stop_server(&self, at: &InstanceRef, force: bool) -> CloudResult<()> {
        let server = self.describe(at).await?;
        if server.is_off() {
            return Ok(());
        }
        let kind = if force { "poweroff" } else { "shutdown" };
        self.switch(at, &server, kind).await
    }

    pub(super) async fn reboot_server(&self, at: &InstanceRef) -> CloudResult<()> {
        let server = self.describe(at).await?;
        let kind = if server.is_off() { "poweron" } else { "reboot" };
        self.switch(at, &server, kind).await
    }

    /// The digits at the end of its host name stay those of its token.
    pub(super) async fn retire_server(
        &self,
        at: &InstanceRef,
        name: &str,
    ) -> CloudResult<InstanceRef> {
        let mut server = self.describe(at).await?;
        if labels::shown(&server.name, &server.labels) != name {
            let unique =
                labels::owner(&server.labels).map_or_else(|| at.id.clone(), |tag| tag.token);
            labels::put_name(&mut server.labels, name);
            let hostname = labels::hostname(name, &unique);
            self.put(at, Some(&hostname), &server.labels).await?;
        }
        Ok(at.clone())
    }

    pub(super) async fn destroy_server(&self, at: &InstanceRef) -> CloudResult<()> {
        match self.delete_server(labels::id(at)?).await {
            Err(error) if error.class == ErrorClass::NotFound => Ok(()),
            deleted => deleted,
        }
    }

    /// As soon as the server is not locked.
    pub(super) async fn delete_server(&self, id: u64) -> CloudResult<()> {
        let id = id.to_string();
        let path = ["servers", id.as_str()];
        let mut patience = Patience::new();
        loop {
            let deleted = self.client.change(Method::DELETE, &path, None).await;
            let busy = errors::is_busy(deleted.as_ref().err());
            if patience.again(busy).await.is_none() {
                return deleted;
            }
        }
    }

    /// Asks the system to shut down, and cuts its power where it doesn't; waits until it is off.
    pub(super) async fn shut_down(&self, at: &InstanceRef, server: &Server) -> CloudResult<()> {
        if server.is_off() {
            return Ok(());
        }
        let action = self.begin(server.id, "shutdown", None).await?;
        match self.finish(&action, GRACE).await {
            // It has been told, and takes its time.
            Ok(()) => match self.wait(at, Until::Stopped, GRACE).await {
                Ok(_) => Ok(()),
                Err(error) if error.class == ErrorClass::Unavailable => self.cut(at).await,
                Err(error) => Err(error),
            },
            // It could not be told, or not in time.
            Err(error) if is_open(&error) => self.cut(at).await,
            Err(error) => Err(error),
        }
    }

    /// Cuts the power of what is on, and waits until it is off.
    pub(super) async fn cut(&self, at: &InstanceRef) -> CloudResult<()> {
        let server = self.describe(at).await?;
        if server.is_off() {
            return Ok(());
        }
        let action = self.begin(server.id, "poweroff", None).await?;
        self.finish(&action, USUAL_LIMIT).await?;
        self.wait(at, Until::Stopped, CUT_LIMIT).await.map(drop)
    }

    async fn switch(&self, at: &InstanceRef, server: &Server, kind: &str) -> CloudResult<()> {
        let begun = self.begin(server.id, kind, None).await;
        begun.map(drop).map_err(|error| servers::gone(error, at))
    }
}

/// The system was asked, and is not off for that.
fn is_open(error: &CloudError) -> bool {
    matches!(
        error.class,
        ErrorClass::Rejected | ErrorClass::OutcomeUnknown
    )
}
