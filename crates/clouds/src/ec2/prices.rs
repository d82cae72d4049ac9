//! Prices per hour of common types, in dollars, for Linux on demand in `us-east-1`.
//!
//! Entered by hand and not held against Amazon's price list of today, whose service the driver does not ask: it would take
//! another permission. They tell what is cheap and what is dear; Amazon's bill is what counts. Other regions cost up to half as much again. What must stay true: the
//! types stand in the order of their names, since they are searched by it.

use domain::Money;

/// By the name of the type.
const HOURLY: &[(&str, &str)] = &[
    ("c3.2xlarge", "0.42"),
    ("c3.4xlarge", "0.84"),
    ("c3.8xlarge", "1.68"),
    ("c3.large", "0.105"),
    ("c3.xlarge", "0.21"),
    ("c4.2xlarge", "0.398"),
    ("c4.4xlarge", "0.796"),
    ("c4.8xlarge", "1.591"),
    ("c4.large", "0.1"),
    ("c4.xlarge", "0.199"),
    ("c5.18xlarge", "3.06"),
    ("c5.2xlarge", "0.34"),
    ("c5.4xlarge", "0.68"),
    ("c5.9xlarge", "1.53"),
    ("c5.large", "0.085"),
    ("c5.xlarge", "0.17"),
    ("c6i.2xlarge", "0.34"),
    ("c6i.4xlarge", "0.68"),
    ("c6i.8xlarge", "1.36"),
    ("c6i.large", "0.085"),
    ("c6i.xlarge", "0.17"),
    ("d2.2xlarge", "1.38"),
    ("d2.4xlarge", "2.76"),
    ("d2.8xlarge", "5.52"),
    ("d2.xlarge", "0.69"),
    ("i2.2xlarge", "1.705"),
    ("i2.4xlarge", "3.41"),
    ("i2.8xlarge", "6.82"),
    ("i2.xlarge", "0.853"),
    ("i3.2xlarge", "0.624"),
    ("i3.4xlarge", "1.248"),
    ("i3.8xlarge", "2.496"),
    ("i3.large", "0.156"),
    ("i3.xlarge", "0.312"),
    ("m3.2xlarge", "0.532"),
    ("m3.large", "0.133"),
    ("m3.medium", "0.067"),
    ("m3.xlarge", "0.266"),
    ("m4.10xlarge", "2."),
    ("m4.16xlarge", "3.2"),
    ("m4.2xlarge", "0.4"),
    ("m4.4xlarge", "0.8"),
    ("m4.large", "0.1"),
    ("m4.xlarge", "0.2"),
    ("m5.12xlarge", "2.304"),
    ("m5.16xlarge", "3.072"),
    ("m5.24xlarge", "4.608"),
    ("m5.2xlarge", "0.384"),
    ("m5.4xlarge", "0.768"),
    ("m5.8xlarge", "1.536"),
    ("m5.large", "0.096"),
    ("m5.xlarge", "0.192"),
    ("m5a.2xlarge", "0.344"),
    ("m5a.4xlarge", "0.688"),
    ("m5a.8xlarge", "1.376"),
    ("m5a.large", "0.086"),
    ("m5a.xlarge", "0.172"),
    ("m6i.12xlarge", "2.304"),
    ("m6i.16xlarge", "3.072"),
    ("m6i.24xlarge", "4.608"),
    ("m6i.2xlarge", "0.384"),
    ("m6i.4xlarge", "0.768"),
    ("m6i.8xlarge", "1.536"),
    ("m6i.large", "0.096"),
    ("m6i.xlarge", "0.192"),
    ("m7i.2xlarge", "0.4032"),
    ("m7i.4xlarge", "0.8064"),
    ("m7i.8xlarge", "1.6128"),
    ("m7i.large", "0.1008"),
    ("m7i.xlarge", "0.2016"),
    ("r3.2xlarge", "0.665"),
    ("r3.4xlarge", "1.33"),
    ("r3.8xlarge", "2.66"),
    ("r3.large", "0.166"),
    ("r3.xlarge", "0.333"),
    ("r5.2xlarge", "0.504"),
    ("r5.4xlarge", "1.008"),
    ("r5.8xlarge", "2.016"),
    ("r5.large", "0.126"),
    ("r5.xlarge", "0.252"),
    ("r6i.2xlarge", "0.504"),
    ("r6i.4xlarge", "1.008"),
    ("r6i.8xlarge", "2.016"),
    ("r6i.large", "0.126"),
    ("r6i.xlarge", "0.252"),
    ("t2.2xlarge", "0.3712"),
    ("t2.large", "0.0928"),
    ("t2.medium", "0.0464"),
    ("t2.micro", "0.0116"),
    ("t2.nano", "0.0058"),
    ("t2.small", "0.023"),
    ("t2.xlarge", "0.1856"),
    ("t3.2xlarge", "0.3328"),
    ("t3.large", "0.0832"),
    ("t3.medium", "0.0416"),
    ("t3.micro", "0.0104"),
    ("t3.nano", "0.0052"),
    ("t3.small", "0.0208"),
    ("t3.xlarge", "0.1664"),
    ("t3a.2xlarge", "0.3008"),
    ("t3a.large", "0.0752"),
    ("t3a.medium", "0.0376"),
    ("t3a.micro", "0.0094"),
    ("t3a.nano", "0.0047"),
    ("t3a.small", "0.0188"),
    ("t3a.xlarge", "0.1504"),
];

/// What an hour of that type costs, where that is known.
pub(super) fn hourly(slug: &str) -> Option<Money> {
    let found = HOURLY
        .binary_search_by(|(name, _)| (*name).cmp(slug))
        .ok()?;
    Money::parse(HOURLY[found].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_price_is_found_and_is_an_amount() {
        assert!(HOURLY.is_sorted_by(|(one, _), (other, _)| one < other));
        for (name, price) in HOURLY {
            let found = hourly(name).expect("is an amount");
            assert!(found > Money(0), "{name} {price}");
        }
        assert_eq!(hourly("t2.small"), Some(Money(23_000)));
        assert_eq!(hourly("m99.large"), None);
    }
}
