//! Names that users give, and the slugs that clouds accept.
//!
//! A name reaches cloud-init, shells and other people's terminals, so only what is harmless in all of them passes.

use crate::error::{Error, Result};

/// The longest name of a node, an environment, an application or a provider.
pub const MAX_NAME: usize = 64;

/// Checks the name of a thing that only Arcus shows (an application, a provider, an organisation): letters, digits,
/// spaces and `. _ - ' ( ) & , + @`, 1 to 64 characters, not blank at either end.
pub fn title(what: &str, name: &str) -> Result<()> {
    let harmless = |c: char| c.is_alphanumeric() || " ._-'()&,+@".contains(c);
    check(
        what,
        name,
        harmless,
        "letters, digits, spaces and . _ - ' ( ) & , + @",
    )
}

/// Checks the name of a thing that becomes a part of a host name (a node, an environment): letters, digits and
/// `. _ -`, beginning and ending with a letter or a digit, 1 to 64 characters.
pub fn label(what: &str, name: &str) -> Result<()> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    check(what, name, harmless, "letters, digits and . _ -")?;
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if ends(name.chars().next()) && ends(name.chars().last()) {
        Ok(())
    } else {
        Err(Error::invalid(format!(
            "the name of {what} begins and ends with a letter or a digit"
        ))
        .field("name"))
    }
}

fn check(what: &str, name: &str, harmless: impl Fn(char) -> bool, allowed: &str) -> Result<()> {
    let message = if name.trim().is_empty() {
        format!("the name of {what} is empty")
    } else if name.chars().count() > MAX_NAME {
        format!("the name of {what} is longer than {MAX_NAME} characters")
    } else if name.trim() != name {
        format!("the name of {what} begins or ends with a space")
    } else if !name.chars().all(harmless) {
        format!("the name of {what} may hold only {allowed}")
    } else {
        return Ok(());
    };
    Err(Error::invalid(message).field("name"))
}

/// Lower case, each run of other characters than letters and digits as one `-`, none at the ends; `x` when
/// nothing is left.
pub fn slug(text: &str) -> String {
    separated(text, '-')
}

/// Like [`slug`] with `_` between the words: "My Docker Account" is `my_docker_account`.
pub fn snake(text: &str) -> String {
    separated(text, '_')
}

fn separated(text: &str, separator: char) -> String {
    let mut slug = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with(separator) {
            slug.push(separator);
        }
    }
    while slug.ends_with(separator) {
        slug.pop();
    }
    if slug.is_empty() {
        "x".to_owned()
    } else {
        slug
    }
}

/// The name that a server gets at the cloud before it is destroyed: `NAME-DEL` and 32 hexadecimal digits.
pub fn deleted(name: &str) -> String {
    format!("{name}-DEL{}", crate::random::hex::<16>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_label_with_shell_or_yaml_in_it_is_refused() {
        for name in [
            "x\nruncmd: [..]",
            "a;b",
            "$(id)",
            "",
            " a",
            "-a",
            "a-",
            "é",
            "a b",
            &"a".repeat(65),
        ] {
            assert!(label("a node", name).is_err(), "{name:?}");
        }
        for name in ["web", "web-1", "Web.1_b", "1"] {
            assert!(label("a node", name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn a_title_may_hold_what_the_documentation_shows() {
        for name in [
            "My App",
            "Andrei's docker integration",
            "company name",
            "my-provider",
        ] {
            assert!(title("an application", name).is_ok(), "{name:?}");
        }
        assert!(title("an application", "a\nb").is_err());
    }

    #[test]
    fn a_snake_name_joins_words_with_underscores() {
        assert_eq!(snake("My Docker Account"), "my_docker_account");
        assert_eq!(slug("my@email.com"), "my-email-com");
    }

    proptest! {
        #[test]
        fn a_slug_is_always_a_part_of_a_host_name(text in "\\PC*") {
            let slug = slug(&text);
            prop_assert!(!slug.is_empty() && !slug.starts_with('-') && !slug.ends_with('-'));
            prop_assert!(slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
        }
    }
}
