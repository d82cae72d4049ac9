//! Customers who pay by themselves, with a payment provider of the operator's.
//!
//! Called by the façade. The provider is an interface: it begins a payment, to which the customer is sent, and it tells of
//! one that was made by a webhook. What must stay true: money counts once its provider has said so in a message that it
//! has signed, and once however often it says so.

use domain::account::Actor;
use domain::{Error, ErrorKind, Money, PublicId, Result, Timestamp};
use futures::future::BoxFuture;

use super::deposit::{self, Deposit};
use super::settings::BillingSettings;
use super::stripe::Stripe;
use crate::app::App;

/// Someone who takes customers' money.
pub trait PaymentProvider: Send + Sync {
    /// Its name, in keys and the audit trail.
    fn name(&self) -> &'static str;

    /// The header of its webhooks in which their signature is.
    fn signature_header(&self) -> &'static str;

    /// Begins a payment; the address to which the customer is sent.
    fn begin<'a>(&'a self, wanted: &'a TopUp) -> BoxFuture<'a, Result<String>>;

    /// What a webhook tells of a payment that was begun at this installation; `None` where it is nothing of interest, or of
    /// something else that takes payments with the same account.
    ///
    /// Errors: `Unauthenticated` where the provider has not signed it, or not lately; `Invalid` where it can't be accepted.
    fn told(
        &self,
        installation: &str,
        signature: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Option<Paid>>;
}

/// A payment that is to be begun.
#[derive(Debug, Clone)]
pub struct TopUp {
    /// Whose balance it is for.
    pub organisation: PublicId,
    /// How much.
    pub amount: Money,
    /// The code of the currency.
    pub currency: String,
    /// This installation, which may not be the only one with that account at the provider.
    pub installation: String,
}

/// A payment that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// The provider's id of it.
    pub id: String,
    /// Whose balance it is for.
    pub organisation: PublicId,
    /// How much.
    pub amount: Money,
    /// The code of the currency.
    pub currency: String,
}

/// The provider that the operator has set.
pub(crate) fn provider(settings: &BillingSettings) -> Result<Option<Box<dyn PaymentProvider>>> {
    Ok(match &settings.stripe {
        Some(stripe) => Some(Box::new(Stripe::new(stripe.clone())?)),
        None => None,
    })
}

/// The header of webhooks in which their signature is; `None` where no provider is set.
pub fn signature_header(app: &App) -> Option<&'static str> {
    app.payments
        .as_ref()
        .map(|provider| provider.signature_header())
}

/// Begins a payment for the caller's organisation; the address to send the customer to.
///
/// Errors: `Invalid` where no provider is set, or it does not take such a payment; `CloudUnavailable` where it is away, or
/// does not know the operator.
pub async fn start_top_up(app: &App, actor: &Actor, amount: Money) -> Result<String> {
    let provider = app.payments.as_ref().ok_or_else(|| {
        Error::invalid(
            "nobody takes payments here; nothing was done: ask the operator to top the balance up",
        )
    })?;
    if amount <= Money(0) {
        return Err(
            Error::invalid("the amount has to be more than nothing; nothing was done")
                .field("amount"),
        );
    }
    let wanted = TopUp {
        organisation: actor.organisation.public_id.clone(),
        amount,
        currency: app.settings.billing.currency.clone(),
        installation: app.installation.clone(),
    };
    provider.begin(&wanted).await
}

/// Takes what the provider tells: `signature` from the header of [`signature_header`], and the body as it came.
///
/// Errors: `NotFound` where no provider is set; `Unauthenticated` where it is not the provider who tells it; `Invalid` for
/// another currency.
pub async fn webhook(app: &App, signature: &str, body: &[u8]) -> Result<()> {
    let provider = app
        .payments
        .as_ref()
        .ok_or_else(|| Error::not_found("webhook"))?;
    let now = app.clock().now();
    let Some(paid) = provider.told(&app.installation, signature, body, now)? else {
        return Ok(());
    };
    let currency = &app.settings.billing.currency;
    if !paid.currency.eq_ignore_ascii_case(currency) {
        tracing::error!(
            payment = paid.id,
            currency = paid.currency,
            "a payment in another currency"
        );
        return Err(Error::invalid(format!(
            "balances are in {currency}, and this payment is in {}; nothing was noted",
            paid.currency
        )));
    }
    let mut session = app.store.read().await?;
    let organisation =
        store::accounts::organisation_by_public_id(&mut session, &paid.organisation).await?;
    drop(session);
    let Some(organisation) = organisation else {
        tracing::error!(payment = paid.id, organisation = %paid.organisation, "a payment for nobody");
        return Err(Error::new(
            ErrorKind::NotFound,
            "there is no such organisation; nothing was noted",
        ));
    };
    let name = provider.name();
    let deposit = Deposit {
        organisation: organisation.id,
        amount: paid.amount,
        description: &format!("payment by {name}"),
        by: name,
        once: Some(&format!("{name}:{}", paid.id)),
    };
    deposit::payment(app, &deposit).await.map(drop)
}
