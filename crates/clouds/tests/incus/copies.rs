//! Instances that begin as a snapshot of another one.

use clouds::{CreateInstance, ErrorClass, Instance, InstanceRef, SnapshotRef, Until};
use domain::server::Power;
use serde_json::{Map, Value, json};

use crate::proxy::{Lost, Proxy};
use crate::rig::{PATIENCE, REGION, Rig, on_incus, plan};

/// What must not be the same in two systems, and what one leaves that was provisioned; by lines.
const IDENTITY: &str = "cloud-init status --wait >/dev/null; cat /etc/machine-id /var/lib/dbus/machine-id; \
    cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub; hostname; cat /root/given; \
    basename $(readlink /var/lib/cloud/instance); cat /sys/class/net/eth0/address; \
    ls /var/lib/arcus/provision.json /var/log/arcus-provision.log 2>/dev/null | wc -l";

fn told(text: &str) -> String {
    let told = json!({
        "hostname": text,
        "write_files": [{ "path": "/root/given", "content": format!("{text}\n") }],
    });
    format!("#cloud-config\n{told}\n")
}

/// A system that has lived, with everything about it that a copy may not have; and its snapshot.
async fn source(rig: &Rig) -> (Instance, SnapshotRef) {
    let mut request = rig.request("source");
    request.nesting = true;
    request.user_data = told("source");
    let made = rig.running(&request).await;
    let mut nic = rig.shown(&made).await["expanded_devices"]["eth0"].clone();
    nic["ipv4.address"] = json!(made.address());
    let body = json!({
        "config": { "boot.autostart": "true", "user.note": "mine", "cloud-init.vendor-data": "#cloud-config\n{}" },
        "devices": { "eth0": nic, "more": { "type": "unix-char", "source": "/dev/null", "path": "/dev/more" } },
    });
    rig.raw
        .call("PATCH", &format!("instances/{}", made.at.id), Some(&body))
        .await;
    let live = "cloud-init status --wait >/dev/null; mkdir -p /var/lib/arcus; echo '{}' >/var/lib/arcus/provision.json; \
        echo done >/var/log/arcus-provision.log; echo kept >/root/kept; sync";
    rig.inside(&made, live).await;
    rig.cloud
        .create_snapshot(&made.at, "origin")
        .await
        .expect("takes a snapshot");
    let of = made.at.clone();
    let name = "origin".to_owned();
    (made, SnapshotRef { of, name })
}

fn copy_of(rig: &Rig, snapshot: &SnapshotRef, name: &str) -> CreateInstance {
    let mut request = rig.request(name);
    request.user_data = told(name);
    request.plan = plan(1, 256, 3);
    request.snapshot = Some(snapshot.clone());
    request
}

/// The keys of an instance's own settings, but for those that Incus makes by itself, and its own devices.
fn settings(shown: &Value) -> (Vec<&String>, &Value) {
    let config = shown["config"].as_object().expect("is an object");
    let by_incus = |key: &&String| key.starts_with("volatile.") || key.starts_with("image.");
    let ours = config.keys().filter(|key| !by_incus(key));
    (ours.collect(), &shown["devices"])
}

