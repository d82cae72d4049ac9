//! Files: a process that may open no more can accept nobody, and goes on when it may again.

use std::process::Command;
use std::time::Duration;

use testkit::{Arcus, Builder, Method, wait};

const PATIENCE: Duration = Duration::from_secs(60);

/// Sets how many files the process may open; what it has open stays so.
fn allow_files(arcus: &Arcus, soft: &str) {
    let status = Command::new("prlimit")
        .arg(format!("--pid={}", arcus.pid()))
        .arg(format!("--nofile={soft}:"))
        .status();
    assert!(status.expect("prlimit runs").success());
}

async fn a_process_that_ran_out_of_files_serves_again_when_there_are_some(builder: Builder) {
    let arcus = builder.start().await;
    allow_files(&arcus, "3");
    let client = arcus.client();
    let request = client.request(Method::GET, "/healthz");
    let waiting = tokio::spawn(async move { client.send(request).await });
    wait::until("a connection to be turned away", PATIENCE, || async {
        let log = arcus.log();
        log.iter()
            .any(|line| line.contains("no connection can be accepted"))
            .then_some(())
    })
    .await;
    allow_files(&arcus, "1024");
    let answer = waiting.await.expect("the request ended");
    assert_eq!(answer.status, 200, "{}", answer.text);
}

testkit::on_both_databases!(a_process_that_ran_out_of_files_serves_again_when_there_are_some);
