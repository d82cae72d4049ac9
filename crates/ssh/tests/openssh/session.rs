//! The session against a real OpenSSH server.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use ssh::keys::{self, Pair};
use ssh::{ErrorClass, Session, quote};

use crate::sshd::Sshd;

const LIMIT: Duration = Duration::from_secs(20);

fn key() -> Pair {
    keys::ed25519("test").expect("a key pair")
}

async fn connected() -> (Sshd, Session) {
    let key = key();
    let server = Sshd::start(&key);
    let session = Session::connect(&server.target(&key), LIMIT)
        .await
        .expect("connects");
    (server, session)
}

async fn refused(target: &ssh::Target) -> ssh::SshError {
    match Session::connect(target, LIMIT).await {
        Ok(_) => panic!("it let us in"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_command_returns_what_it_printed_and_its_status() {
    let (_server, session) = connected().await;
    let mut lines = Vec::new();
    let command = "echo out; echo err >&2; printf unfinished; exit 7";
    let output = session
        .run(command, None, LIMIT, |line| lines.push(line.to_owned()))
        .await
        .expect("runs");
    assert_eq!((output.status, output.success()), (7, false));
    assert_eq!(
        (output.stdout.as_str(), output.stderr.as_str()),
        ("out\nunfinished", "err\n")
    );
    lines.sort();
    assert_eq!(lines, ["err", "out", "unfinished"]);
}

#[tokio::test]
async fn one_connection_runs_several_commands_at_once() {
    let (_server, session) = connected().await;
    let one = session.run("echo 1", None, LIMIT, |_| ());
    let two = session.run("echo 2", None, LIMIT, |_| ());
    let (one, two) = tokio::join!(one, two);
    assert_eq!(
        (
            one.expect("runs").stdout.as_str(),
            two.expect("runs").stdout.as_str()
        ),
        ("1\n", "2\n")
    );
}

#[tokio::test]
async fn a_command_reads_its_whole_input_while_its_output_is_read() {
    let (_server, session) = connected().await;
    let input = vec![b'x'; 5 * 1024 * 1024];
    let output = session
        .run("tee /dev/stderr | wc -c", Some(&input), LIMIT, |_| ())
        .await
        .expect("runs");
    assert_eq!(output.stdout.trim(), input.len().to_string());
    assert_eq!(output.stderr.len(), 64 * 1024);
}

#[tokio::test]
async fn a_command_that_leaves_its_input_unread_still_ends() {
    let (_server, session) = connected().await;
    let input = vec![b'x'; 8 * 1024 * 1024];
    let output = session
        .run("exit 3", Some(&input), LIMIT, |_| ())
        .await
        .expect("runs");
    assert_eq!(output.status, 3);
}

#[tokio::test]
async fn only_the_end_of_a_big_output_is_kept_and_every_line_is_handed_on() {
    let (_server, session) = connected().await;
    let mut count = 0;
    let output = session
        .run("seq 1000000", None, LIMIT, |_| count += 1)
        .await
        .expect("runs");
    assert_eq!(count, 1_000_000);
    assert_eq!(output.stdout.len(), 64 * 1024);
    assert!(output.stdout.ends_with("999999\n1000000\n"));
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_left_and_the_session_lives_on() {
    let (_server, session) = connected().await;
    let begun = Instant::now();
    let error = session
        .run("exec sleep 600", None, Duration::from_millis(200), |_| ())
        .await
        .expect_err("late");
    assert_eq!(error.class, ErrorClass::TimedOut);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(
        session
            .run("echo still here", None, LIMIT, |_| ())
            .await
            .expect("runs")
            .stdout,
        "still here\n"
    );
}

#[tokio::test]
async fn a_command_that_leaves_a_child_with_its_output_ends_all_the_same() {
    let (_server, session) = connected().await;
    let begun = Instant::now();
    let output = session
        .run("sleep 15 & echo done", None, LIMIT, |_| ())
        .await
        .expect("runs");
    assert_eq!((output.status, output.stdout.as_str()), (0, "done\n"));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_command_that_a_signal_ends_has_that_signal_in_its_status() {
    let (_server, session) = connected().await;
    assert_eq!(
        session
            .run("kill -KILL $$", None, LIMIT, |_| ())
            .await
            .expect("runs")
            .status,
        137
    );
}

#[tokio::test]
async fn the_host_key_that_was_seen_is_accepted_again() {
    let key = key();
    let server = Sshd::start(&key);
    let mut target = server.target(&key);
    let first = Session::connect(&target, LIMIT).await.expect("connects");
    assert!(first.host_key().starts_with("ssh-ed25519 AAAA"));
    let of_the_host =
        std::fs::read_to_string(server.directory.path().join("host_key.pub")).expect("read");
    assert!(of_the_host.starts_with(first.host_key()));
    target.host_key = Some(first.host_key().to_owned());
    Session::connect(&target, LIMIT)
        .await
        .expect("connects again")
        .close()
        .await;
}

#[tokio::test]
async fn a_changed_host_key_is_refused_in_words_that_help() {
    let key = key();
    let mut server = Sshd::start(&key);
    let mut target = server.target(&key);
    target.host_key = Some(
        Session::connect(&target, LIMIT)
            .await
            .expect("connects")
            .host_key()
            .to_owned(),
    );
    server.reinstall();
    let error = refused(&target).await;
    assert_eq!(error.class, ErrorClass::HostKeyChanged);
    assert!(
        error.message.contains("SHA256:") && error.message.contains("rebuild"),
        "{error}"
    );
}

#[tokio::test]
async fn a_host_that_lost_the_pinned_kind_of_key_counts_as_changed() {
    let key = key();
    let server = Sshd::start(&key);
    let mut target = server.target(&key);
    // The example key of NIST P-256 from russh's own tests of OpenSSH's format.
    target.host_key = Some(
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg="
            .to_owned(),
    );
    assert_eq!(refused(&target).await.class, ErrorClass::HostKeyChanged);
}

#[tokio::test]
async fn a_wrong_key_is_refused_as_such() {
    let server = Sshd::start(&key());
    assert_eq!(
        refused(&server.target(&key())).await.class,
        ErrorClass::AuthRefused
    );
}

#[tokio::test]
async fn a_key_that_is_none_fails_without_being_quoted() {
    let server = Sshd::start(&key());
    let other = key();
    let mut target = server.target(&other);
    let broken =
        SecretString::from("-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n");
    target.key = broken;
    let error = refused(&target).await;
    assert_eq!(error.class, ErrorClass::Failed);
    assert!(!format!("{error:?} {error}").contains("hunter2"));
}

#[tokio::test]
async fn a_host_that_is_not_there_is_unreachable() {
    let key = key();
    let mut server = Sshd::start(&key);
    let target = server.target(&key);
    server.stop();
    assert_eq!(refused(&target).await.class, ErrorClass::Unreachable);
}

#[tokio::test]
async fn a_host_that_accepts_and_says_nothing_times_out() {
    let key = key();
    let server = Sshd::start(&key);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let mut target = server.target(&key);
    target.port = silent.local_addr().expect("an address").port();
    let error = Session::connect(&target, Duration::from_millis(300))
        .await
        .err()
        .expect("no session");
    assert_eq!(error.class, ErrorClass::TimedOut);
}

#[tokio::test]
async fn an_upload_arrives_whole_with_its_mode_whatever_its_name() {
    let (server, session) = connected().await;
    let path = server.directory.path().join("it's $(a) file");
    let bytes: Vec<u8> = (0..200_000_u32).map(|i| i.to_le_bytes()[0]).collect();
    // An upload writes as root; another user's sshd of a test has no sudo to do so.
    if server.user != "root" {
        return;
    }
    session
        .upload(path.to_str().expect("text"), 0o640, &bytes)
        .await
        .expect("uploaded");
    assert_eq!(std::fs::read(&path).expect("read"), bytes);
    assert_eq!(
        std::fs::metadata(&path)
            .expect("there")
            .permissions()
            .mode()
            & 0o7777,
        0o640
    );
    let error = session
        .upload("/nonexistent/file", 0o600, b"x")
        .await
        .expect_err("no such directory");
    assert_eq!(error.class, ErrorClass::Failed);
}

#[test]
fn a_quoted_word_stays_one_word() {
    assert_eq!(quote("it's $(a) `word`"), r"'it'\''s $(a) `word`'");
}
