//! cloud-init's user data as Amazon takes it: in base64, and compressed where it would be too long.
//!
//! Called by `create`. cloud-init recognises what is compressed by itself. What must stay true: what does not fit is
//! refused here, in words that tell what to do.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::errors::rejected;
use crate::cloud::CloudResult;

/// The most that Amazon takes, before base64.
const LONGEST: usize = 16 * 1024;

/// The user data, ready to be sent.
pub(super) fn encoded(text: &str) -> CloudResult<String> {
    if text.len() <= LONGEST {
        return Ok(STANDARD.encode(text));
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let packed = encoder
        .write_all(text.as_bytes())
        .and_then(|()| encoder.finish())
        .map_err(|error| rejected(format!("the user data can't be compressed: {error}")))?;
    if packed.len() > LONGEST {
        return Err(rejected(format!(
            "Amazon EC2 takes {LONGEST} bytes of user data, and this server's are {} even when compressed: choose \
             fewer packages, or make a server and install the rest later",
            packed.len()
        )));
    }
    Ok(STANDARD.encode(packed))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn what_fits_is_sent_as_it_is() {
        let text = "#cloud-config\n".repeat(10);
        let sent = STANDARD
            .decode(encoded(&text).expect("fits"))
            .expect("is base64");
        assert_eq!(sent, text.as_bytes());
        assert!(encoded(&"x".repeat(LONGEST)).is_ok());
    }

    #[test]
    fn what_is_too_long_is_compressed() {
        let text = "#cloud-config\n".repeat(10_000);
        let sent = STANDARD
            .decode(encoded(&text).expect("fits"))
            .expect("is base64");
        assert!(sent.len() <= LONGEST);
        let mut unpacked = String::new();
        GzDecoder::new(&sent[..])
            .read_to_string(&mut unpacked)
            .expect("is compressed");
        assert_eq!(unpacked, text);
    }

    #[test]
    fn what_does_not_fit_even_then_is_refused_with_the_limit() {
        let noise = domain::random::hex::<40_000>();
        let refused = encoded(&noise).expect_err("is too long");
        assert!(refused.message.contains("16384"), "{refused}");
    }
}
