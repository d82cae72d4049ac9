//! The life of a single server, by plain `curl` and `ssh`, as its owner leads it.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};
use testkit::wait;

use crate::rig::{PATIENCE, Rig};

/// What a person at a terminal has.
struct Terminal<'a> {
    rig: &'a Rig,
    token: String,
    key: PathBuf,
}

/// The mark that the user data leaves.
const USER_DATA: &str = "#!/bin/sh\necho made-by-user-data > /root/mark\n";

fn ran(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said
}

fn base64(text: &str) -> String {
    let mut child = Command::new("base64")
        .arg("-w0")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("base64 is installed");
    let mut stdin = child.stdin.take().expect("its input");
    std::io::Write::write_all(&mut stdin, text.as_bytes()).expect("it listens");
    drop(stdin);
    ran(&child.wait_with_output().expect("it ends"))
}

// === impl Terminal ===

impl<'a> Terminal<'a> {
    /// Logs in, and makes a key.
    fn open(rig: &'a Rig) -> Self {
        let mut terminal = Self {
            rig,
            token: String::new(),
            key: rig.arcus.folder().join("own-key"),
        };
        let user = ["username=owner@example.com", "password=secretpassword"];
        let tokens = terminal.curl("POST", "user/login", &user);
        tokens["data"]["token"]
            .as_str()
            .expect("a token")
            .clone_into(&mut terminal.token);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "me@home", "-f"])
            .arg(&terminal.key)
            .output();
        ran(&made.expect("OpenSSH is installed"));
        terminal
    }

    /// Sends a form, and answers what came back.
    fn curl(&self, method: &str, path: &str, form: &[&str]) -> Value {
        let address = format!("{}/v1/{path}", self.rig.arcus.base());
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--request", method]);
        command.args(["--header", &format!("Authorization: Bearer {}", self.token)]);
        for field in form {
            command.args(["--data-urlencode", field]);
        }
        let said = ran(&command.arg(address).output().expect("curl is installed"));
        let answer: Value = serde_json::from_str(&said).expect("JSON");
        assert_eq!(answer["status"], "success", "{said}");
        answer
    }

    /// Begins some work and waits until it is done.
    async fn done(&self, method: &str, path: &str, form: &[&str]) -> Value {
        let answer = self.curl(method, path, form);
        let event = if answer["event_id"].is_null() {
            &answer["data"]["event_id"]
        } else {
            &answer["event_id"]
        };
        let path = format!("event/{event}");
        let ended = wait::until("an event to end", PATIENCE, || async {
            let event = self.curl("GET", &path, &[])["data"].clone();
            (event["status"] != 0).then_some(event)
        })
        .await;
        assert_eq!(ended["status"], 1, "{ended}");
        json!({"event": ended, "password": answer["data"].get("password")})
    }

    fn server(&self, id: &str) -> Value {
        self.curl("GET", &format!("server/{id}"), &[])["data"][0].clone()
    }

    fn address(&self, id: &str) -> String {
        let server = self.server(id);
        let v4 = &server["networks"]["v4"];
        assert!(
            v4["netmask"]
                .as_str()
                .is_some_and(|mask| mask.starts_with("255.")),
            "{server}"
        );
        assert!(
            v4["gateway"]
                .as_str()
                .is_some_and(|gateway| !gateway.is_empty()),
            "{server}"
        );
        v4["ip"].as_str().expect("an address").to_owned()
    }

    /// What a command prints in a server.
    fn ssh(&self, id: &str, command: &str) -> String {
        let address = format!("root@{}", self.address(id));
        let output = Command::new("ssh")
            .arg("-i")
            .arg(&self.key)
            .args([
                "-o",
                "StrictHostKeyChecking=no",
                "-o",
                "UserKnownHostsFile=/dev/null",
            ])
            .args([
                "-o",
                "LogLevel=ERROR",
                "-o",
                "BatchMode=yes",
                "-o",
                "IdentitiesOnly=yes",
            ])
            .args(["-o", "ConnectTimeout=10", "-o", "ConnectionAttempts=30"])
            .args([&address, command])
            .output();
        ran(&output.expect("ssh is installed"))
    }

    /// The same, let in by a password alone.
    fn ssh_by_password(&self, id: &str, password: &str, command: &str) -> String {
        let script = self.rig.arcus.folder().join("askpass");
        std::fs::write(&script, format!("#!/bin/sh\necho '{password}'\n")).expect("is written");
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(&script, mode).expect("is set");
        let address = format!("root@{}", self.address(id));
        let output = Command::new("ssh")
            .env("SSH_ASKPASS", &script)
            .env("SSH_ASKPASS_REQUIRE", "force")
            .args([
                "-o",
                "StrictHostKeyChecking=no",
                "-o",
                "UserKnownHostsFile=/dev/null",
            ])
            .args(["-o", "LogLevel=ERROR", "-o", "PubkeyAuthentication=no"])
            .args([
                "-o",
                "PreferredAuthentications=password",
                "-o",
                "NumberOfPasswordPrompts=1",
            ])
            .args(["-o", "ConnectTimeout=10", "-o", "ConnectionAttempts=30"])
            .args([&address, command])
            .output();
        ran(&output.expect("ssh is installed"))
    }
}

