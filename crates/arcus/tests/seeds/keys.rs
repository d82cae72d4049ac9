//! The users' SSH key pair: `/accounts/keys`.

use std::process::Command;

use serde_json::json;
use testkit::{Arcus, Builder, Scene, assert_shape};

testkit::on_both_databases![
    the_public_key_is_shown_without_the_private_one,
    the_private_key_belongs_to_the_public_one,
    members_never_see_the_private_key,
    reading_the_private_key_is_audited,
];

async fn the_public_key_is_shown_without_the_private_one(builder: Builder) {
    let arcus = builder.start().await;
    let owner = arcus
        .client()
        .register("company name", "my@email.com")
        .await;
    let printed = json!({"name": "default", "fingerprint": "aa:bb", "public_key": "ssh-rsa AAAA"});
    let mut keys = Vec::new();
    for path in [
        "/accounts/keys",
        "/accounts/keys?private=False",
        "/accounts/keys?private=",
    ] {
        let answer = owner.get(path).await;
        assert!(!answer.text.contains("PRIVATE KEY"), "{path}");
        let key = answer.ok();
        assert_shape(&key, &printed);
        assert!(key.get("content").is_none(), "{path}: {key}");
        keys.push(key);
    }
    assert_eq!(keys[0], keys[1], "it is always the same pair");
    assert_eq!(keys[0], keys[2]);
    let message = owner.get("/accounts/keys?private=maybe").await.error(400);
    assert_eq!(message, "private is True or False");
    let other = arcus.client().register("other", "other@email.com").await;
    let other = other.get("/accounts/keys").await.ok();
    assert_ne!(
        other["public_key"], keys[0]["public_key"],
        "each has its own"
    );
}

/// As OpenSSH sees the pair, and as the original client does: PKCS#1 in PEM.
async fn the_private_key_belongs_to_the_public_one(builder: Builder) {
    let arcus = builder.start().await;
    let owner = arcus
        .client()
        .register("company name", "my@email.com")
        .await;
    let answer = owner.get("/accounts/keys?private=True").await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let key = answer.ok();
    let text = |name: &str| key[name].as_str().expect("a string");
    assert!(text("content").starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
    assert!(
        text("content")
            .trim_end()
            .ends_with("-----END RSA PRIVATE KEY-----")
    );

    let (private, public) = (arcus.folder().join("key"), arcus.folder().join("key.pub"));
    std::fs::write(&private, text("content")).expect("is written");
    std::fs::write(&public, text("public_key")).expect("is written");
    let ssh_keygen = |arguments: &[&str]| {
        let output = Command::new("ssh-keygen").args(arguments).output();
        let output = output.expect("OpenSSH is installed");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let read_only = Command::new("chmod").arg("600").arg(&private).status();
    assert!(read_only.expect("chmod runs").success());
    let derived = ssh_keygen(&["-y", "-f", private.to_str().expect("a path")]);
    let bare = |line: &str| {
        line.split_whitespace()
            .take(2)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(bare(&derived), bare(text("public_key")));
    let shown = ssh_keygen(&["-l", "-E", "md5", "-f", public.to_str().expect("a path")]);
    let expected = format!("3072 MD5:{} ", text("fingerprint"));
    assert!(shown.starts_with(&expected), "{shown}");
}

async fn members_never_see_the_private_key(builder: Builder) {
    let scene = Scene::set(builder).await;
    let member = scene.colleague("member").await;
    let before = audited(&scene.arcus);
    for private in ["True", "true", "1"] {
        let path = format!("/accounts/keys?private={private}");
        let answer = member.get(&path).await;
        assert!(!answer.text.contains("PRIVATE KEY"));
        let message = answer.error(403);
        assert!(message.contains("only owners and admins"), "{message}");
    }
    assert_eq!(audited(&scene.arcus), before);
    let shown = member.get("/accounts/keys").await.ok();
    let admin = scene.colleague("admin").await;
    let key = admin.get("/accounts/keys?private=True").await.ok();
    assert_eq!(key["public_key"], shown["public_key"]);
    assert!(key["content"].is_string());
}

async fn reading_the_private_key_is_audited(builder: Builder) {
    let arcus = builder.start().await;
    let owner = arcus
        .client()
        .register("company name", "my@email.com")
        .await;
    let before = audited(&arcus);
    owner.get("/accounts/keys").await.ok();
    assert_eq!(audited(&arcus), before);
    owner.get("/accounts/keys?private=True").await.ok();
    assert_eq!(audited(&arcus), before + 1);
}

/// How many lines the audit trail has, which must be whole.
fn audited(arcus: &Arcus) -> u64 {
    let said = arcus.tell(&["audit", "verify"], "");
    let lines = said.split_whitespace().find_map(|word| word.parse().ok());
    lines.unwrap_or_else(|| panic!("{said}"))
}
