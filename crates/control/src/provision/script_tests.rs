//! The script run for real, by a real shell, with stand-ins for the programs that would change this machine.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::script;
use crate::catalog::packages::{DISTRIBUTIONS, Package, all, resolve};

/// A directory in which the script believes to be alone on a server.
struct Machine(PathBuf);

/// How the script ended: its status, its result, its log.
struct Ended {
    status: Option<i32>,
    result: Value,
    log: String,
}

// === impl Machine ===

impl Machine {
    /// With programs of these names, written in shell; each call of one is also noted in `calls`.
    fn new(programs: &[(&str, &str)]) -> Self {
        let name = format!("arcus-script-{}", domain::random::hex::<8>());
        let machine = Self(std::env::temp_dir().join(name));
        std::fs::create_dir_all(machine.path().join("bin")).expect("made");
        for name in [
            "apt-get",
            "dpkg",
            "systemctl",
            "journalctl",
            "systemd-detect-virt",
        ] {
            machine.program(name, "exit 0");
        }
        machine.program(
            "systemctl",
            "case $1 in list-unit-files) echo \"$3 enabled\" ;; esac",
        );
        for (name, body) in programs {
            machine.program(name, body);
        }
        machine
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn program(&self, name: &str, body: &str) {
        let file = self.path().join("bin").join(name);
        let calls = self.path().join("calls");
        let text = format!(
            "#!/bin/sh\necho \"{name} $*\" >>'{}'\n{body}\n",
            calls.display()
        );
        std::fs::write(&file, text).expect("written");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("set");
    }

    fn run(&self, script: &str) -> Ended {
        let file = self.path().join("provision");
        std::fs::write(&file, script).expect("written");
        let path = format!("{}:/usr/bin:/bin", self.path().join("bin").display());
        let status = Command::new("sh")
            .arg(&file)
            .env("PATH", path)
            .env("ARCUS_PROVISION_ROOT", self.path())
            .env("ARCUS_PROVISION_PAUSES", "0 0")
            .status()
            .expect("a shell");
        let read = |name: &str| {
            std::fs::read_to_string(self.path().join(name)).expect("written by the script")
        };
        Ended {
            status: status.code(),
            result: serde_json::from_str(&read("var/lib/arcus/provision.json")).expect("JSON"),
            log: read("var/log/arcus-provision.log"),
        }
    }

    fn calls(&self, beginning: &str) -> usize {
        let calls = std::fs::read_to_string(self.path().join("calls")).unwrap_or_default();
        calls
            .lines()
            .filter(|call| call.starts_with(beginning))
            .count()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn rendered(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    script::render(
        &resolve(&names, "debian-12").expect("resolves"),
        "debian-12",
    )
}

/// An `apt-get` whose `install` does this.
fn apt_installing(body: &str) -> String {
    format!("case \" $* \" in *\" install \"*) {body} ;; esac")
}

#[test]
fn every_script_that_can_be_made_is_one_that_a_shell_reads() {
    for distribution in DISTRIBUTIONS {
        let packages: Vec<&Package> = all().iter().collect();
        let text = script::render(&packages, distribution);
        let output = Command::new("sh")
            .args(["-n", "-c", &text])
            .output()
            .expect("a shell");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn packages_of_the_distribution_are_installed_in_one_transaction() {
    let machine = Machine::new(&[]);
    let ended = machine.run(&rendered(&["redis", "memcached"]));
    assert_eq!(ended.status, Some(0));
    let installed = |name| json!({ "name": name, "state": "installed" });
    assert_eq!(ended.result["state"], "installed");
    assert_eq!(
        ended.result["packages"],
        json!([installed("redis"), installed("memcached")])
    );
    assert_eq!(
        machine.calls("apt-get"),
        2,
        "the lists, and one installation"
    );
    assert!(
        ended
            .log
            .contains("@arcus 10 installing redis-server memcached\n")
    );
    assert!(
        ended
            .log
            .ends_with("@arcus 100 every package is installed\n")
    );
}

#[test]
fn lists_that_are_there_and_fresh_are_not_fetched_again() {
    let machine = Machine::new(&[]);
    std::fs::create_dir_all(machine.path().join("var/lib/apt/lists/partial")).expect("made");
    std::fs::write(
        machine
            .path()
            .join("var/lib/apt/lists/mirror_main_Packages"),
        "",
    )
    .expect("written");
    machine.run(&rendered(&["redis"]));
    assert_eq!(machine.calls("apt-get"), 1);
}

#[test]
fn a_fault_of_the_network_is_tried_again_with_fresh_lists() {
    let body = "[ -e $ARCUS_PROVISION_ROOT/up ] || { touch $ARCUS_PROVISION_ROOT/up; \
                echo 'E: Failed to fetch http://mirror/x.deb  404  Not Found'; exit 100; }";
    let machine = Machine::new(&[("apt-get", &apt_installing(body))]);
    let ended = machine.run(&rendered(&["redis"]));
    assert_eq!(
        (ended.status, &ended.result["state"]),
        (Some(0), &json!("installed"))
    );
    assert_eq!(
        machine.calls("apt-get"),
        4,
        "lists, installation, lists, installation"
    );
}

#[test]
fn a_network_that_stays_away_is_named_as_the_fault() {
    let body = "echo 'E: Temporary failure resolving deb.debian.org'; exit 100";
    let machine = Machine::new(&[("apt-get", body)]);
    let ended = machine.run(&rendered(&["redis", "memcached"]));
    assert_eq!(ended.status, Some(1));
    assert_eq!(
        (&ended.result["state"], &ended.result["fault"]),
        (&json!("failed"), &json!("network"))
    );
    for package in ended.result["packages"].as_array().expect("a list") {
        assert_eq!(
            package["log"],
            json!(["E: Temporary failure resolving deb.debian.org"])
        );
    }
}

#[test]
fn a_package_that_can_not_be_installed_is_named_and_the_others_are_there() {
    let body = "case \" $* \" in *memcached*) printf 'E: a \"bad\" \\\\ package\\t\\303\\251\\n'; exit 100 ;; esac";
    let machine = Machine::new(&[("apt-get", &apt_installing(body))]);
    let ended = machine.run(&rendered(&["redis", "memcached"]));
    assert_eq!(
        (ended.status, &ended.result["fault"]),
        (Some(1), &json!(""))
    );
    let packages = &ended.result["packages"];
    assert_eq!(
        packages[0],
        json!({ "name": "redis", "state": "installed" })
    );
    assert_eq!(
        (&packages[1]["name"], &packages[1]["state"]),
        (&json!("memcached"), &json!("failed"))
    );
    assert_eq!(packages[1]["log"], json!(["E: a \"bad\" \\ package"]));
}

#[test]
fn a_service_that_does_not_start_fails_its_package_with_the_journal() {
    let systemctl = "case \"$1 $2\" in 'list-unit-files --no-legend') echo \"$3 enabled\" ;; \
                     'is-active --quiet' | 'restart redis-server.service') exit 3 ;; \
                     'show -p') echo 1 ;; esac";
    let machine = Machine::new(&[
        ("systemctl", systemctl),
        ("journalctl", "echo 'Fatal: no memory'"),
    ]);
    let ended = machine.run(&rendered(&["redis"]));
    assert_eq!(ended.status, Some(1));
    assert_eq!(
        ended.result["packages"][0]["log"],
        json!(["Fatal: no memory"])
    );
}

#[test]
fn a_service_that_may_not_make_namespaces_in_a_container_starts_without_them() {
    let systemctl = "relaxed=$ARCUS_PROVISION_ROOT/etc/systemd/system/redis-server.service.d/arcus.conf\n\
                     case \"$1 $2\" in 'list-unit-files --no-legend') echo \"$3 enabled\" ;; \
                     'is-active --quiet' | 'restart redis-server.service') [ -e $relaxed ] ;; \
                     'show -p') echo 226 ;; esac";
    let machine = Machine::new(&[("systemctl", systemctl)]);
    let ended = machine.run(&rendered(&["redis"]));
    assert_eq!(
        (ended.status, machine.calls("systemctl daemon-reload")),
        (Some(0), 1)
    );
    let elsewhere = Machine::new(&[("systemctl", systemctl), ("systemd-detect-virt", "exit 1")]);
    assert_eq!(
        elsewhere.run(&rendered(&["redis"])).status,
        Some(1),
        "no container, no other fence"
    );
}

#[test]
fn the_script_can_be_run_again() {
    let machine = Machine::new(&[]);
    let script = rendered(&["redis"]);
    let (first, second) = (machine.run(&script), machine.run(&script));
    assert_eq!(first.result, second.result);
    assert!(second.log.len() > first.log.len(), "the log is kept");
}
