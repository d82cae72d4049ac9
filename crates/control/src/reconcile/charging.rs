//! Charges what is due, about once a minute.
//!
//! Every replica does: whoever comes second finds nothing left to do.

use std::time::Duration;

use domain::{ErrorKind, Money, random};

use super::Beside;
use crate::app::App;
use crate::billing;

/// How often, at the least.
const EVERY: Duration = Duration::from_mins(1);

/// Runs for ever.
pub(super) async fn run(app: App) {
    // Not all replicas at the same moment, nor at every start.
    let every = EVERY.min(app.settings.reconcile_every);
    tokio::time::sleep(every.mul_f64(random::fraction() / 4.0)).await;
    let mut is_told = false;
    loop {
        // In a task of its own: a panic in it ends this run and not the next.
        let charging = app.clone();
        let mut run = Beside(tokio::spawn(
            async move { billing::charge_due(&charging).await },
        ));
        match (&mut run.0).await {
            Ok(Ok(charged)) if charged.amount > Money(0) || charged.invoices > 0 => {
                tracing::info!(
                    hours = charged.hours,
                    amount = %charged.amount,
                    invoices = charged.invoices,
                    "servers were charged"
                );
            }
            Ok(Ok(_)) => is_told = false,
            // The clock is wrong, and will be: nobody wants to read that every minute.
            Ok(Err(error)) if error.kind() == ErrorKind::Conflict => {
                if !is_told {
                    tracing::error!("{}", error.message());
                }
                is_told = true;
            }
            // Told already where it is a fault.
            Ok(Err(error)) if error.kind() != ErrorKind::Unavailable => {}
            Ok(Err(error)) => tracing::warn!(
                error = error.private(),
                message = error.message(),
                "nothing can be charged now; trying again"
            ),
            Err(error) => tracing::error!(%error, "charging broke off; trying again"),
        }
        tokio::time::sleep(every.mul_f64(0.9 + random::fraction() / 5.0)).await;
    }
}
