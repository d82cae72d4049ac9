//! `GET /v1/server/list` of an organisation that owns 50 servers on the local Incus, with 64 connections at once: against
//! a bare handler that returns the same bytes from memory, and against Incus's own list of the same instances.
//!
//! Each is a process of its own; they take turns, under the same load.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use serde_json::json;
use testkit::{Builder, Client, wait};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::load::{Load, Target, load};
use crate::table::{Table, median, ms};

const SERVERS: usize = 50;
const CONNECTIONS: usize = 64;
const ROUNDS: usize = 10;
const ROUND: Duration = Duration::from_secs(2);
const BOOT: Duration = Duration::from_mins(20);
const LIST: &str = "/v1/server/list";

/// In its environment, this program is the bare handler of the file that it names.
pub(crate) const BARE: &str = "ARCUS_BENCH_BARE";

pub(crate) async fn run(table: &mut Table) {
    assert!(
        Path::new(crate::incus::SOCKET).exists(),
        "no Incus runs here: start it with scripts/lab.sh up, or name the other benches"
    );
    let arcus = Builder::new(env!("CARGO_BIN_EXE_arcus"))
        .with_incus()
        .flag("--billing=off")
        .start()
        .await;
    let client = arcus.client().register("bench", "bench@example.com").await;
    let environment = boot(&client).await;
    let login = [
        ("username", "bench@example.com"),
        ("password", "secretpassword"),
    ];
    let login = client
        .form(reqwest::Method::POST, "/v1/user/login", &login)
        .await;
    let token = login.data()["token"].as_str().expect("a token").to_owned();
    let list = client.with_bearer(&token).get(LIST).await;
    assert_eq!(list.body["data"].as_array().map(Vec::len), Some(SERVERS));

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("list.json");
    std::fs::write(&file, &list.text).expect("the bytes are written");
    let (_bare, address) = bare(&file).await;
    let ours = Target::tcp(
        arcus.base().trim_start_matches("http://"),
        LIST,
        Some(&token),
    );
    let bare = Target::tcp(&address, LIST, None);
    let incus = Target::unix(crate::incus::SOCKET, "/1.0/instances?recursion=1");

    let (mut by_arcus, mut by_bare, mut by_incus) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        by_bare.push(load(&bare, CONNECTIONS, ROUND).await);
        by_arcus.push(load(&ours, CONNECTIONS, ROUND).await);
        by_incus.push(load(&incus, CONNECTIONS, ROUND).await);
    }
    let per_second = |loads: &[Load]| median_of(loads.iter().map(|load| load.per_second));
    let (rate, bare, incus) = (
        per_second(&by_arcus),
        per_second(&by_bare),
        per_second(&by_incus),
    );
    let shown = |rate: f64| format!("{rate:.0}/s");
    table.at_least(
        "GET /v1/server/list, 50 servers, 64 connections, against a bare handler of the same bytes",
        shown(rate),
        shown(bare),
        rate / bare,
        0.4,
    );
    let p99 = median(by_arcus.iter().map(|load| load.p99).collect());
    table.at_most(
        "its 99th percentile, against 10 ms",
        ms(p99),
        "10 ms".to_owned(),
        p99.as_secs_f64() / 0.01,
        Some(1.0),
    );
    table.at_least(
        "the same against Incus's own list of these servers",
        shown(rate),
        shown(incus),
        rate / incus,
        20.0,
    );
    client
        .delete(&format!("/environments/{environment}?wait=1"))
        .await;
    wait::until("all of them to go", BOOT, || async {
        let environments = client.get("/environments").await.ok();
        (environments == json!([])).then_some(())
    })
    .await;
}

/// So many servers on the local Incus, as soon as they run. Returns their environment.
async fn boot(client: &Client) -> String {
    let provider = client.add_provider("arcus").await;
    let body = json!({"provider_id": provider, "region": "local", "environment": "many",
        "nodes": [{"name": "web", "size": "eos1", "count": SERVERS}]});
    let request = client.request(reqwest::Method::POST, "/environments");
    let request = request.header("Prefer", "respond-async").json(&body);
    let made = client.send(request).await.expect(202);
    // So many first boots at once keep both processors busy for minutes.
    wait::until("all of them to run", BOOT, || async {
        let environments = client.get("/environments").await.ok();
        (environments[0]["ready"] == true).then_some(())
    })
    .await;
    made["environment"].as_str().expect("an id").to_owned()
}

/// Starts this program once more, as the bare handler; says where it listens.
async fn bare(file: &Path) -> (Child, String) {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .env(BARE, file)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its words")).lines();
    let address = lines
        .next_line()
        .await
        .expect("readable")
        .expect("an address");
    (child, address)
}

/// Is the bare handler, until killed.
pub(crate) async fn be_bare(file: &str) {
    let body = axum::body::Bytes::from(std::fs::read(file).expect("the bytes"));
    let handler = move || {
        let body = body.clone();
        async move { ([(CONTENT_TYPE, "application/json")], body) }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    let router = Router::new().route(LIST, get(handler));
    axum::serve(listener, router).await.expect("it serves");
}

fn median_of(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
