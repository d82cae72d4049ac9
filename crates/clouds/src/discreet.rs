//! What a cloud repeats to us of what we told it, left out of its words.
//!
//! Used by the drivers that speak HTTP, on what an answer holds before anybody reads it: a proxy that prints the headers it
//! got, a refusal that shows the request, an answer that says a token where a number should be. What must stay true: the
//! words are searched whole, before anything shortens them.

use secrecy::{ExposeSecret, SecretString};

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
        let mut secrets: Vec<String> = forms
            .filter(|secret| secret.bytes().any(|byte| byte != b'\\'))
            .collect();
        // What holds another goes before it.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self(secrets.into_iter().map(SecretString::from).collect())
    }

    /// Those words without them.
    pub(crate) fn left_out_of(&self, words: &str) -> String {
        let left = self.left_out_of_bytes(words.as_bytes());
        String::from_utf8_lossy(&left).into_owned()
    }

    /// An answer without them, however its JSON writes them.
    pub(crate) fn left_out_of_bytes(&self, answer: &[u8]) -> Vec<u8> {
        let mut left = Vec::with_capacity(answer.len());
        let mut rest = answer;
        while let [first, others @ ..] = rest {
            let mut secrets = self.0.iter();
            if let Some(length) = secrets.find_map(|secret| begins(rest, secret.expose_secret())) {
                left.extend_from_slice(LEFT_OUT.as_bytes());
                rest = &rest[length..];
            } else {
                left.push(*first);
                rest = others;
            }
        }
        left
    }
}

/// How much of the text is the secret that it begins with. Any of a secret's characters may be escaped as JSON does it, once
/// or, in JSON within JSON, more often: so backslashes don't count, neither here nor there.
fn begins(text: &[u8], secret: &str) -> Option<usize> {
    let mut at = 0;
    for byte in secret.bytes().filter(|byte| *byte != b'\\') {
        let rest = &text[at..];
        let backslashes = rest.iter().take_while(|byte| **byte == b'\\').count();
        let rest = &rest[backslashes..];
        at += backslashes;
        if backslashes > 0 && escaped(rest) == Some(byte.into()) {
            at += ESCAPE;
        } else if rest.first() == Some(&byte) {
            at += 1;
        } else {
            return None;
        }
    }
    Some(at)
}

/// How long JSON's escape of a character is, behind the backslash.
const ESCAPE: usize = "u0000".len();

/// The character that JSON writes like this behind a backslash.
fn escaped(text: &[u8]) -> Option<u32> {
    let digits = text.get(..ESCAPE)?.strip_prefix(b"u")?;
    u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
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
    fn a_secret_is_left_out_however_json_writes_it() {
        let secrets = Secrets::new([SECRET]);
        for form in [
            r"XR1+CRk9\/YlD5jRS",
            r"XR1+CRk9\\\/YlD5jRS",
            r"XR1\u002BCRk9\u002fYlD5jRS",
            r"\u0058R1+CRk9/YlD5jR\u0053",
            r"\\u0058R1+CRk9/YlD5jRS",
        ] {
            let words = secrets.left_out_of(&format!(r#"{{"message":"no:\n{form}\n"}}"#));
            assert_eq!(words, r#"{"message":"no:\n[a secret]\n"}"#, "{form}");
        }
        let with_quotes = Secrets::new([r#"a"b\c"d"#]);
        let words = with_quotes.left_out_of(r#"{"message":"a\"b\\c\"d"}"#);
        assert_eq!(words, r#"{"message":"[a secret]"}"#);
    }

    #[test]
    fn what_is_no_secret_stays_as_it_is() {
        let secrets = Secrets::new([SECRET, r"\\"]);
        for words in [
            "",
            r"C:\\XR1\u00",
            "XR1+CRk9/YlD5jR",
            "zu XR1 + größer\u{1f600}",
        ] {
            assert_eq!(secrets.left_out_of(words), words);
        }
        let no_text = [0xff, b'\\', b'u', 0xfe];
        assert_eq!(secrets.left_out_of_bytes(&no_text), no_text);
    }
}
