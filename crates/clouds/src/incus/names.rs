//! The names that Incus accepts: for instances and for snapshots.
//!
//! An instance's name is its id here, and a label of a host name: 1 to 63 letters, digits and hyphens, no hyphen at
//! the ends, not a number. The whole name, which may be longer, is kept in `user.arcus.name`. What must stay true: the
//! same name and token always make the same id, so that a create that is sent again meets what the first one made.

use sha2::{Digest, Sha256};

use crate::cloud::{CloudError, CloudResult, ErrorClass, InstanceRef};

const LONGEST: usize = 63;
/// `-DEL` and 32 hexadecimal digits, as `domain::names::deleted` writes them.
const RETIRED_SUFFIX: usize = 36;

/// Whether Incus takes it as the name of an instance.
pub(super) fn is_valid(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
        && name.parse::<u64>().is_err()
}

/// The id for an instance of that name: the name itself where Incus takes it. A shortened one ends in eight digits of
/// the token; that of a retired instance keeps its own ending, which is unique already.
pub(super) fn id_for(name: &str, token: &str) -> String {
    if is_valid(name) {
        return name.to_owned();
    }
    match retired_suffix(name) {
        Some(suffix) => joined(&name[..name.len() - suffix.len()], suffix),
        None => id_with_token(name, token),
    }
}

/// The id to take where [`id_for`] is another's.
pub(super) fn id_with_token(name: &str, token: &str) -> String {
    joined(name, &format!("-{}", digits(token)))
}

/// The id of an address that came from outside, checked, since it becomes a part of a URL.
pub(super) fn checked(at: &InstanceRef) -> CloudResult<&str> {
    if is_valid(&at.id) {
        Ok(&at.id)
    } else {
        Err(CloudError::not_found(at))
    }
}

/// The name of a snapshot, checked.
pub(super) fn snapshot(name: &str) -> CloudResult<&str> {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let valid = (1..=LONGEST).contains(&name.len())
        && name.bytes().all(harmless)
        && !name.starts_with(['.', '-']);
    if valid {
        Ok(name)
    } else {
        Err(CloudError::new(
            ErrorClass::Rejected,
            "the name of a snapshot holds 1 to 63 letters, digits and . _ -",
        ))
    }
}

fn retired_suffix(name: &str) -> Option<&str> {
    let suffix = name.get(name.len().checked_sub(RETIRED_SUFFIX)?..)?;
    let digits = suffix.strip_prefix("-DEL")?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then_some(suffix)
}

/// The start of `stem` that leaves room for `suffix`, with hyphens for what Incus refuses.
fn joined(stem: &str, suffix: &str) -> String {
    let mut id = String::with_capacity(LONGEST);
    for c in stem.chars().take(LONGEST - suffix.len()) {
        if c.is_ascii_alphanumeric() {
            id.push(c);
        } else if !id.is_empty() && !id.ends_with('-') {
            id.push('-');
        }
    }
    let stem = id.trim_end_matches('-');
    let stem = if stem.is_empty() { "x" } else { stem };
    format!("{stem}{suffix}")
}

/// Eight digits that stand for the token: its own first ones, or, where it doesn't begin with any, its hash's.
fn digits(token: &str) -> String {
    match token.get(..8) {
        Some(start) if start.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            start.to_ascii_lowercase()
        }
        _ => hex::encode(&Sha256::digest(token.as_bytes())[..4]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    #[test]
    fn a_label_of_a_host_name_is_taken_as_it_is() {
        for name in ["web", "web-1", "1web", "Web", &"a".repeat(63)] {
            assert_eq!(id_for(name, TOKEN), *name);
        }
    }

    #[test]
    fn any_other_name_becomes_a_valid_one_that_ends_in_the_token() {
        for name in [
            "my.web_1",
            "-a-",
            "123",
            "",
            "ü",
            "..",
            "a/b?c#d",
            &"a".repeat(64),
            &"é".repeat(200),
        ] {
            let id = id_for(name, TOKEN);
            assert!(is_valid(&id) && id.ends_with("-01234567"), "{name} -> {id}");
        }
        assert_eq!(id_for("my.web_1", TOKEN), "my-web-1-01234567");
    }

    #[test]
    fn a_retired_name_keeps_its_ending_whole() {
        let suffix = format!("-DEL{}", "0a".repeat(16));
        for stem in ["web", "my.web_1", &"a".repeat(64), "-"] {
            let id = id_for(&format!("{stem}{suffix}"), TOKEN);
            assert!(is_valid(&id) && id.ends_with(&suffix), "{stem} -> {id}");
        }
    }

    #[test]
    fn a_token_that_is_not_hexadecimal_still_gives_eight_digits() {
        let id = id_with_token("web", "server/17");
        assert!(is_valid(&id) && id.len() == "web-".len() + 8, "{id}");
        assert_ne!(id, id_with_token("web", "server/18"));
    }

    #[test]
    fn an_id_that_would_change_a_url_is_no_instance() {
        for id in ["..", "a/b", "a?b", "", "a%2f"] {
            let at = InstanceRef {
                region: "local".to_owned(),
                id: id.to_owned(),
            };
            assert_eq!(
                checked(&at).expect_err("refused").class,
                ErrorClass::NotFound,
                "{id}"
            );
        }
        assert!(snapshot("../x").is_err() && snapshot("before-upgrade_1.2").is_ok());
    }
}
