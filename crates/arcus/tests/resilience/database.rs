//! A database that is full, read-only or away: 503, no cloud is called, and all goes on by itself afterwards.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Builder, Database, Scene, wait};

const PATIENCE: Duration = Duration::from_secs(60);

/// How soon `/readyz` must tell: its verdict holds for a second.
const MOMENT: Duration = Duration::from_secs(10);

/// The calls that change something at a cloud.
const CHANGES: [&str; 5] = ["create", "start", "stop", "reboot", "destroy"];

/// A file system of its own, as small as this, for the tests' own user or by `sudo`.
struct SmallDisk(tempfile::TempDir);

/// An ext4 in a file, which lets the files of a running process be locked against writing: no file system can be
/// remounted read-only while one is open for writing, and ext4 alone heeds `chattr +i` for those that are open.
struct LockableDisk {
    mounted: SmallDisk,
    _image: tempfile::TempDir,
}

// === impl SmallDisk ===

impl SmallDisk {
    fn mount(mebibytes: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let size = format!("size={mebibytes}m,mode=777");
        let path = folder.path().to_str().expect("a path").to_owned();
        privileged(&["mount", "-t", "tmpfs", "-o", &size, "tmpfs", &path]);
        Self(folder)
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.path().join("arcus.db").display())
    }

    fn fill(&self) -> std::fs::File {
        let mut file = std::fs::File::create(self.0.path().join("filler")).expect("a file");
        // Ends with "no space left on device", in ever smaller pieces.
        for size in [1 << 20, 1 << 12, 1 << 9, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        file
    }

    fn free(&self) {
        std::fs::remove_file(self.0.path().join("filler")).expect("the filler goes");
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let path = self.0.path().to_str().unwrap_or_default().to_owned();
        privileged(&["umount", "-l", &path]);
    }
}

// === impl LockableDisk ===

impl LockableDisk {
    fn mount(mebibytes: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let image = folder.path().join("image");
        let file = std::fs::File::create(&image).expect("a file");
        file.set_len(mebibytes << 20).expect("it may be so long");
        let image = image.to_str().expect("a path");
        let point = tempfile::tempdir().expect("a folder");
        let path = point.path().to_str().expect("a path").to_owned();
        privileged(&["mkfs.ext4", "-q", "-F", image]);
        privileged(&["mount", "-o", "loop", image, &path]);
        let mounted = SmallDisk(point);
        privileged(&["chmod", "777", &path]);
        Self {
            mounted,
            _image: folder,
        }
    }

    /// Locks the database's files against all writing, or unlocks them.
    fn lock(&self, on: bool) {
        let file = |name: &str| self.mounted.path().join(name).display().to_string();
        let flag = if on { "+i" } else { "-i" };
        privileged(&["chattr", flag, &file("arcus.db"), &file("arcus.db-wal")]);
    }
}

fn privileged(command: &[&str]) {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| {
        use std::os::unix::fs::MetadataExt;
        own.uid() == 0
    });
    let sudo: &[&str] = if is_root { &[] } else { &["sudo", "-n"] };
    let command = [sudo, command].concat();
    let status = Command::new(command[0]).args(&command[1..]).status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "{command:?} failed: this test mounts a small disk, as root or by sudo"
    );
}

/// Makes a database read-only, or writable again, for whoever connects from now on, which everybody must.
async fn read_only(database: &Database, on: bool) {
    let setting = if on { "on" } else { "off" };
    let own = "(SELECT current_database())";
    let statement = format!(
        "SET TRANSACTION READ WRITE; DO $$ BEGIN EXECUTE \
         format('ALTER DATABASE %I SET default_transaction_read_only = {setting}', {own}); END $$; \
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {own} AND pid <> pg_backend_pid() \
         AND usename = current_user"
    );
    database.run(&statement).await;
}

/// Keeps asking for something small until it is refused.
async fn until_refused(scene: &Scene) -> String {
    let filler = json!({"history": "x".repeat(4000)});
    wait::until("a change to be refused", PATIENCE, || async {
        let answer = scene.owner.post("/history", &filler).await;
        assert!([200, 503].contains(&answer.status), "{}", answer.text);
        (answer.status == 503).then(|| answer.error(503))
    })
    .await
}

