//! Command histories and feedback that clients send.

use domain::account::Actor;
use domain::{Error, Result};
use serde_json::Value;

use crate::app::App;

/// The longest entry, in bytes of JSON.
const MAX_ENTRY: usize = 64 * 1024;

/// Stores an entry of a kind (`history`, `feedback`).
pub async fn add(app: &App, actor: &Actor, kind: &str, body: &Value) -> Result<()> {
    let text = body.to_string();
    if text.len() > MAX_ENTRY {
        return Err(Error::invalid(format!(
            "an entry has at most {MAX_ENTRY} bytes; it was not stored"
        )));
    }
    let mut session = app.store.write().await?;
    store::journal::add(
        &mut session,
        actor.organisation.id,
        actor.user_id,
        kind,
        &text,
    )
    .await?;
    session.commit().await
}
