//! Public keys that users bring: which are taken, and in which form they are kept.
//!
//! Called by `control` when a key is added. What must stay true: what comes out of here is one line without options, so
//! that it can stand in an `authorized_keys` file and let its owner in, and no more.

use russh::keys::PublicKey;
use russh::keys::ssh_key::public::KeyData;

use crate::error::{ErrorClass, SshError};

/// The least bits of an RSA key.
const LEAST_RSA_BITS: usize = 2048;

/// The longest comment that is kept, in characters.
const LONGEST_COMMENT: usize = 128;

/// A user's public key as one line: kind, base64, comment.
///
/// Errors: `Failed` for what is no public key in OpenSSH's format, and for kinds other than RSA (2048 bits or more), ECDSA,
/// Ed25519 and the FIDO forms of the latter two.
pub fn public_line(text: &str) -> Result<String, SshError> {
    let text = text.trim();
    let wrong = || failed("an SSH public key is one line such as: ssh-ed25519 AAAA... comment");
    if text.contains(char::is_control) {
        return Err(wrong());
    }
    let mut key = PublicKey::from_openssh(text).map_err(|_| wrong())?;
    match key.key_data() {
        KeyData::Rsa(rsa) => {
            let modulus = rsa.n().as_positive_bytes().unwrap_or_default();
            let zeros = modulus
                .first()
                .map_or(0, |byte| byte.leading_zeros() as usize);
            if modulus.len() * 8 - zeros < LEAST_RSA_BITS {
                return Err(failed("an RSA key has at least 2048 bits"));
            }
        }
        KeyData::Ecdsa(_)
        | KeyData::Ed25519(_)
        | KeyData::SkEcdsaSha2NistP256(_)
        | KeyData::SkEd25519(_) => {}
        _ => {
            return Err(failed(
                "that kind of key is not taken; use RSA, ECDSA or Ed25519, or a FIDO key",
            ));
        }
    }
    let comment: String = key
        .comment()
        .to_string()
        .chars()
        .take(LONGEST_COMMENT)
        .collect();
    key.set_comment(comment);
    key.to_openssh().map_err(|_| wrong())
}

fn failed(message: &str) -> SshError {
    SshError::new(ErrorClass::Failed, message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_made_here_is_kept_as_it_is() {
        let pair = crate::keys::ed25519("me@here").expect("a pair");
        assert_eq!(
            public_line(&pair.public_line).expect("taken"),
            pair.public_line
        );
        let pair = crate::keys::rsa_3072("me@here").expect("a pair");
        assert_eq!(
            public_line(&pair.public_line).expect("taken"),
            pair.public_line
        );
    }

    #[test]
    fn what_is_no_key_or_more_than_one_line_is_refused() {
        let key = crate::keys::ed25519("me").expect("a pair").public_line;
        for wrong in [
            "",
            "ssh-ed25519",
            "ssh-rsa AAAA me",
            "hello",
            &format!("{key}\n{key}"),
            &format!("command=\"id\" {key}"),
            &key.replace("ssh-ed25519", "ssh-rsa"),
        ] {
            assert!(public_line(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_dsa_key_is_refused_by_its_kind() {
        let dsa = "ssh-dss AAAAB3NzaC1kc3MAAACBANw9iSUO2UYhFMssjUgW46URqv8bBrDgHeF8HLBOWBvKuXF2Rx2J/XyhgX48SOLMuv0hcPaejlyLarabnF9F2V4dkpPpZSJ+7luHmxEjNxwhsdtg8UteXAWkeCzrQ6MvRJZHcDBjYh56KGvslbFnJsGLXlI4PQCyl6awNImwYGilAAAAFQCJGBU3hZf+QtP9Jh/nbfNlhFu7hwAAAIBHObOQioQVRm3HsVb7mOy3FVKhcLoLO3qoG9gTkd4KeuehtFAC3+rckiX7xSCnE/5BBKdL7VP9WRXac2Nlr9Pwl3e7zPut96wrCHt/TZX6vkfXKkbpUIj5zSqfvyNrWKaYJkfzwAQwrXNS1Hol676Ud/DDEn2oatdEhkS3beWHXAAAAIBgQqaz/YYTRMshzMzYcZ4lqgvgmA55y6v0h39e8HH2A5dwNS6sPUw2jyna+le0dceNRJifFld1J+WYM0vmquSr11DDavgEidOSaXwfMvPPPJqLmbzdtT16N+Gij9U9STQTHPQcQ3xnNNHgQAStzZJbhLOVbDDDo5BO7LMUALDfSA==";
        let error = public_line(dsa).expect_err("refused").to_string();
        assert!(error.contains("RSA"), "{error}");
    }
}
