//! Incus's stream of events: which instances changed, whoever changed them.
//!
//! `control`'s reconcilers read [`changes`] for as long as they live; `wait` opens a [`Listener`] for itself. What must
//! stay true: after a gap the stream says that anything may have changed, so that nothing is missed for good.

use std::collections::VecDeque;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio_tungstenite::tungstenite::Message;

use super::client::{Client, parsed};
use super::socket::Socket;
use super::wire::{Event, Lifecycle, instance_in};
use crate::cloud::{Change, CloudResult};

/// Incus pings every ten seconds: after this long without a word the connection is dead.
const SILENCE_LIMIT: Duration = Duration::from_secs(45);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What happens to an instance as a whole. Snapshots, commands, files and consoles change nothing that a list shows.
const ACTIONS: &[&str] = &[
    "instance-created",
    "instance-deleted",
    "instance-migrated",
    "instance-paused",
    "instance-ready",
    "instance-renamed",
    "instance-restarted",
    "instance-restored",
    "instance-resumed",
    "instance-shutdown",
    "instance-started",
    "instance-stopped",
    "instance-updated",
];

/// An open stream of events.
pub(super) struct Listener {
    socket: Socket,
}

/// Where [`changes`] is.
struct Stream {
    client: Client,
    listener: Option<Listener>,
    /// Seen and not handed out yet: a renaming is two changes.
    seen: VecDeque<Change>,
    pause: Duration,
    /// Whether it was connected before, so that a new connection means a gap.
    had_one: bool,
}

/// The changes from now on. Never ends: a lost connection is made anew.
pub(super) fn changes(client: Client) -> BoxStream<'static, Change> {
    let start = Stream {
        client,
        listener: None,
        seen: VecDeque::new(),
        pause: FIRST_PAUSE,
        had_one: false,
    };
    stream::unfold(start, |mut stream| async move {
        let change = stream.next().await;
        Some((change, stream))
    })
    .boxed()
}

// === impl Stream ===

impl Stream {
    async fn next(&mut self) -> Change {
        loop {
            if let Some(change) = self.seen.pop_front() {
                return change;
            }
            match &mut self.listener {
                None => self.connect().await,
                Some(listener) => match listener.next().await {
                    Some(changes) => self.seen.extend(changes),
                    None => self.listener = None,
                },
            }
        }
    }

    async fn connect(&mut self) {
        match Listener::open(&self.client).await {
            Ok(listener) => {
                self.listener = Some(listener);
                self.pause = FIRST_PAUSE;
                if self.had_one {
                    self.seen.push_back(Change { id: None });
                }
                self.had_one = true;
            }
            Err(error) => {
                tracing::debug!(%error, "no events from Incus; trying again");
                tokio::time::sleep(self.pause.mul_f64(0.5 + domain::random::fraction())).await;
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

// === impl Listener ===

impl Listener {
    pub(super) async fn open(client: &Client) -> CloudResult<Self> {
        let socket = client.socket(&["events"], &[("type", "lifecycle")]).await?;
        Ok(Self { socket })
    }

    /// The next changes, at least one; `None` when the connection is lost.
    pub(super) async fn next(&mut self) -> Option<Vec<Change>> {
        loop {
            let message = tokio::time::timeout(SILENCE_LIMIT, self.socket.next())
                .await
                .ok()??;
            let changes = match message.ok()? {
                Message::Text(text) => read(text.as_bytes()),
                Message::Binary(bytes) => read(&bytes),
                Message::Close(_) => return None,
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Vec::new(),
            };
            if !changes.is_empty() {
                return Some(changes);
            }
        }
    }
}

/// The changes that an event tells of; none where it is about something else.
fn read(event: &[u8]) -> Vec<Change> {
    let lifecycle = serde_json::from_slice::<Event>(event)
        .ok()
        .and_then(|event| parsed::<Lifecycle>(event.metadata).ok())
        .filter(|lifecycle| ACTIONS.contains(&lifecycle.action.as_str()));
    let Some(lifecycle) = lifecycle else {
        return Vec::new();
    };
    let former = lifecycle
        .context
        .get("old_name")
        .and_then(|name| name.as_str());
    let ids = former.into_iter().chain(instance_in(&lifecycle.source));
    ids.map(|id| Change {
        id: Some(id.to_owned()),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn ids(metadata: &Value) -> Vec<String> {
        let event = json!({ "type": "lifecycle", "metadata": metadata }).to_string();
        read(event.as_bytes())
            .into_iter()
            .filter_map(|change| change.id)
            .collect()
    }

    #[test]
    fn an_event_about_an_instance_names_it() {
        let source = "/1.0/instances/web?project=p";
        assert_eq!(
            ids(&json!({ "action": "instance-started", "source": source })),
            ["web"]
        );
        let renamed = json!({ "action": "instance-renamed", "source": source, "context": { "old_name": "www" } });
        assert_eq!(ids(&renamed), ["www", "web"]);
    }

    #[test]
    fn other_events_are_no_changes() {
        let source = "/1.0/instances/web";
        assert!(ids(&json!({ "action": "instance-exec", "source": source })).is_empty());
        assert!(ids(&json!({ "action": "image-created", "source": "/1.0/images/ab" })).is_empty());
        assert!(read(b"nonsense").is_empty());
    }
}
