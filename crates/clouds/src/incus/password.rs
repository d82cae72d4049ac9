//! Setting a user's password inside an instance, and letting the user in with it by SSH.
//!
//! What must stay true: the hash goes over standard input only and gets into no error; no text that came from outside is
//! a part of the shell's text, which is [`SCRIPT`] and never anything else.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::Incus;
use crate::cloud::{CloudError, CloudResult, ErrorClass, InstanceRef};
use crate::password;

const LIMIT: Duration = Duration::from_mins(1);

/// Takes the user's name as its argument, and `NAME:HASH` as its input.
const SCRIPT: &str = include_str!("password.sh");

/// The script's code where the system did not take the password.
const NOT_TAKEN: i64 = 3;

// === impl Incus ===

impl Incus {
    pub(super) async fn change_password(
        &self,
        at: &InstanceRef,
        user: &str,
        hash: &SecretString,
    ) -> CloudResult<()> {
        let exposed = hash.expose_secret();
        password::check(user, exposed)?;
        let line = SecretString::from(format!("{user}:{exposed}\n"));
        let command = ["sh", "-c", SCRIPT, "sh", user];
        let ended = self.exec(at, &command, &line, LIMIT).await?;
        let complaint = ended.complaint.replace(exposed, "(password)");
        let complaint = complaint.trim();
        match ended.code {
            0 => Ok(()),
            NOT_TAKEN => Err(rejected(format!(
                "the system did not take the password: {complaint}"
            ))),
            _ => Err(rejected(format!(
                "the password is set, but the SSH server was not told to accept it: {complaint}"
            ))),
        }
    }
}

fn rejected(message: String) -> CloudError {
    CloudError::new(ErrorClass::Rejected, message)
}
