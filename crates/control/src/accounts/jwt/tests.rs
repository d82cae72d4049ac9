//! Tokens that are signed with the right key, and are refused all the same.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ErrorKind;
use jsonwebtoken::crypto;
use serde_json::{Value, json};

use super::*;

const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The moment at which everything is signed, with a part of a second that is not counted.
const NOW: Timestamp = Timestamp(1_800_000_000_250_000);

fn signer() -> Signer {
    Signer::new(&SecretString::from(KEY))
}

fn pair() -> Signed {
    signer().pair(7, "family", "number", NOW).expect("signs")
}

/// What is in a token that is good.
fn claims() -> Value {
    let seconds = seconds(NOW);
    json!({
        "typ": "access", "sub": "7", "fam": "family", "jti": "number", "iat": seconds, "exp": seconds + 60,
    })
}

/// A token with that header and those claims, signed with the right key by that algorithm.
fn forged(header: &Value, claims: &Value, algorithm: Algorithm) -> SecretString {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let key = EncodingKey::from_secret(KEY.as_bytes());
    let signature = crypto::sign(message.as_bytes(), &key, algorithm).expect("signs");
    SecretString::from(format!("{message}.{signature}"))
}

fn head(algorithm: &str) -> Value {
    json!({"alg": algorithm, "typ": "JWT"})
}

fn assert_refused(token: &SecretString, what: &str) {
    for kind in [Kind::Access, Kind::Refresh] {
        let error = signer().check(token, kind, NOW).expect_err(what);
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{what}");
    }
}

#[test]
fn a_token_that_was_put_together_by_hand_is_good_with_the_right_algorithm() {
    // So that what follows is refused for what it says it is for.
    let token = forged(&head("HS256"), &claims(), Algorithm::HS256);
    let checked = signer().check(&token, Kind::Access, NOW).expect("is good");
    assert_eq!(checked.fam, "family");
}

#[test]
fn another_algorithm_with_the_right_key_is_refused() {
    for (name, algorithm) in [("HS384", Algorithm::HS384), ("HS512", Algorithm::HS512)] {
        assert_refused(&forged(&head(name), &claims(), algorithm), name);
        // Nor does it help to say the one and to be the other.
        let what = format!("{name}, called HS256");
        assert_refused(&forged(&head("HS256"), &claims(), algorithm), &what);
        let what = format!("HS256, called {name}");
        assert_refused(&forged(&head(name), &claims(), Algorithm::HS256), &what);
    }
}

#[test]
fn no_algorithm_is_refused_with_a_signature_and_without() {
    for name in ["none", "None", "NONE", "nOnE", ""] {
        let signed = forged(&head(name), &claims(), Algorithm::HS256);
        assert_refused(&signed, name);
        let (message, _) = signed
            .expose_secret()
            .rsplit_once('.')
            .expect("three parts");
        for bare in [format!("{message}."), message.to_owned()] {
            assert_refused(&SecretString::from(bare), name);
        }
    }
    let unnamed = forged(&json!({"typ": "JWT"}), &claims(), Algorithm::HS256);
    assert_refused(&unnamed, "a header without alg");
}

#[test]
fn another_key_is_refused() {
    let token = pair().token;
    let other = Signer::new(&SecretString::from(KEY.replace('0', "1")));
    let error = other.check(&token, Kind::Access, NOW);
    assert_eq!(
        error.expect_err("is refused").kind(),
        ErrorKind::Unauthenticated
    );
}

#[test]
fn claims_that_are_missing_or_changed_are_refused() {
    for name in ["typ", "sub", "fam", "jti", "iat", "exp"] {
        let mut less = claims();
        less.as_object_mut().expect("an object").remove(name);
        assert_refused(&forged(&head("HS256"), &less, Algorithm::HS256), name);
    }
    let mut later = claims();
    later["exp"] = json!(9_999_999_999_u64);
    let (good, changed) = (claims(), later);
    let good = forged(&head("HS256"), &good, Algorithm::HS256);
    let changed = forged(&head("HS256"), &changed, Algorithm::HS256);
    let (_, signature) = good.expose_secret().rsplit_once('.').expect("three parts");
    let (message, _) = changed
        .expose_secret()
        .rsplit_once('.')
        .expect("three parts");
    let mixed = SecretString::from(format!("{message}.{signature}"));
    assert_refused(&mixed, "another token's signature");
}

#[test]
fn an_access_token_is_good_for_45_minutes_and_a_refresh_token_for_24_hours() {
    let signer = signer();
    let pair = pair();
    for (token, kind, seconds) in [
        (&pair.token, Kind::Access, 45 * 60),
        (&pair.refresh_token, Kind::Refresh, 24 * 60 * 60),
    ] {
        let begin = Timestamp(NOW.0 - NOW.0 % 1_000_000);
        let end = begin.plus(Duration::from_secs(seconds));
        let last = Timestamp(end.0 - 1);
        for (now, is_good) in [(NOW, true), (last, true), (end, false)] {
            let checked = signer.check(token, kind, now);
            assert_eq!(checked.is_ok(), is_good, "{kind:?} at {now}");
        }
    }
}

#[test]
fn either_kind_is_refused_in_the_others_place() {
    let (signer, pair) = (signer(), pair());
    assert!(signer.check(&pair.token, Kind::Access, NOW).is_ok());
    assert!(signer.check(&pair.token, Kind::Refresh, NOW).is_err());
    assert!(
        signer
            .check(&pair.refresh_token, Kind::Refresh, NOW)
            .is_ok()
    );
    assert!(
        signer
            .check(&pair.refresh_token, Kind::Access, NOW)
            .is_err()
    );
}