async fn assert_refuses_and_calls_nobody(scene: &Scene, body: &Value) {
    let changes = || CHANGES.map(|method| scene.arcus.calls(method));
    let before = changes();
    let answer = scene.owner.post("/environments?wait=0", body).await;
    assert_eq!(
        answer.status,
        503,
        "{}\n{}",
        answer.text,
        scene.arcus.log().join("\n")
    );
    let why = answer.error(503);
    assert!(why.contains("nothing was changed"), "{why}");
    assert!(why.contains("try again"), "{why}");
    assert_eq!(changes(), before, "calls of {CHANGES:?}");
    assert!(scene.arcus.instances().is_empty());
    assert_readiness(scene, 503).await;
    let health = scene.arcus.client().get("/healthz").await;
    assert_eq!(health.status, 200, "the process itself is well");
}

async fn assert_readiness(scene: &Scene, status: u16) {
    wait::until("/readyz to say so", MOMENT, || async {
        let ready = scene.arcus.client().get("/readyz").await;
        assert!([200, 503].contains(&ready.status), "{}", ready.text);
        (ready.status == status).then_some(())
    })
    .await;
}

/// It recovers by itself: the same request is done in full, and what was refused has left nothing behind.
async fn assert_recovers(scene: &Scene, body: &Value, servers: usize) {
    wait::until("the request to be taken", PATIENCE, || async {
        let answer = scene.owner.post("/environments?wait=60", body).await;
        assert!([200, 503].contains(&answer.status), "{}", answer.text);
        (answer.status == 200).then_some(())
    })
    .await;
    assert_eq!(scene.arcus.instances().len(), servers);
    assert_eq!(scene.environments().await.len(), 1);
    assert_readiness(scene, 200).await;
}

fn nodes() -> Value {
    json!([{"name": "node", "size": "eos1", "count": 60}])
}

#[tokio::test]
async fn a_full_disk_is_503_and_calls_no_cloud_until_there_is_room_again() {
    let disk = SmallDisk::mount(6);
    let builder = Builder::new(env!("CARGO_BIN_EXE_arcus"));
    let builder = builder.variable("ARCUS_DATABASE_URL", &disk.url());
    let scene = Scene::set(builder).await;
    let body = scene.wanted("full", &nodes());
    drop(disk.fill());
    let why = until_refused(&scene).await;
    assert!(why.contains("full"), "{why}");
    assert_refuses_and_calls_nobody(&scene, &body).await;
    disk.free();
    assert_recovers(&scene, &body, 60).await;
}

#[tokio::test]
async fn a_database_file_that_turned_read_only_is_503_and_calls_no_cloud_until_it_is_not() {
    let disk = LockableDisk::mount(32);
    let builder = Builder::new(env!("CARGO_BIN_EXE_arcus"));
    let builder = builder.variable("ARCUS_DATABASE_URL", &disk.mounted.url());
    let scene = Scene::set(builder).await;
    let body = scene.wanted("read-only", &nodes());
    disk.lock(true);
    until_refused(&scene).await;
    assert_refuses_and_calls_nobody(&scene, &body).await;
    disk.lock(false);
    assert_recovers(&scene, &body, 60).await;
}

#[tokio::test]
async fn a_database_that_turned_read_only_is_503_and_calls_no_cloud_until_it_is_not() {
    let database = Database::postgres().await;
    let builder = Builder::new(env!("CARGO_BIN_EXE_arcus")).database(database.clone());
    let scene = Scene::set(builder).await;
    let body = scene.wanted("read-only", &nodes());
    read_only(&database, true).await;
    until_refused(&scene).await;
    assert_refuses_and_calls_nobody(&scene, &body).await;
    read_only(&database, false).await;
    assert_recovers(&scene, &body, 60).await;
}

#[tokio::test]
async fn work_under_way_when_the_database_turns_read_only_is_done_once_when_it_is_not() {
    let database = Database::postgres().await;
    let builder = Builder::new(env!("CARGO_BIN_EXE_arcus"))
        .database(database.clone())
        .variable("ARCUS_LEASE_SECS", "0.6");
    let scene = Scene::set(builder).await;
    scene.arcus.faults(&["latency_ms=150", "boot_ms=500"]);
    let body = scene.wanted(
        "halfway",
        &json!([{"name": "node", "size": "eos1", "count": 20}]),
    );
    let path = "/environments?wait=0";
    scene.owner.post(path, &body).await.expect(202);
    wait::until("creates to be on their way", PATIENCE, || async {
        (scene.arcus.calls("create") > 0).then_some(())
    })
    .await;
    read_only(&database, true).await;
    until_refused(&scene).await;
    read_only(&database, false).await;
    let ledger = scene.arcus.ledger().await;
    wait::until("everything to be done", PATIENCE, || async {
        (ledger.pending().await == 0).then_some(())
    })
    .await;
    let records = ledger.read().await;
    records.assert_whole();
    assert_eq!(records.summary()["create_server succeeded"], 20);
    assert_eq!(scene.arcus.instances().len(), 20);
}
