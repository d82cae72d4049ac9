//! Several processes, one truth: it survives them, and they don't get into each other's way.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clouds::Budget;
use clouds::sandbox::{Faults, World};
use domain::server::Power;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use tokio::time::Instant;

use crate::support::{REGION, Sandbox, driver, request, tag};

/// Where the other process finds the file.
const FILE: &str = "ARCUS_TEST_SANDBOX_FILE";

/// How many tokens the two processes share.
const TOKENS: u64 = 60;

/// What the other process does; by itself it is no test.
#[tokio::test]
#[ignore = "run as a process of its own by the tests below"]
async fn the_other_process() {
    let Ok(file) = std::env::var(FILE) else {
        return;
    };
    let cloud = driver(Path::new(&file), Budget::default());
    loop {
        for n in 0..TOKENS {
            cloud
                .create(&request(&n.to_string()))
                .await
                .expect("is created");
        }
    }
}

/// Killed when it goes out of scope, so that a test that fails leaves none behind.
struct OtherProcess(Child);

impl OtherProcess {
    fn start(file: &Path) -> Self {
        let this = std::env::current_exe().expect("this program");
        let child = Command::new(this)
            .args(["--exact", "processes::the_other_process", "--ignored"])
            .env(FILE, file)
            .stdout(Stdio::null())
            .spawn();
        Self(child.expect("it starts"))
    }
}

impl Drop for OtherProcess {
    fn drop(&mut self) {
        // SIGKILL: it has no chance to tidy up.
        self.0.kill().expect("is killed");
        self.0.wait().expect("is gone");
    }
}

#[tokio::test]
async fn the_truth_survives_the_kill_of_the_process_that_made_it() {
    let directory = tempfile::TempDir::new().expect("a directory");
    let path = directory.path().join("sandbox.db");
    let world = World::open(&path).await.expect("opens");
    world
        .set_faults(&Faults {
            ignore_tokens: true,
            ..Faults::default()
        })
        .await
        .expect("is set");

    let other = OtherProcess::start(&path);
    let patience = Instant::now() + Duration::from_mins(1);
    while world.instances().await.expect("instances").len() < 100 {
        assert!(
            Instant::now() < patience,
            "the other process makes no instances"
        );
        tokio::task::yield_now().await;
    }
    drop(other);

    // What it made is whole, and the next process goes on where it was cut off.
    let cloud = driver(&path, Budget::default());
    for record in world.instances().await.expect("instances") {
        let token = record.token.expect("has its token");
        let found = cloud.find(REGION, &tag(&token)).await.expect("find");
        assert!(
            found.iter().any(|found| found.at.id == record.id),
            "{token} is found"
        );
    }
    cloud.create(&request("next")).await.expect("is created");
}

#[tokio::test]
async fn two_processes_that_use_the_same_tokens_make_one_instance_of_each() {
    let directory = tempfile::TempDir::new().expect("a directory");
    let path = directory.path().join("sandbox.db");
    // The file is not there yet: both make it.
    let other = OtherProcess::start(&path);
    let cloud = driver(&path, Budget::default());
    let world = World::open(&path).await.expect("opens");
    let patience = Instant::now() + Duration::from_mins(1);
    let (mut ours, mut all) = (0, 0);
    while ours < 2 * TOKENS || all - ours < 2 * TOKENS {
        assert!(
            Instant::now() < patience,
            "the other process makes no calls"
        );
        for n in 0..TOKENS {
            cloud
                .create(&request(&n.to_string()))
                .await
                .expect("is created");
        }
        ours += TOKENS;
        all = world.calls().await.expect("calls")["create"];
    }
    drop(other);

    let mut counts = HashMap::new();
    for record in world.instances().await.expect("instances") {
        *counts
            .entry(record.token.expect("has a token"))
            .or_insert(0) += 1;
    }
    assert_eq!(u64::try_from(counts.len()), Ok(TOKENS));
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
}

#[tokio::test]
async fn what_was_begun_is_finished_when_the_sandbox_is_opened_again() {
    let sandbox = Sandbox::with(Faults {
        boot_ms: 400,
        ..Faults::default()
    })
    .await;
    let made = sandbox.create("a").await.expect("is created");
    assert_eq!(made.power, Power::Pending);
    let Sandbox {
        directory,
        world,
        cloud,
    } = sandbox;
    drop((world, cloud));

    let path = directory.path().join("sandbox.db");
    let cloud = driver(&path, Budget::default());
    let patience = Duration::from_secs(20);
    let running = cloud
        .wait(&made.at, clouds::Until::Running, patience)
        .await
        .expect("it runs");
    assert_eq!(running.tag, Some(tag("a")));
}

#[tokio::test]
async fn a_fault_set_by_another_process_holds_at_once() {
    let sandbox = Sandbox::open().await;
    sandbox.cloud.check().await.expect("is accepted");
    // A path in other words is opened a second time, as another process would.
    let detour: PathBuf = sandbox.directory.path().join("detour");
    std::fs::create_dir(&detour).expect("a directory");
    let other = World::open(detour.join("../sandbox.db"))
        .await
        .expect("opens");
    other
        .set_faults(&Faults {
            auth_revoked: true,
            ..Faults::default()
        })
        .await
        .expect("is set");
    sandbox.cloud.check().await.expect_err("is refused");
}

#[tokio::test]
async fn the_file_is_readable_by_its_owner_only() {
    let sandbox = Sandbox::open().await;
    sandbox.running("a").await;
    for file in std::fs::read_dir(sandbox.directory.path()).expect("the directory") {
        let file = file.expect("a file");
        let mode = file.metadata().expect("its mode").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", file.path().display());
    }
}

#[tokio::test]
async fn a_file_of_the_first_form_is_taken_up_with_all_that_is_in_it() {
    let sandbox = Sandbox::open().await;
    let at = sandbox.running("a").await;
    let record = sandbox.record(&at).await;
    let path = sandbox.directory.path().join("sandbox.db");
    let Sandbox {
        directory,
        world,
        cloud,
    } = sandbox;
    drop((world, cloud));
    // What the second form has and the first had not.
    let address = format!("sqlite://{}", path.display());
    let mut on = SqliteConnection::connect(&address).await.expect("opens");
    let first = "DROP TABLE marks; PRAGMA user_version = 1";
    sqlx::raw_sql(first)
        .execute(&mut on)
        .await
        .expect("is as it was");
    on.close().await.expect("closes");

    let cloud = driver(&path, Budget::default());
    cloud.create_snapshot(&at, "s").await.expect("takes");
    for mark in ["one", "one", "two"] {
        cloud
            .restore_snapshot(&at, "s", mark)
            .await
            .expect("restores");
    }
    let world = World::open(&path).await.expect("opens");
    let records = world.instances().await.expect("are there");
    assert_eq!(records[0].disk, record.disk);
    drop(directory);
}
