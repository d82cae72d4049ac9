//! Key pairs and fingerprints.
//!
//! Called by `control` when an organisation is made and when a key is shown. What must stay true: a private key
//! leaves here as a [`SecretString`] only, and what held it on the way is wiped.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use md5::Md5;
use russh::keys::PrivateKey;
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::{ErrorClass, SshError};

/// A key pair for SSH.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The private key as PEM.
    pub private_pem: SecretString,
    /// The public key as one line: kind, base64, comment.
    pub public_line: String,
}

/// A new Ed25519 pair; the private key in OpenSSH's format.
pub fn ed25519(comment: &str) -> Result<Pair, SshError> {
    let seed = Zeroizing::new(domain::random::bytes::<32>());
    let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed));
    let fault = |error| failed(format!("an Ed25519 key pair can't be written: {error}"));
    let key = PrivateKey::new(pair, one_line(comment)).map_err(fault)?;
    let private_pem = key.to_openssh(LineEnding::LF).map_err(fault)?;
    Ok(Pair {
        private_pem: SecretString::from(private_pem.as_str()),
        public_line: key.public_key().to_openssh().map_err(fault)?,
    })
}

/// A new RSA pair of 3072 bits; the private key as PKCS#1 PEM, which the oldest clients load.
///
/// It takes up to a second of processor time: call it where blocking is allowed.
pub fn rsa_3072(comment: &str) -> Result<Pair, SshError> {
    let fault = || failed("an RSA key pair can't be made".to_owned());
    let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa3072).map_err(|_| fault())?;
    let pkcs8: Pkcs8V1Der<'static> = pair.as_der().map_err(|_| fault())?;

    // PKCS#8 is SEQUENCE { version, algorithm, OCTET STRING { PKCS#1 } }, and PKCS#1 begins with
    // SEQUENCE { version, modulus, public exponent, ... }.
    let mut outer = Der(pkcs8.as_ref()).enter(SEQUENCE).ok_or_else(fault)?;
    outer
        .next(INTEGER)
        .and_then(|_| outer.next(SEQUENCE))
        .ok_or_else(fault)?;
    let pkcs1 = outer.next(OCTET_STRING).ok_or_else(fault)?;
    let mut inner = Der(pkcs1).enter(SEQUENCE).ok_or_else(fault)?;
    inner.next(INTEGER).ok_or_else(fault)?;
    let modulus = inner.next(INTEGER).ok_or_else(fault)?;
    let exponent = inner.next(INTEGER).ok_or_else(fault)?;

    // SSH writes integers as DER does: big-endian, with a zero byte before a set top bit.
    let blob: Vec<u8> = [b"ssh-rsa".as_slice(), exponent, modulus]
        .into_iter()
        .flat_map(ssh_string)
        .collect();
    let public_line = format!("ssh-rsa {} {}", STANDARD.encode(blob), one_line(comment));
    Ok(Pair {
        private_pem: pem("RSA PRIVATE KEY", pkcs1),
        public_line: public_line.trim_end().to_owned(),
    })
}

/// The MD5 fingerprint of a public key's line: 16 pairs of hexadecimal digits with colons between them.
pub fn md5_fingerprint(public_line: &str) -> Result<String, SshError> {
    let digest = Md5::digest(blob(public_line)?);
    let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(pairs.join(":"))
}

/// The SHA-256 fingerprint of a public key's line as OpenSSH prints it: `SHA256:...`.
pub fn sha256_fingerprint(public_line: &str) -> Result<String, SshError> {
    Ok(format!(
        "SHA256:{}",
        STANDARD_NO_PAD.encode(Sha256::digest(blob(public_line)?))
    ))
}

fn blob(public_line: &str) -> Result<Vec<u8>, SshError> {
    let wrong =
        || failed("an SSH public key is a line such as: ssh-ed25519 AAAA... comment".to_owned());
    let mut words = public_line.split_whitespace();
    let (kind, data) = words.next().zip(words.next()).ok_or_else(wrong)?;
    let blob = STANDARD.decode(data).map_err(|_| wrong())?;
    // The blob names its own kind; a line whose two parts disagree is not one key.
    if blob.starts_with(&ssh_string(kind.as_bytes())) {
        Ok(blob)
    } else {
        Err(wrong())
    }
}

fn failed(message: String) -> SshError {
    SshError::new(ErrorClass::Failed, message)
}

fn ssh_string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), bytes].concat()
}

fn one_line(comment: &str) -> String {
    comment.replace(char::is_control, " ").trim().to_owned()
}

fn pem(label: &str, der: &[u8]) -> SecretString {
    let base64 = Zeroizing::new(STANDARD.encode(der));
    // Sized beforehand: a string that grows leaves copies behind.
    let size = base64.len() + base64.len() / 64 + 2 * label.len() + 64;
    let mut pem = Zeroizing::new(String::with_capacity(size));
    pem.extend(["-----BEGIN ", label, "-----\n"]);
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.extend(["-----END ", label, "-----\n"]);
    SecretString::from(pem.as_str())
}

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// What is left of a DER encoding; enough of DER to find the parts of a private key that we wrote ourselves.
struct Der<'a>(&'a [u8]);

// === impl Der ===

impl<'a> Der<'a> {
    /// The content of the next element, if it is one of this tag.
    fn next(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (&found, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (
                digits.iter().try_fold(0_usize, |sum, &digit| {
                    Some(sum.checked_mul(256)? + usize::from(digit))
                })?,
                rest,
            )
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        (found == tag).then_some(content)
    }

    fn enter(mut self, tag: u8) -> Option<Self> {
        self.next(tag).map(Der)
    }
}
