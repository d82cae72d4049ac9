//! TEMPORARY
use crate::app::App;
use domain::{Money, OrganisationId, Result};
/// x
pub async fn balance(_app: &App, _organisation: OrganisationId) -> Result<Money> {
    Ok(Money(0))
}
