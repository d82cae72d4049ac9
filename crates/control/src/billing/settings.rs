//! What the operator has set of the money.

use std::time::Duration;

use domain::Money;
use secrecy::SecretString;

/// What the operator has set of the money.
#[derive(Debug, Clone)]
pub struct BillingSettings {
    /// Whether servers in the operator's own regions cost their price. Where it is off they cost nothing, and that is what
    /// their hours are charged with: switched on later, it asks for none of the time before.
    pub on: bool,
    /// The code of the currency that all prices are in.
    pub currency: String,
    /// What an organisation is given as its first transaction.
    pub starting_credit: Money,
    /// An organisation is told that its balance runs low when it covers fewer hours than this.
    pub warn_below_hours: u32,
    /// For how long an organisation may owe before its servers are destroyed; `None`: for ever.
    pub destroy_after: Option<Duration>,
    /// Who writes the invoices: name and address, in lines.
    pub seller: String,
    /// How customers pay by themselves, if they can.
    pub stripe: Option<StripeSettings>,
}

/// An account at Stripe.
#[derive(Debug, Clone)]
pub struct StripeSettings {
    /// The secret key of its API.
    pub secret_key: SecretString,
    /// The secret that its webhooks are signed with.
    pub webhook_secret: SecretString,
    /// Where a customer comes back to after paying.
    pub success_url: String,
    /// Where a customer comes back to without having paid.
    pub cancel_url: String,
    /// Another address of the API, for tests.
    pub api_base: Option<String>,
}

// === impl BillingSettings ===

impl Default for BillingSettings {
    fn default() -> Self {
        Self {
            on: true,
            currency: "USD".to_owned(),
            starting_credit: Money(25_000_000),
            warn_below_hours: 72,
            destroy_after: None,
            seller: String::new(),
            stripe: None,
        }
    }
}
