//! `POST /v1/server/{id}/upgrade_package` and `POST /v1/server/upgrade_package`.

use axum::Json;
use control::App;
use control::servers::change::{self, Direction};
use domain::account::Actor;
use domain::{Error, ServerId};

use super::either;
use crate::cloudero::wire::envelope::{Envelope, EventId, event};
use crate::cloudero::wire::servers::UpgradeRequest;
use crate::http::edge::Failure;

either!(
    post,
    "/server/{id}/upgrade_package",
    "/server/upgrade_package",
    UpgradeRequest,
    Envelope<EventId>,
    respond,
    "Gives a server another package, while it runs where its cloud can do that."
);

async fn respond(
    app: &App,
    actor: &Actor,
    id: ServerId,
    request: UpgradeRequest,
) -> Result<Json<Envelope<EventId>>, Failure> {
    let direction = match request.direction.as_deref() {
        None => None,
        Some("upgrade") => Some(Direction::Upgrade),
        Some("downgrade") => Some(Direction::Downgrade),
        Some(_) => {
            let wrong = Error::invalid("type is upgrade or downgrade; nothing was changed");
            return Err(wrong.field("type").into());
        }
    };
    let operation = change::change_plan(app, actor, id, &request.package, direction).await?;
    Ok(event(&operation))
}
