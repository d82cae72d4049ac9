//! Two hundred servers on Amazon EC2 with 50 ms a call, against Apache Libcloud doing the same with a thread for each server.
//!
//! Both speak to a stand-in of Amazon's API, which says `running` at the look after the create: what is measured is how well
//! the calls are made, and not how long a machine boots.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::ec2::{ACCESS_KEY, SECRET_KEY, StandIn};
use testkit::{Builder, Client};

use crate::table::{Table, median, ms};

const SERVERS: usize = 200;
const LATENCY: Duration = Duration::from_millis(50);
const ROUNDS: usize = 10;

/// How long a run took, and how many calls it made.
type Run = (Duration, usize);

pub(crate) async fn run(table: &mut Table) {
    let python = std::env::var("ARCUS_BENCH_LIBCLOUD").expect(
        "ARCUS_BENCH_LIBCLOUD names a Python with Apache Libcloud; scripts/bench.sh sees to it",
    );
    let (mut ours, mut theirs): (Vec<Run>, Vec<Run>) = Default::default();
    for _ in 0..ROUNDS {
        ours.push(arcus().await);
        theirs.push(libcloud(&python).await);
    }
    let time = |runs: &[Run]| median(runs.iter().map(|(time, _)| *time).collect());
    let calls = |runs: &[Run]| runs.iter().map(|(_, calls)| *calls).max().unwrap_or(0);
    let (our_time, their_time) = (time(&ours), time(&theirs));
    table.at_most(
        "200 servers on EC2, 50 ms a call, until all run, against Apache Libcloud",
        ms(our_time),
        ms(their_time),
        our_time.as_secs_f64() / their_time.as_secs_f64(),
        Some(0.5),
    );
    #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
    let ratio = calls(&ours) as f64 / SERVERS as f64;
    table.at_most(
        "calls made for them, the most of ten runs, against the number of servers",
        calls(&ours).to_string(),
        format!("{SERVERS} (Libcloud: {})", calls(&theirs)),
        ratio,
        Some(1.1),
    );
}

fn stand_in() -> StandIn {
    let ec2 = StandIn::start();
    ec2.set_pace(Duration::ZERO);
    ec2.set_settling(Duration::ZERO);
    ec2.set_latency(LATENCY);
    ec2
}

async fn arcus() -> Run {
    let ec2 = stand_in();
    let arcus = Builder::new(env!("CARGO_BIN_EXE_arcus"))
        .flag(&format!("--max-nodes={SERVERS}"))
        .variable("ARCUS_EC2_ENDPOINT", &ec2.url())
        .start()
        .await;
    let client = arcus.client().register("bench", "bench@example.com").await;
    let body = json!({"cloud_provider": "ec2", "provider_name": "amazon", "accessKey": ACCESS_KEY,
        "secretKey": SECRET_KEY});
    let added = client.post("/providers", &body).await.ok();
    // What a size is called is known before the clock runs, as it is to the peer.
    let id = added[0]["id"].as_str().expect("an id");
    client.get(&format!("/providers/{id}/meta")).await.ok();
    let body = json!({"provider_id": added[0]["id"], "region": "us-east-1", "environment": "burst",
        "nodes": [{"name": "web", "size": "t2.micro", "count": SERVERS}]});
    let before = ec2.calls().len();
    let started = Instant::now();
    client.post("/environments?wait=0", &body).await.expect(202);
    // As the peer does, it begins to look when all are made: each look is work that is measured too.
    while ec2.count("RunInstances") < SERVERS || !all_run(&client).await {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    (started.elapsed(), ec2.calls().len() - before)
}

/// Whether the API shows that all of them run; their systems are not there, so that nobody can log in to them.
async fn all_run(client: &Client) -> bool {
    let listed = client.get("/environments").await.ok();
    let nodes = listed[0]["nodes"].as_array().expect("an array");
    let runs = |node: &Value| node["status"] == "installing" && node["public_ip"] != "";
    nodes.len() == SERVERS && nodes.iter().all(runs)
}

async fn libcloud(python: &str) -> Run {
    let ec2 = stand_in();
    let mut command = Command::new(python);
    command
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/benches/performance/by_libcloud.py"
        ))
        .args([ec2.address.port().to_string(), SERVERS.to_string()])
        .args([ACCESS_KEY, SECRET_KEY]);
    let done = tokio::task::spawn_blocking(move || command.output()).await;
    let output = done.expect("it is waited for").expect("Python starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "Libcloud failed: {error}");
    let seconds = String::from_utf8_lossy(&output.stdout);
    let seconds: f64 = seconds.trim().parse().expect("seconds");
    let running = ec2.instances();
    let running = running.iter().filter(|one| one.state == "running").count();
    assert_eq!(running, SERVERS, "Libcloud's run made all of them");
    (Duration::from_secs_f64(seconds), ec2.calls().len())
}
