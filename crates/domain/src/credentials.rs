//! What a cloud account is opened with. Every secret in it is a [`SecretString`], which can't be printed.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

/// A provider's fields in the order in which its API names them. Secret ones are masked wherever they are shown.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    fields: Vec<(String, SecretString)>,
}

// === impl Credentials ===

impl Credentials {
    /// Adds a field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.fields
            .push((name.to_owned(), SecretString::from(value.into())));
        self
    }

    /// The field of that name.
    pub fn get(&self, name: &str) -> Option<&SecretString> {
        self.fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value)
    }

    /// All fields in the clear, to be sealed or echoed to the caller who just sent them.
    pub fn reveal(&self) -> Map<String, Value> {
        self.map(str::to_owned)
    }

    /// All fields with their first four characters and asterisks for the rest.
    pub fn masked(&self) -> Map<String, Value> {
        self.map(mask)
    }

    fn map(&self, show: impl Fn(&str) -> String) -> Map<String, Value> {
        let entry = |(name, value): &(String, SecretString)| {
            (name.clone(), Value::String(show(value.expose_secret())))
        };
        self.fields.iter().map(entry).collect()
    }

    /// The inverse of [`reveal`](Self::reveal).
    pub fn from_map(map: &Map<String, Value>) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        map.iter()
            .fold(Self::default(), |credentials, (name, value)| {
                credentials.with(name, text(value))
            })
    }
}

/// The first four characters and an asterisk for each of the rest; nothing but asterisks where there are
/// eight characters or fewer, since four of so few would give too much away.
pub fn mask(secret: &str) -> String {
    let length = secret.chars().count();
    let shown = if length > 8 { 4 } else { 0 };
    secret
        .chars()
        .take(shown)
        .chain(std::iter::repeat_n('*', length - shown))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_secret_shows_four_characters_at_the_most() {
        assert_eq!(mask("AKIAkK0kkBNK3TdSFZGGA"), "AKIA*****************");
        assert_eq!(mask("short"), "*****");
    }

    #[test]
    fn credentials_are_never_printed() {
        let credentials = Credentials::default().with("secretKey", "hunter22222");
        assert!(!format!("{credentials:?}").contains("hunter"));
    }
}
