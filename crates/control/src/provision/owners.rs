//! The owner's own user data beside ours: two parts of one MIME message, which cloud-init reads one after the other.
//!
//! Called where user data comes in, to refuse what cloud-init would not understand, and where it goes out. What must stay
//! true: whatever the owner wrote, our part is read as it is, and first: where both set something, ours counts, and lists
//! of commands and files are joined.

use domain::{Error, Result, random};

/// The longest that is taken, in bytes.
const LONGEST: usize = 64 * 1024;

/// How user data begins, and what cloud-init takes it for.
const KINDS: [(&str, &str); 7] = [
    ("#!", "text/x-shellscript"),
    ("#cloud-config-archive", "text/cloud-config-archive"),
    ("#cloud-config", "text/cloud-config"),
    ("#cloud-boothook", "text/cloud-boothook"),
    ("#include", "text/x-include-url"),
    ("#part-handler", "text/part-handler"),
    ("## template: jinja", "text/jinja2"),
];

/// How the owner's part is laid over ours: lists are joined, and what is set already stays.
const MERGE: &str = "list(append)+dict(no_replace,recurse_array)+str()";

/// Checks an owner's user data.
///
/// Errors: `Invalid` for what is too long or no kind that cloud-init knows.
pub fn check(text: &str) -> Result<()> {
    let message = if text.len() > LONGEST {
        "user_data is longer than 64 KiB"
    } else if kind(text).is_none() {
        "user_data has to begin with #!, #cloud-config or another of cloud-init's marks"
    } else {
        return Ok(());
    };
    Err(Error::invalid(format!("{message}; nothing was done")).field("user_data"))
}

/// Ours and the owner's in one.
pub fn with_owners(ours: &str, owners: &str) -> String {
    // A boundary that nobody could have written into the other part.
    let boundary = random::hex::<16>();
    let kind = kind(owners).unwrap_or("text/plain");
    format!(
        "Content-Type: multipart/mixed; boundary=\"{boundary}\"\nMIME-Version: 1.0\n\n\
         --{boundary}\nContent-Type: text/cloud-config; charset=\"utf-8\"\n\n{ours}\n\
         --{boundary}\nContent-Type: {kind}; charset=\"utf-8\"\nX-Merge-Type: {MERGE}\n\n{owners}\n\
         --{boundary}--\n"
    )
}

fn kind(text: &str) -> Option<&'static str> {
    KINDS
        .iter()
        .find(|(mark, _)| text.starts_with(mark))
        .map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_are_there_as_they_were_written() {
        let (ours, owners) = ("#cloud-config\n{}\n", "#!/bin/sh\ntouch /here\n");
        let both = with_owners(ours, owners);
        let boundary = both
            .split_once("boundary=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .expect("a boundary")
            .0;
        let parts: Vec<_> = both.split(&format!("--{boundary}")).collect();
        assert_eq!(parts.len(), 4, "{both}");
        assert!(parts[1].contains("text/cloud-config") && parts[1].contains(ours));
        assert!(parts[2].contains("text/x-shellscript") && parts[2].contains(owners));
    }

    #[test]
    fn what_cloud_init_does_not_know_is_refused() {
        for wrong in ["", "hello", "\u{1f}\u{8b}", " #!/bin/sh"] {
            assert!(check(wrong).is_err(), "{wrong:?}");
        }
        assert!(check(&format!("#!{}", "x".repeat(LONGEST))).is_err());
        for right in [
            "#!/bin/sh\n",
            "#cloud-config\n{}",
            "#include\nhttps://x.example",
        ] {
            assert!(check(right).is_ok(), "{right:?}");
        }
    }
}