#[tokio::test]
async fn two_copies_at_once_are_systems_of_their_own_with_the_disk_of_the_first() {
    on_incus(async |rig| {
        let (source, snapshot) = source(rig).await;
        let requests = ["one", "two"].map(|name| copy_of(rig, &snapshot, name));
        let (one, two) = tokio::join!(rig.running(&requests[0]), rig.running(&requests[1]));
        let mut usual = rig.request("usual");
        usual.plan = plan(1, 256, 3);
        let usual = rig.create(&usual).await;
        let usual = rig.shown(&usual).await;

        let mut seen: Vec<Vec<String>> = Vec::new();
        for (made, request) in [(&one, &requests[0]), (&two, &requests[1])] {
            assert_eq!(made.tag.as_ref(), Some(&request.tag));
            assert_eq!(made.name, request.name);
            assert_eq!(rig.inside(made, "cat /root/kept").await, "kept");
            assert_eq!(rig.memory_inside(made).await, 256 << 20);
            let shown = rig.shown(made).await;
            assert_eq!(settings(&shown), settings(&usual), "as from an image");
            assert_eq!(shown["profiles"], usual["profiles"]);
        }
        for (made, name) in [(&source, "source"), (&one, "one"), (&two, "two")] {
            let lines = rig.inside(made, IDENTITY).await;
            let lines: Vec<String> = lines.lines().map(str::to_owned).collect();
            let [machine, dbus, .., hostname, given, _, _, left] = lines.as_slice() else {
                panic!("{lines:?}");
            };
            assert_eq!((machine.len(), machine), (32, dbus), "{lines:?}");
            assert_eq!((hostname.as_str(), given.as_str()), (name, name));
            assert_eq!(left, if name == "source" { "2" } else { "0" });
            // All but what is left over is its own.
            let own = &lines[..lines.len() - 1];
            for other in &seen {
                assert!(
                    own.iter().zip(other).all(|(a, b)| a != b),
                    "{own:?} {other:?}"
                );
            }
            seen.push(own.to_vec());
        }
    })
    .await;
}

#[tokio::test]
async fn a_copy_whose_maker_died_is_made_its_own_by_whoever_starts_it() {
    on_incus(async |rig| {
        let (source, snapshot) = source(rig).await;
        let machine_id = rig.inside(&source, "cat /etc/machine-id").await;
        // One dies before anything was taken away, the other before the mark was.
        let deaths: [fn(&str) -> bool; 2] = [
            |line| line.contains("/files?"),
            |line| line.starts_with("PUT /1.0/instances/"),
        ];
        for (number, death) in deaths.into_iter().enumerate() {
            let request = copy_of(rig, &snapshot, &format!("orphan{number}"));
            let proxy = Proxy::that_loses(&rig.raw, Lost::Requests, death);
            let error = proxy.cloud.create(&request).await.expect_err("dies");
            assert_eq!(error.class, ErrorClass::OutcomeUnknown, "{error}");
            drop(proxy);
            let found = rig.cloud.find(REGION, &request.tag).await.expect("finds");
            assert_eq!((found.len(), found[0].power), (1, Power::Stopped));

            // The runner starts what it finds; a create that is sent again does as well.
            let at = if number == 0 {
                rig.cloud.start(&found[0].at).await.expect("starts");
                found[0].at.clone()
            } else {
                rig.create(&request).await.at
            };
            assert_eq!(at, found[0].at);
            let made = rig
                .cloud
                .wait(&at, Until::Running, PATIENCE)
                .await
                .expect("runs");
            let shown = rig.shown(&made).await;
            assert_eq!(shown["config"].get("user.arcus.copied"), None);
            assert_eq!(shown["config"].get("boot.autostart"), None);
            assert_eq!(shown["devices"].as_object().map(Map::len), Some(1));
            let own = rig.inside(&made, IDENTITY).await;
            assert_ne!(own.lines().next(), Some(machine_id.as_str()));
            assert!(own.ends_with("\n0"), "{own}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_copy_of_what_is_gone_is_refused_in_words() {
    on_incus(async |rig| {
        let made = rig.create(&rig.request("bare")).await;
        let nobody = InstanceRef {
            id: "no-such-instance".to_owned(),
            ..made.at.clone()
        };
        for of in [made.at.clone(), nobody] {
            let name = "no-such".to_owned();
            let request = copy_of(rig, &SnapshotRef { of, name }, "copy");
            let error = rig.cloud.create(&request).await.expect_err("refused");
            assert_eq!(error.class, ErrorClass::Rejected, "{error}");
            assert!(error.message.contains("the snapshot is gone"), "{error}");
        }
        let listed = rig.cloud.list(REGION, &rig.installation).await;
        assert_eq!(listed.expect("lists").len(), 1);
    })
    .await;
}
