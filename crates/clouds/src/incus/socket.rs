//! Websockets to Incus: for events, and for the input and output of a command.
//!
//! Opened by an upgrade of an ordinary call, so that a Unix socket, a pinned certificate and the budget are all dealt
//! with in one place, `client`.

use std::time::Duration;

use reqwest::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use reqwest::{StatusCode, Upgraded};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::client::{Client, envelope};
use super::errors;
use crate::cloud::CloudResult;

/// An open websocket.
pub(super) type Socket = WebSocketStream<Upgraded>;

const OPEN_LIMIT: Duration = Duration::from_secs(15);
const LONGEST_MESSAGE: usize = 1 << 20;

// === impl Client ===

impl Client {
    /// Opens a websocket.
    pub(super) async fn socket(
        &self,
        path: &[&str],
        parameters: &[(&str, &str)],
    ) -> CloudResult<Socket> {
        match tokio::time::timeout(OPEN_LIMIT, self.open(path, parameters)).await {
            Ok(result) => result,
            Err(_) => Err(errors::lost("a websocket took too long to open", false)),
        }
    }

    async fn open(&self, path: &[&str], parameters: &[(&str, &str)]) -> CloudResult<Socket> {
        let key = generate_key();
        let permit = self.permit().await;
        let request = self
            .http()
            .get(self.url(path, parameters))
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &key);
        let response = request
            .send()
            .await
            .map_err(|error| errors::unanswered(error, false))?;
        drop(permit);
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            envelope(response, false).await?;
            return Err(errors::lost("it opens no websocket", false));
        }
        let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT);
        if accepted
            .is_none_or(|value| value.as_bytes() != derive_accept_key(key.as_bytes()).as_bytes())
        {
            return Err(errors::lost("it opens no proper websocket", false));
        }
        let upgraded = response
            .upgrade()
            .await
            .map_err(|error| errors::unanswered(error, false))?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(LONGEST_MESSAGE))
            .max_frame_size(Some(LONGEST_MESSAGE));
        Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await)
    }
}
