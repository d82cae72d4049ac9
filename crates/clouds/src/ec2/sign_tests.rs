//! Amazon's published test vectors, put through the function that signs calls.

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SessionTokenMode, UriPathNormalizationMode,
};

use super::*;

/// As `sign_vectors.txt` holds them; how, is told at its beginning.
const VECTORS: &str = include_str!("sign_vectors.txt");

/// What no HTTP request of ours can be: the crate `http` has neither a value that goes on in a second line, which HTTP has
/// long forbidden, nor an address with a space in it.
const INEXPRESSIBLE: [&str; 2] = ["get-header-value-multiline", "get-space-unnormalized"];

#[derive(Default)]
struct Vector<'a> {
    name: &'a str,
    special: Vec<&'a str>,
    method: &'a str,
    target: &'a str,
    headers: Vec<(&'a str, String)>,
    token: Option<String>,
    body: &'a str,
    signature: &'a str,
}

fn vectors() -> Vec<Vector<'static>> {
    let (_, all) = VECTORS.split_once("\n\n").expect("an introduction");
    all.split("\n\n").map(read).collect()
}

fn read(text: &'static str) -> Vector<'static> {
    let mut lines = text.lines();
    let mut words = lines.next().expect("a name").split(' ');
    let (method, target) = lines
        .next()
        .and_then(|line| line.split_once(' '))
        .expect("a target");
    let mut vector = Vector {
        name: words.next().expect("a name"),
        special: words.collect(),
        method,
        target,
        ..Vector::default()
    };
    for line in lines {
        let (kind, rest) = line.split_once(' ').expect("a kind of line");
        match kind {
            ">" => {
                let (name, value) = rest.split_once(':').expect("a header");
                vector.headers.push((name, value.to_owned()));
            }
            "+" => {
                let (_, value) = vector.headers.last_mut().expect("a header");
                value.push('\n');
                value.push_str(rest);
            }
            "token" => vector.token = Some(rest.to_owned()),
            "|" => vector.body = rest,
            "=" => vector.signature = rest,
            kind => panic!("{kind} is no kind of line"),
        }
    }
    vector
}

// === impl Vector ===

impl Vector<'_> {
    /// The signature that comes out: by the very function that signs calls where the vector asks for nothing else than it
    /// does, else by what that calls, with other settings.
    fn signed(&self) -> CloudResult<String> {
        let token = self.token.clone();
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let credentials = Credentials::new("AKIDEXAMPLE", secret, token, None, "test");
        let scope = Scope {
            region: "us-east-1",
            service: "service",
            at: Timestamp(1_440_938_160_000_000),
        };
        let given: Vec<(&str, &str)> = self
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let request = Unsigned {
            method: self.method,
            url: &format!("https://example.amazonaws.com{}", self.target),
            headers: &given,
            body: self.body.as_bytes(),
        };
        let signed = match self.settings() {
            None => headers(&credentials, scope, request)?,
            Some(settings) => signed(&credentials, scope, request, settings)?,
        };
        let find = |(name, _): &&(String, String)| name == "authorization";
        let (_, value) = signed.iter().find(find).expect("it is signed");
        let (_, signature) = value.split_once("Signature=").expect("it is there");
        Ok(signature.to_owned())
    }

    fn settings(&self) -> Option<SigningSettings> {
        let mut settings = SigningSettings::default();
        // The default is for services that encode a path twice.
        let is_encoded = self.target.contains("%20");
        if is_encoded {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
        }
        for special in &self.special {
            match *special {
                "path-as-it-is" => {
                    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
                }
                "body-in-a-header" => {
                    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
                }
                "token-unsigned" => settings.session_token_mode = SessionTokenMode::Exclude,
                special => panic!("{special} is nothing special"),
            }
        }
        (is_encoded || !self.special.is_empty()).then_some(settings)
    }
}

#[test]
fn amazons_vectors_come_out_as_published() {
    let mut by_what_signs_calls = 0;
    let vectors = vectors();
    assert_eq!(vectors.len(), 38);
    for vector in vectors {
        if INEXPRESSIBLE.contains(&vector.name) {
            continue;
        }
        let signature = vector.signed();
        let signature = signature.unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        assert_eq!(signature, vector.signature, "{}", vector.name);
        by_what_signs_calls += usize::from(vector.settings().is_none());
    }
    assert_eq!(by_what_signs_calls, 26);
}

#[test]
fn what_no_request_can_be_is_refused_and_not_signed_otherwise() {
    for vector in vectors() {
        if INEXPRESSIBLE.contains(&vector.name) {
            assert!(vector.signed().is_err(), "{}", vector.name);
        }
    }
}
