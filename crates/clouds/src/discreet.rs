//! What a cloud repeats to us of what we told it, left out of its words.
//!
//! Used by the drivers that speak HTTP, wherever an answer's words become ours: a proxy that prints the headers it got, a
//! refusal that shows the request, an answer that says a token where a number should be. What must stay true: the words are
//! searched whole, before anything shortens them.

use secrecy::{ExposeSecret, SecretString};

use crate::cloud::{CloudError, CloudResult};

/// What stands where a secret was.
const LEFT_OUT: &str = "[a secret]";

/// The secrets of one account.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets(Vec<SecretString>);

// === impl Secrets ===

impl Secrets {
    /// Secrets as they are sent. Each is left out as it is, and as it stands in addresses and forms.
    pub(crate) fn new<'a>(given: impl IntoIterator<Item = &'a str>) -> Self {
        let forms = given.into_iter().flat_map(|secret| {
            let encoded = encoded(secret);
            [in_small_letters(&encoded), encoded, secret.to_owned()]
        });
        let mut secrets: Vec<String> = forms.filter(|secret| !secret.is_empty()).collect();
        // What holds another goes before it.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self(secrets.into_iter().map(SecretString::from).collect())
    }

    /// Those words without them.
    pub(crate) fn left_out_of(&self, words: &str) -> String {
        self.0.iter().fold(words.to_owned(), |words, secret| {
            words.replace(secret.expose_secret(), LEFT_OUT)
        })
    }

    /// The same for a result's error.
    pub(crate) fn left_out<T>(&self, result: CloudResult<T>) -> CloudResult<T> {
        result.map_err(|error| CloudError {
            message: self.left_out_of(&error.message),
            ..error
        })
    }
}

/// A text as it stands in addresses and forms.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The same as those have it who write `%2f` for `%2F`.
fn in_small_letters(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |whole, part| {
        let (escape, rest) = part.split_at(part.len().min(2));
        format!("{whole}%{}{rest}", escape.to_ascii_lowercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::ErrorClass;

    const SECRET: &str = "XR1+CRk9/YlD5jRS";

    #[test]
    fn a_secret_is_left_out_of_words_as_it_is_and_as_addresses_have_it() {
        let secrets = Secrets::new([SECRET, ""]);
        for form in [SECRET, "XR1%2BCRk9%2FYlD5jRS", "XR1%2bCRk9%2fYlD5jRS"] {
            let words = secrets.left_out_of(&format!("refused: key={form}; sorry"));
            assert_eq!(words, "refused: key=[a secret]; sorry");
        }
    }

    #[test]
    fn an_error_keeps_its_class() {
        let secrets = Secrets::new([SECRET]);
        let failed = Err::<(), _>(CloudError::new(ErrorClass::Auth, format!("not {SECRET}")));
        let error = secrets.left_out(failed).expect_err("fails");
        assert_eq!(
            (error.class, error.message.as_str()),
            (ErrorClass::Auth, "not [a secret]")
        );
    }
}
