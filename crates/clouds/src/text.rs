//! What clouds write as text and Arcus reads as values: decimal numbers, times; and the fingerprint that they know a public
//! key by.
//!
//! Used by the drivers. What must stay true: an amount is read from the digits that were sent, never through a float.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::{Money, Timestamp};
use md5::{Digest, Md5};

/// The amount that a number's text says, rounded half up to 10⁻⁶: some prices are sent with the digits of a float.
pub(crate) fn decimal(number: &str) -> Option<Money> {
    let (digits, power) = match number.split_once(['e', 'E']) {
        Some((digits, power)) => (digits, power.parse::<i32>().ok()?),
        None => (number, 0),
    };
    let (whole, places) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{places}");
    // Where the point of micro-units is, counted from the left.
    let point = i32::try_from(whole.len()).ok()? + power + 6;
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) || point > 40 {
        return None;
    }
    let Ok(point) = usize::try_from(point) else {
        return Some(Money(0));
    };
    let kept = format!("{all:0<point$}");
    let units: i64 = match &kept[..point] {
        "" => 0,
        units => units.parse().ok()?,
    };
    let rounds_up = kept.as_bytes().get(point).is_some_and(|next| *next >= b'5');
    units.checked_add(i64::from(rounds_up)).map(Money)
}

/// A time in RFC 3339's form.
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp(time.as_microsecond()))
}

/// The fingerprint of a public key in OpenSSH's format: by MD5, which is a name here and protects nothing.
pub(crate) fn fingerprint(key: &str) -> Option<String> {
    let mut words = key.split_whitespace();
    let (kind, encoded) = (words.next()?, words.next()?);
    let key = STANDARD.decode(encoded).ok()?;
    // It names its kind once more.
    let named = key.get(4..)?.starts_with(kind.as_bytes());
    let pairs: Vec<_> = Md5::digest(&key)
        .iter()
        .map(|byte| hex::encode([*byte]))
        .collect();
    named.then(|| pairs.join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b";

    #[test]
    fn a_price_is_what_its_digits_say() {
        for (sent, units) in [
            ("0.00744", 7_440),
            ("0.00743999984115362", 7_440),
            ("0.0000005", 1),
            ("0.00000049", 0),
            ("5", 5_000_000),
            ("5.0", 5_000_000),
            ("1.5e1", 15_000_000),
            ("6E-3", 6_000),
            ("6e-9", 0),
            ("12.345678", 12_345_678),
            ("999.9999999", 1_000_000_000),
        ] {
            assert_eq!(decimal(sent), Some(Money(units)), "{sent}");
        }
        for wrong in ["", "-1", "null", "\"5\"", "1e99", "99999999999999999999"] {
            assert_eq!(decimal(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_time_is_read() {
        let read = timestamp("2018-01-04T11:14:34Z");
        assert_eq!(read, Some(Timestamp(1_515_064_474_000_000)));
        assert_eq!(timestamp("now"), None);
    }

    #[test]
    fn a_fingerprint_is_that_of_the_key_alone() {
        let with_comment = fingerprint(KEY).expect("a key");
        let (bare, _) = KEY.rsplit_once(' ').expect("a comment");
        assert_eq!(fingerprint(bare), Some(with_comment.clone()));
        assert_eq!(with_comment.len(), 47);
        for wrong in [
            "",
            "ssh-ed25519",
            "ssh-ed25519 %%%",
            "ssh-rsa AAAAC3NzaC1lZDI1NTE5",
        ] {
            assert_eq!(fingerprint(wrong), None, "{wrong}");
        }
    }
}
