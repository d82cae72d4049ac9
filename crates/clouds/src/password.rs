//! The form in which a password comes to a driver: a user's name, and a hash in crypt(3)'s format.
//!
//! Called by the drivers before they send anything. What must stay true: neither can become a second line, or another
//! field, of what `chpasswd` and `/etc/shadow` read.

use crate::cloud::{CloudError, CloudResult, ErrorClass};

/// Longer than any hash of today: yescrypt's and Argon2's have some hundred characters.
const LONGEST_HASH: usize = 512;

/// Refuses what is no name of a user, and what can't be a hash. The reason holds neither.
pub fn check(user: &str, hash: &str) -> CloudResult<()> {
    let in_name =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    if user.is_empty() || user.len() > 32 || user.starts_with('-') || !user.bytes().all(in_name) {
        return Err(rejected(
            "the name of a user holds 1 to 32 lower-case letters, digits and _ -",
        ));
    }
    // What crypt(5) rules out for every method.
    let in_hash = |byte: u8| byte.is_ascii_graphic() && !b":;*!\\".contains(&byte);
    let hash_is_one = (4..=LONGEST_HASH).contains(&hash.len())
        && hash.starts_with('$')
        && hash.bytes().all(in_hash);
    if hash_is_one {
        Ok(())
    } else {
        Err(rejected(
            "the password did not come as a hash in crypt's format, such as $6$salt$hash; nothing was changed",
        ))
    }
}

fn rejected(message: &str) -> CloudError {
    CloudError::new(ErrorClass::Rejected, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_could_be_a_second_line_or_field_is_let_through() {
        for (user, hash) in [
            ("root\nx", "$6$salt$hash"),
            ("root:x", "$6$salt$hash"),
            ("", "$6$salt$hash"),
            ("-r", "$6$salt$hash"),
            ("root", ""),
            ("root", "$"),
            ("root", "hunter2hunter2"),
            ("root", "$6$salt$hash\nx:$6$salt$hash"),
            ("root", "$6$salt$hash:0:0"),
            ("root", "$6$salt$hash\0"),
            ("root", "$6$salt$h ash"),
            ("root", "!$6$salt$hash"),
        ] {
            let error = check(user, hash).expect_err("refused");
            assert_eq!(error.class, ErrorClass::Rejected);
            assert!(!error.message.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn the_hashes_of_every_method_of_today_are_let_through() {
        for hash in [
            "$6$rounds=5000$saltsalt$./Az09",
            "$5$salt$hash",
            "$y$j9T$salt$hash",
            "$2b$12$./abcdefgh",
            "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
        ] {
            check("deploy-1", hash).expect("is let through");
        }
    }
}
