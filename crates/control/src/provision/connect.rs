//! A connection to a server that is booting: patient at first, and made again when it breaks.
//!
//! Used by the steps of [`install`](super::install), which bounds all of it by its own time limit. What must stay
//! true: the host key of the first login is the only one that later connections accept; a command may run twice, so
//! all of them are safe to repeat.

use std::time::Duration;

use ssh::{ErrorClass, Output, Session, SshError, Target};
use tokio::time::{Instant, sleep};

/// One try to connect.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(10);

/// For how long a refused login may be one that cloud-init has yet to allow.
const REFUSED_LIMIT: Duration = Duration::from_mins(1);

/// Newer sshd shuts out an address that fails to log in more often than this.
const REFUSED_PAUSE: Duration = Duration::from_secs(5);

/// A server, and the connection to it where there is one.
pub struct Guest {
    target: Target,
    session: Option<Session>,
}

// === impl Guest ===

impl Guest {
    pub(super) fn new(target: Target) -> Self {
        Self {
            target,
            session: None,
        }
    }

    /// The host key that is pinned: by the caller, or at the first login.
    pub fn host_key(&self) -> Option<&str> {
        self.target.host_key.as_deref()
    }

    /// Connects, again and again until the server lets us in or it is clear that it won't.
    pub(super) async fn connect(&mut self) -> Result<&Session, SshError> {
        if let Some(session) = self.session.take() {
            return Ok(self.session.insert(session));
        }
        let begun = Instant::now();
        let mut refused_since = None;
        loop {
            let pause = pause_after(begun.elapsed());
            let error = match Session::connect(&self.target, ATTEMPT_LIMIT).await {
                Ok(session) => {
                    self.target
                        .host_key
                        .get_or_insert_with(|| session.host_key().to_owned());
                    return Ok(self.session.insert(session));
                }
                Err(error) => error,
            };
            match error.class {
                ErrorClass::HostKeyChanged | ErrorClass::Failed => return Err(error),
                ErrorClass::AuthRefused => {
                    if refused_since.get_or_insert_with(Instant::now).elapsed() > REFUSED_LIMIT {
                        return Err(error);
                    }
                    sleep(REFUSED_PAUSE).await;
                }
                ErrorClass::Unreachable | ErrorClass::TimedOut => sleep(pause).await,
            }
        }
    }

    /// Runs a command as root, over a new connection where the old one broke.
    pub(super) async fn run(
        &mut self,
        command: &str,
        limit: Duration,
        mut on_line: impl FnMut(&str) + Send,
    ) -> Result<Output, SshError> {
        loop {
            let session = self.connect().await?;
            let command = session.as_root(command);
            match session.run(&command, None, limit, &mut on_line).await {
                Err(error) if error.class == ErrorClass::Unreachable => {
                    self.session = None;
                    sleep(pause_after(Duration::ZERO)).await;
                }
                result => return result,
            }
        }
    }
}

/// Short pauses while a boot may end at any moment, longer ones when it clearly takes its time.
fn pause_after(waited: Duration) -> Duration {
    (waited / 16).clamp(Duration::from_millis(100), Duration::from_secs(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_the_time_waited_and_stay_bounded() {
        let pause = |secs| pause_after(Duration::from_secs(secs)).as_millis();
        assert_eq!(
            [pause(0), pause(4), pause(16), pause(600)],
            [100, 250, 1000, 2000]
        );
    }
}
