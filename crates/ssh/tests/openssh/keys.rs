//! Key pairs and fingerprints, judged by OpenSSH's own tools.

use std::io::Write;
use std::process::{Command, Stdio};

use secrecy::ExposeSecret;
use ssh::Session;
use ssh::keys::{self, Pair};

use crate::sshd::Sshd;

/// The public key and fingerprint that `ssh-keygen` finds in a private key.
fn as_openssh_reads(pair: &Pair) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("key");
    std::fs::write(&file, pair.private_pem.expose_secret()).expect("written");
    Command::new("chmod")
        .arg("600")
        .arg(&file)
        .status()
        .expect("chmod");
    let output = Command::new("ssh-keygen")
        .args(["-y", "-P", "", "-f"])
        .arg(&file)
        .output()
        .expect("ssh-keygen");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .expect("text")
        .trim()
        .to_owned()
}

fn fingerprint_by_openssh(line: &str, hash: &str) -> String {
    let mut process = Command::new("ssh-keygen")
        .args(["-l", "-E", hash, "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ssh-keygen");
    process
        .stdin
        .take()
        .expect("piped")
        .write_all(line.as_bytes())
        .expect("written");
    let text = String::from_utf8(process.wait_with_output().expect("ends").stdout).expect("text");
    text.split_whitespace()
        .nth(1)
        .expect("a fingerprint")
        .to_owned()
}

#[test]
fn an_ed25519_pair_is_one_that_openssh_reads() {
    let pair = keys::ed25519("arcus control\nplane").expect("a pair");
    assert!(
        pair.private_pem
            .expose_secret()
            .starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    );
    assert!(
        pair.public_line.starts_with("ssh-ed25519 AAAA")
            && pair.public_line.ends_with("arcus control plane")
    );
    assert_eq!(as_openssh_reads(&pair), pair.public_line);
}

#[test]
fn an_rsa_pair_is_pkcs_1_and_one_that_openssh_reads() {
    let pair = keys::rsa_3072("andrei").expect("a pair");
    let pem = pair.private_pem.expose_secret();
    assert!(
        pem.starts_with("-----BEGIN RSA PRIVATE KEY-----\n")
            && pem.ends_with("-----END RSA PRIVATE KEY-----\n")
    );
    assert!(pem.lines().all(|line| line.len() <= 64));
    assert_eq!(
        format!("{} andrei", as_openssh_reads(&pair)),
        pair.public_line
    );
    assert!(!format!("{pair:?}").contains("BEGIN"));
}

#[test]
fn fingerprints_are_those_of_openssh() {
    let line = keys::ed25519("x").expect("a pair").public_line;
    let md5 = keys::md5_fingerprint(&line).expect("a fingerprint");
    assert_eq!(format!("MD5:{md5}"), fingerprint_by_openssh(&line, "md5"));
    assert_eq!(
        keys::sha256_fingerprint(&line).expect("a fingerprint"),
        fingerprint_by_openssh(&line, "sha256")
    );
}

#[test]
fn what_is_no_public_key_has_no_fingerprint() {
    let line = keys::ed25519("x").expect("a pair").public_line;
    let other_kind = line.replace("ssh-ed25519", "ssh-rsa");
    for wrong in ["", "ssh-rsa", "ssh-rsa ???", "ssh-rsa AAAA", &other_kind] {
        assert!(keys::md5_fingerprint(wrong).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_pair_in_pkcs_8_logs_in_as_well() {
    // The private key of RFC 8410, section 10.3, and its public half.
    let pair = Pair {
        private_pem: "-----BEGIN PRIVATE KEY-----\n\
                      MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                      -----END PRIVATE KEY-----\n"
            .into(),
        public_line:
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBm/RAlphM3+hUG6wWfcO5bIUIaqMLa2ywxcOK1wMWbh"
                .to_owned(),
    };
    let server = Sshd::start(&pair);
    Session::connect(&server.target(&pair), std::time::Duration::from_secs(20))
        .await
        .expect("connects");
}