#[tokio::test]
async fn a_single_server_lives_from_its_creation_to_its_end() {
    let Some(rig) = Rig::start().await else {
        return;
    };
    let terminal = Terminal::open(&rig);
    let public = std::fs::read_to_string(terminal.key.with_extension("pub")).expect("a key");
    terminal.curl(
        "POST",
        "sshkey/create",
        &["name=mine", &format!("public_key={}", public.trim())],
    );
    let keys = terminal.curl("GET", "sshkey/list", &[]);
    let fingerprint = keys["data"]["mine"]["fingerprint"]
        .as_str()
        .expect("a fingerprint");

    let form = [
        "name=web",
        "region=local",
        "package=eos1",
        "image=debian-12",
        &format!("ssh_key={fingerprint}"),
        &format!("user_data={}", base64(USER_DATA)),
    ];
    let made = terminal.done("POST", "server/create", &form).await;
    let id = made["event"]["subscription_id"].to_string();
    assert_eq!(terminal.server(&id)["state"], "Running");
    assert_eq!(terminal.ssh(&id, "cat /root/mark"), "made-by-user-data");
    assert_eq!(terminal.ssh(&id, "hostname; nproc"), "web\n1");

    terminal.ssh(&id, "echo first > /root/file");
    let of_web = format!("id={id}");
    terminal
        .done("POST", "snapshot/create", &[&of_web, "name=before"])
        .await;
    let snapshot = terminal.curl("GET", "snapshot/list", &[])["data"][0]["id"].to_string();
    let snapshot = format!("snapshot_id={snapshot}");
    terminal.ssh(&id, "echo second > /root/file");
    let path = format!("server/{id}/restore_from_snapshot");
    terminal.done("POST", &path, &[&snapshot]).await;
    assert_eq!(terminal.ssh(&id, "cat /root/file"), "first");

    let form = [
        "name=copy",
        "package=eos1",
        &snapshot,
        &format!("ssh_key={fingerprint}"),
    ];
    let copied = terminal
        .done("POST", "server/create_from_snapshot", &form)
        .await;
    let copy = copied["event"]["subscription_id"].to_string();
    assert_eq!(
        terminal.ssh(&copy, "cat /root/file; hostname"),
        "first\ncopy"
    );
    for what in [
        "cat /etc/ssh/ssh_host_ed25519_key.pub | cut -d' ' -f2",
        "cat /etc/machine-id",
    ] {
        assert_ne!(terminal.ssh(&id, what), terminal.ssh(&copy, what), "{what}");
    }
    terminal
        .done("DELETE", &format!("server/{copy}/destroy"), &[])
        .await;

    let path = format!("server/{id}/upgrade_package");
    terminal
        .done("POST", &path, &["package=eos3", "type=upgrade"])
        .await;
    assert_eq!(terminal.ssh(&id, "nproc"), "2");
    let memory = terminal.ssh(&id, "awk '/MemTotal/ {print int($2/1024)}' /proc/meminfo");
    assert_eq!(memory, "2048");

    let address = terminal.address(&id);
    terminal
        .done(
            "DELETE",
            "snapshot/destroy",
            &[&snapshot.replace("snapshot_id", "id")],
        )
        .await;
    let path = format!("server/{id}/refresh_install");
    terminal.done("POST", &path, &[]).await;
    assert_eq!(terminal.address(&id), address);
    assert_eq!(terminal.ssh(&id, "test -e /root/file || echo gone"), "gone");
    // A new system is told the same as the first.
    assert_eq!(terminal.ssh(&id, "cat /root/mark"), "made-by-user-data");

    let path = format!("server/{id}/change_password");
    let changed = terminal.done("POST", &path, &[]).await;
    let password = changed["password"].as_str().expect("a password");
    assert_eq!(terminal.ssh_by_password(&id, password, "whoami"), "root");

    terminal
        .done("DELETE", &format!("server/{id}/destroy"), &[])
        .await;
    assert_eq!(terminal.curl("GET", "server/list", &[])["data"], json!([]));
    let events = terminal.curl("GET", "event/list", &[])["data"].clone();
    let events = events.as_array().expect("an array");
    let told: Vec<_> = events.iter().map(|event| event["event"].clone()).collect();
    assert_eq!(
        json!(told),
        json!([
            "VM.CREATE",
            "SNAPSHOT.CREATE",
            "VM.RESTORE",
            "VM.CREATE",
            "VM.DESTROY",
            "VM.UPGRADE",
            "SNAPSHOT.DESTROY",
            "VM.REINSTALL",
            "VM.PASSWORD",
            "VM.DESTROY",
        ])
    );
    let times: Vec<_> = events
        .iter()
        .map(|event| event["created_at"].to_string())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    assert!(rig.instances().is_empty());
}
