//! Amounts as Stripe counts them: in a currency's smallest coins, with exceptions.

use domain::{Error, Money, Result};

/// Currencies without smaller coins.
const WHOLE: [&str; 15] = [
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf",
    "xof", "xpf",
];

/// Currencies without smaller coins that had some once, and are counted in hundredths still: one shilling of Uganda is 100,
/// and 150 is nothing.
const ONCE_HUNDREDTHS: [&str; 2] = ["isk", "ugx"];

/// Currencies with coins of a thousandth, of which only tens can be paid.
const THOUSANDTHS: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

/// How many units of ours a coin has, and how many coins are the least that can be paid.
fn coin(currency: &str) -> (i64, i64) {
    let currency = currency.to_lowercase();
    let is_among = |all: &[&str]| all.contains(&currency.as_str());
    if is_among(&WHOLE) {
        (1_000_000, 1)
    } else if is_among(&ONCE_HUNDREDTHS) {
        (10_000, 100)
    } else if is_among(&THOUSANDTHS) {
        (1_000, 10)
    } else {
        (10_000, 1)
    }
}

/// An amount in a currency's smallest coins. Errors: `Invalid` where it can't be paid exactly.
pub(super) fn minor(amount: Money, currency: &str) -> Result<i64> {
    let (units, least) = coin(currency);
    if amount.0 % (units * least) == 0 {
        return Ok(amount.0 / units);
    }
    Err(Error::invalid(format!(
        "{amount} can't be paid in coins of {}; nothing was done",
        currency.to_uppercase()
    ))
    .field("amount"))
}

/// An amount of a currency's smallest coins.
pub(super) fn major(coins: i64, currency: &str) -> Result<Money> {
    Money(coin(currency).0).times(coins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coins_are_counted_exactly() {
        for (units, currency, coins) in [
            (10_500_000, "usd", 1050),
            (10_000_000, "jpy", 10),
            (10_010_000, "kwd", 10_010),
            (5_000_000, "ugx", 500),
            (5_000_000, "isk", 500),
        ] {
            assert_eq!(
                minor(Money(units), currency).expect("even"),
                coins,
                "{currency}"
            );
            let back = major(coins, &currency.to_uppercase()).expect("fits");
            assert_eq!(back, Money(units), "{currency}");
        }
        assert!(major(i64::MAX, "usd").is_err());
    }

    #[test]
    fn what_can_not_be_paid_exactly_is_refused() {
        for (units, currency) in [
            (10_005_000, "usd"),
            (10_500_000, "jpy"),
            (5_500_000, "ugx"),
            (5_500_000, "isk"),
            // The last of three places is 0 with Stripe.
            (5_124_000, "kwd"),
        ] {
            assert!(minor(Money(units), currency).is_err(), "{units} {currency}");
        }
    }
}
