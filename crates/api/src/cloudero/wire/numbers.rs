//! Ids and lists, which forms send as text, and amounts, which are never floats on the way out.

use std::borrow::Cow;
use std::fmt;

use domain::{Error, Money};
use serde::de::{Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// An id: a number, or its digits as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(pub(crate) i64);

/// Several texts: a list, or one text with commas between them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Texts(pub(crate) Vec<String>);

/// An amount of money as a JSON number with just the places that it needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amount(pub(crate) Money);

struct KeyVisitor;

struct TextsVisitor;

// === impl Key ===

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeyVisitor)
    }
}

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id, which is a whole number")
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Key, E> {
        Ok(Key(number))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Key, E> {
        Ok(Key(i64::try_from(number).unwrap_or(i64::MAX)))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Key, E> {
        let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits {
            return Err(E::invalid_value(serde::de::Unexpected::Str(text), &self));
        }
        // What is longer than any id is nobody's.
        Ok(Key(text.parse().unwrap_or(i64::MAX)))
    }
}

impl ToSchema for Key {
    fn name() -> Cow<'static, str> {
        "Key".into()
    }
}

impl PartialSchema for Key {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Integer).into()
    }
}

// === impl Texts ===

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor)
    }
}

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or a list of texts")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Texts, E> {
        let parts = text.split([',', ' ']).map(str::trim);
        let parts = parts.filter(|part| !part.is_empty());
        Ok(Texts(parts.map(str::to_owned).collect()))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Texts, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = list.next_element::<String>()? {
            texts.push(text.trim().to_owned());
        }
        Ok(Texts(texts))
    }
}

impl ToSchema for Texts {
    fn name() -> Cow<'static, str> {
        "Texts".into()
    }
}

impl PartialSchema for Texts {
    fn schema() -> RefOr<Schema> {
        <Vec<String>>::schema()
    }
}

// === impl Amount ===

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let units = self.0.0;
        let (sign, units) = (if units < 0 { "-" } else { "" }, units.unsigned_abs());
        let text = format!("{sign}{}.{:06}", units / 1_000_000, units % 1_000_000);
        let text = text.trim_end_matches('0').trim_end_matches('.').to_owned();
        let number = RawValue::from_string(text).map_err(serde::ser::Error::custom)?;
        number.serialize(serializer)
    }
}

impl ToSchema for Amount {
    fn name() -> Cow<'static, str> {
        "Amount".into()
    }
}

impl PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Number).into()
    }
}

/// The one id that was sent, in the path or under either name in the body.
///
/// Errors: `Invalid` where there is none, or several that differ; `NotFound` for a path that is no number.
pub(crate) fn one(
    what: &'static str,
    path: Option<&str>,
    sent: [Option<Key>; 2],
) -> Result<i64, Error> {
    let path = match path {
        Some(text) => Some(key_in_path(what, text)?),
        None => None,
    };
    let mut all = path
        .into_iter()
        .chain(sent.into_iter().flatten().map(|key| key.0));
    let Some(first) = all.next() else {
        return Err(Error::invalid("id is missing; nothing was done").field("id"));
    };
    if all.any(|other| other != first) {
        return Err(Error::invalid(
            "the address and the body name different ids; nothing was done",
        )
        .field("id"));
    }
    Ok(first)
}

/// An id in a path. What is no number is no id of anything.
pub(crate) fn key_in_path(what: &'static str, text: &str) -> Result<i64, Error> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let key = is_digits.then(|| text.parse().ok()).flatten();
    key.ok_or_else(|| Error::not_found(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_printed_to_the_unit_without_needless_zeros() {
        for (units, text) in [
            (6_250_000, "6.25"),
            (0, "0"),
            (-1, "-0.000001"),
            (25_000_000, "25"),
            (9_007_199_254_740_993, "9007199254.740993"),
        ] {
            let printed = serde_json::to_string(&Amount(Money(units))).expect("prints");
            assert_eq!(printed, text);
        }
    }

    #[test]
    fn an_id_is_a_number_or_its_digits() {
        let read = |text: &str| serde_json::from_str::<Key>(text).ok();
        assert_eq!(read("17"), Some(Key(17)));
        assert_eq!(read("\"17\""), Some(Key(17)));
        for wrong in ["\"\"", "\"x\"", "\"-1\"", "1.5", "true"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ids_that_differ_are_refused() {
        assert_eq!(
            one("server", Some("1"), [Some(Key(1)), None]).expect("one"),
            1
        );
        assert!(one("server", Some("1"), [Some(Key(2)), None]).is_err());
        assert!(one("server", None, [None, None]).is_err());
    }
}
