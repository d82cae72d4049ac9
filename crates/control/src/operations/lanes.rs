//! Lanes: the unit of fairness in the queue.

use domain::OrganisationId;

use crate::app::Account;

/// The lane of an organisation's operations on an account. A burst on one lane fills that lane's workers and leaves
/// the others' alone.
pub fn lane(organisation: OrganisationId, account: &Account) -> String {
    format!("{organisation}/{}", account.key)
}
