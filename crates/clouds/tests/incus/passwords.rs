//! Passwords: set by their hashes, and good for a login by SSH.

use std::sync::Arc;

use clouds::{ErrorClass, Instance};
use russh::client::{self, Handler};
use russh::keys::PublicKeyOrCertificate;

use crate::rig::{Rig, eventually, on_incus, set_password};

/// Passwords and their hashes.
const PASSWORDS: [(&str, &str); 3] = [
    (
        "pass: wörd 'x'",
        "$6$arcustest$Bn1lBQ8z3LyWxzHboLDlwk9dTRuFentI39exH09bXTlQzghOUfpGGg425u9lHeH5wglF.xc8So.PrVfKmxOLo0",
    ),
    (
        "$(reboot) \"2\"",
        "$6$arcustest$1/Kng.oBczt1PJfqhuumMTrA.UAbBflcXZh3GyzmaXb3G19V.GqybDhD7PuV/nQghnR7pE8ldV/mu2N8uVeYg/",
    ),
    (
        "third-one",
        "$6$arcustest$HEhVhLCfP4oqiJnFRAvdS.q6YPaCUgoJyJYIaOgr09PxaCD4JI8jpC7ISs.BMKif4XA316nYoDh9CvC1n/x.O/",
    ),
];

/// Accepts any host.
struct Anyone;

impl Handler for Anyone {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

/// Whether the SSH server lets a user in with that password; `None` where it doesn't answer.
async fn lets_in(made: &Instance, user: &str, password: &str) -> Option<bool> {
    let config = Arc::new(client::Config::default());
    let address = (made.address().expect("has an address"), 22);
    let mut handle = client::connect(config, address, Anyone).await.ok()?;
    let answer = handle.authenticate_password(user, password).await.ok()?;
    Some(answer.success())
}

/// The server begins anew to read its settings, and is away for a moment.
async fn soon_lets_in(made: &Instance, user: &str, password: &str) {
    let seen = eventually(
        async || lets_in(made, user, password).await,
        |seen| *seen == Some(true),
    );
    assert_eq!(seen.await, Some(true), "{user} with {password}");
}

async fn with_a_server(rig: &Rig, name: &str) -> Instance {
    let made = rig.running(&rig.request(name)).await;
    let up = "cloud-init status --wait >/dev/null; systemctl is-active ssh";
    assert_eq!(rig.inside(&made, up).await, "active");
    made
}

#[tokio::test]
async fn a_password_that_is_set_logs_in_by_ssh_and_the_one_before_does_not() {
    on_incus(async |rig| {
        let made = with_a_server(rig, "password").await;
        assert_eq!(lets_in(&made, "root", PASSWORDS[0].0).await, Some(false));
        for (password, hash) in &PASSWORDS[..2] {
            set_password(&rig.cloud, &made.at, "root", hash)
                .await
                .expect("is set");
            soon_lets_in(&made, "root", password).await;
            let kept = rig.inside(&made, "grep ^root: /etc/shadow").await;
            assert!(kept.starts_with(&format!("root:{hash}:")), "{kept}");
        }
        assert_eq!(lets_in(&made, "root", PASSWORDS[0].0).await, Some(false));
        let conf =
            "cat /etc/ssh/sshd_config.d/10-arcus-password.conf; grep -c Arcus /etc/ssh/sshd_config";
        let conf = rig.inside(&made, conf).await;
        assert!(conf.ends_with("PermitRootLogin yes\n0"), "{conf}");
    })
    .await;
}

#[tokio::test]
async fn a_server_that_other_settings_close_lets_the_user_in_all_the_same() {
    on_incus(async |rig| {
        let made = with_a_server(rig, "closed").await;
        let closed = "useradd -m deploy; \
            printf 'PasswordAuthentication no\\nPermitRootLogin no\\n' >/etc/ssh/sshd_config.d/00-closed.conf";
        rig.inside(&made, closed).await;
        let (password, hash) = PASSWORDS[0];
        set_password(&rig.cloud, &made.at, "root", hash)
            .await
            .expect("is set");
        soon_lets_in(&made, "root", password).await;

        // As in an image that has one file of settings and no folder; and root stays let in.
        let alone = "rm -r /etc/ssh/sshd_config.d; sed -i /^Include/d /etc/ssh/sshd_config; \
            echo 'PasswordAuthentication no' >>/etc/ssh/sshd_config; systemctl reload ssh";
        rig.inside(&made, alone).await;
        let (another, hash) = PASSWORDS[1];
        for _ in 0..2 {
            set_password(&rig.cloud, &made.at, "deploy", hash)
                .await
                .expect("is set");
        }
        soon_lets_in(&made, "deploy", another).await;
        soon_lets_in(&made, "root", password).await;
        let count = "grep -c '^PasswordAuthentication yes$' /etc/ssh/sshd_config; ls /etc/ssh | grep -c arcus";
        assert_eq!(rig.inside(&made, count).await, "1\n0");
    })
    .await;
}

#[tokio::test]
async fn a_password_that_the_system_does_not_take_is_refused_without_being_told() {
    on_incus(async |rig| {
        let made = rig.running(&rig.request("untaken")).await;
        let (_, hash) = PASSWORDS[2];
        let error = set_password(&rig.cloud, &made.at, "nobody-here", hash).await;
        let error = error.expect_err("no such user");
        assert_eq!(error.class, ErrorClass::Rejected, "{error}");
        assert!(!error.message.contains(hash), "{error}");

        // A system without an SSH server has a password all the same.
        rig.inside(&made, "cloud-init status --wait >/dev/null; rm -r /etc/ssh")
            .await;
        set_password(&rig.cloud, &made.at, "root", hash)
            .await
            .expect("is set");
    })
    .await;
}

#[tokio::test]
async fn a_rule_for_one_user_that_refuses_passwords_is_told() {
    on_incus(async |rig| {
        let made = with_a_server(rig, "ruled").await;
        let rule =
            "printf 'Match User root\\n  PasswordAuthentication no\\n' >>/etc/ssh/sshd_config";
        rig.inside(&made, rule).await;
        let error = set_password(&rig.cloud, &made.at, "root", PASSWORDS[0].1).await;
        let error = error.expect_err("refused");
        assert_eq!(error.class, ErrorClass::Rejected, "{error}");
        assert!(
            error.message.contains("the password is set, but"),
            "{error}"
        );
    })
    .await;
}
