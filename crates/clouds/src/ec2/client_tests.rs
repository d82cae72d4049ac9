//! The client against an HTTP stand-in with faults that Amazon has and its imitations don't.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use domain::credentials::Credentials as Given;

use super::*;
use crate::cloud::ErrorClass;

const SECRET: &str = "canary/secret+key0123456789";

/// Reads a request whole and answers it, or hangs up where there is no answer.
async fn serve(mut stream: TcpStream, answer: Option<String>) -> String {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let read = stream.read(&mut chunk).await.expect("is read");
        request.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body.len());
        if read == 0 || (body.is_some() && body >= length) {
            break;
        }
    }
    if let Some(answer) = answer {
        stream.write_all(answer.as_bytes()).await.expect("is sent");
    }
    String::from_utf8_lossy(&request).into_owned()
}

/// What a call comes to, and the request that was sent.
async fn call(action: Action, answer: Option<String>) -> (Called<()>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a call");
        serve(stream, answer).await
    });
    let client = client(&format!("http://{address}"));
    let called = client
        .run("us-east-1", action, Form::new().with("Key", "a b"))
        .await;
    (called, served.await.expect("is served"))
}

fn client(endpoint: &str) -> Client {
    let settings = Settings {
        region: "us-east-1".to_owned(),
        options: json!({ "endpoint": endpoint })
            .as_object()
            .cloned()
            .expect("an object"),
        credentials: Given::default()
            .with("accessKey", "AKIDCANARY")
            .with("secretKey", SECRET)
            .with("sessionToken", "canary-token"),
        budget: Budget::default(),
    };
    let options = Options::read(&settings).expect("valid");
    Client::new(&options, &settings).expect("a client")
}

fn refusal(status: &str, headers: &str, code: &str, message: &str) -> String {
    let body = format!(
        "<?xml version=\"1.0\"?><Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error>\
         </Errors><RequestID>r</RequestID></Response>"
    );
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

fn class(called: Called<()>) -> ErrorClass {
    called.expect_err("fails").error.class
}

#[tokio::test]
async fn a_call_is_signed_and_shows_no_secret() {
    let done = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n<a/>".to_owned();
    let (called, request) = call(Action::StartInstances, Some(done)).await;
    called.expect("works");
    assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("Credential=AKIDCANARY/"), "{request}");
    assert!(request.contains("/us-east-1/ec2/aws4_request"), "{request}");
    assert!(
        request.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token"),
        "{request}"
    );
    assert!(
        request.ends_with("Key=a+b&Action=StartInstances&Version=2016-11-15"),
        "{request}"
    );
    assert!(!request.contains(SECRET));
}

#[tokio::test]
async fn a_throttled_call_says_when_to_come_back() {
    for (headers, seconds) in [("", 5), ("retry-after: 7\r\n", 7)] {
        let answer = refusal("503 X", headers, "RequestLimitExceeded", "slow down");
        let (called, _) = call(Action::RunInstances, Some(answer)).await;
        assert_eq!(
            class(called),
            ErrorClass::Throttled(Duration::from_secs(seconds))
        );
    }
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_call_leaves_the_outcome_open() {
    let (called, _) = call(Action::RunInstances, None).await;
    assert_eq!(class(called), ErrorClass::OutcomeUnknown);
    let (called, _) = call(Action::DescribeInstances, None).await;
    assert_eq!(class(called), ErrorClass::Unavailable);
}

#[tokio::test]
async fn a_call_that_never_left_is_known_to_have_had_no_effect() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let client = client(&format!("http://{address}"));
    let called = client.run("us-east-1", Action::RunInstances, Form::new());
    assert_eq!(class(called.await), ErrorClass::Unavailable);
}

#[tokio::test]
async fn an_expired_token_is_a_matter_of_the_credentials() {
    for code in ["RequestExpired", "ExpiredToken"] {
        let answer = refusal("400 X", "", code, "The security token is expired");
        let (called, _) = call(Action::RunInstances, Some(answer)).await;
        assert_eq!(class(called), ErrorClass::Auth);
    }
}

#[tokio::test]
async fn a_failure_of_amazons_own_leaves_the_outcome_open() {
    let (called, _) = call(
        Action::RunInstances,
        Some(refusal("500 X", "", "InternalError", "oh")),
    )
    .await;
    assert_eq!(class(called), ErrorClass::OutcomeUnknown);
    let gateway = "HTTP/1.1 502 X\r\ncontent-length: 5\r\n\r\n<html".to_owned();
    let (called, _) = call(Action::RunInstances, Some(gateway)).await;
    assert_eq!(class(called), ErrorClass::OutcomeUnknown);
}

#[tokio::test]
async fn an_answer_that_repeats_the_credentials_is_told_without_them() {
    let words = format!("bad: {SECRET} canary-token AKIDCANARY");
    for (code, message) in [("SignatureDoesNotMatch", words.as_str()), (&words, "oh")] {
        let answer = refusal("403 X", "", code, message);
        let (called, _) = call(Action::DescribeRegions, Some(answer)).await;
        let Failure { code, error } = called.expect_err("fails");
        assert_eq!(error.class, ErrorClass::Auth);
        assert!(error.message.contains("[a secret]"), "{error}");
        for secret in [SECRET, "canary-token", "AKIDCANARY"] {
            assert!(!error.message.contains(secret), "{error}");
            assert!(!code.contains(secret), "{code}");
        }
    }
}
