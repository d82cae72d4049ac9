//! Who acts where no user does.

use domain::account::Actor;
use domain::{Error, OrganisationId, Result, Role};

use crate::app::App;

/// Whatever is done for an organisation without anybody's asking, or by the operator, is done in the name of its first user.
pub(crate) async fn somebody(
    app: &App,
    organisation: OrganisationId,
    facade: &'static str,
) -> Result<Actor> {
    let mut session = app.store.read().await?;
    let customer = store::customers::by_id(&mut session, organisation).await?;
    let (user_id, user_name) = store::customers::first_user(&mut session, organisation)
        .await?
        .ok_or_else(|| {
            Error::internal(format!(
                "organisation {organisation} has no user in whose name to act"
            ))
        })?;
    Ok(Actor {
        organisation: customer.organisation,
        user_id,
        user_name,
        role: Role::Owner,
        facade,
        request_id: String::new(),
    })
}
