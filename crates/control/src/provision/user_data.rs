//! What a new instance is told by cloud-init: its name, who may log in, and the script that installs its packages.
//!
//! Called by the operation that makes a server, before the cloud is called. What must stay true: nothing secret is in
//! it, since a cloud keeps it in the clear and every process in the instance can read it; it stays under the 16 KiB
//! that EC2 allows; text that users gave is JSON, and so can't become anything else.

use serde_json::{Value, json};

use super::{SCRIPT, script};
use crate::catalog::packages::Package;

/// cloud-init user data for an instance with these packages, into which these public keys let `login_user`.
pub fn user_data(
    keys: &[String],
    login_user: &str,
    hostname: &str,
    packages: &[&Package],
    distribution: &str,
) -> String {
    let mut config = json!({
        "hostname": hostname,
        // Without it the cloud's own name for the instance stands in /etc/hosts beside this one.
        "fqdn": hostname,
        "manage_etc_hosts": "localhost",
        "users": users(keys, login_user),
    });
    if login_user == "root" {
        // Stock images put a command in front of root's keys that only says to log in as somebody else.
        config["disable_root"] = json!(false);
    }
    if !packages.is_empty() {
        config["write_files"] = json!([{
            "path": SCRIPT,
            "permissions": "0755",
            "owner": "root:root",
            "content": script::render(packages, distribution),
        }]);
        config["runcmd"] = json!([[SCRIPT]]);
    }
    // JSON is YAML, and no quoting rule of YAML's own is left to get wrong.
    format!("#cloud-config\n{config}\n")
}

fn users(keys: &[String], login_user: &str) -> Value {
    if login_user == "root" {
        // Root alone: the image's own user would be one more to look after, and takes time to make.
        json!([{ "name": "root", "ssh_authorized_keys": keys }])
    } else {
        // The image's own user goes along; where it is this one, cloud-init makes one entry of the two.
        json!(["default", {
            "name": login_user,
            "shell": "/bin/bash",
            "lock_passwd": true,
            "sudo": "ALL=(ALL) NOPASSWD:ALL",
            "ssh_authorized_keys": keys,
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::packages::{self, DISTRIBUTIONS, resolve};

    fn parsed(text: &str) -> Value {
        let json = text
            .strip_prefix("#cloud-config\n")
            .expect("the first line says what it is");
        serde_json::from_str(json).expect("JSON")
    }

    fn resolved(names: &[&str], distribution: &str) -> Vec<&'static Package> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        resolve(&names, distribution).expect("resolves")
    }

    #[test]
    fn a_hostname_with_yaml_or_shell_in_it_stays_a_hostname() {
        let hostname = "x\nruncmd: [[touch, /owned]] # $(id) \"' {{ ds }}";
        let text = user_data(&[], "root", hostname, &[], "debian-12");
        assert_eq!(parsed(&text)["hostname"], hostname);
        assert_eq!(text.lines().count(), 2);
        let as_yaml: Value = yaml_serde::from_str(&text).expect("YAML");
        assert_eq!(as_yaml, parsed(&text));
    }

    #[test]
    fn root_logs_in_with_the_keys_where_root_is_the_login_user() {
        let keys = [
            "ssh-ed25519 AAAA one".to_owned(),
            "ssh-rsa BBBB two".to_owned(),
        ];
        let config = parsed(&user_data(&keys, "root", "web", &[], "debian-12"));
        assert_eq!(config["disable_root"], false);
        assert_eq!(
            config["users"],
            json!([{ "name": "root", "ssh_authorized_keys": keys }])
        );
    }

    #[test]
    fn another_login_user_gets_the_keys_and_sudo_and_root_stays_closed() {
        let keys = ["ssh-ed25519 AAAA one".to_owned()];
        let config = parsed(&user_data(&keys, "ubuntu", "web", &[], "ubuntu-24.04"));
        assert_eq!(config.get("disable_root"), None);
        let user = &config["users"][1];
        assert_eq!(
            (&user["name"], &user["ssh_authorized_keys"]),
            (&json!("ubuntu"), &json!(keys))
        );
        assert_eq!(user["sudo"], "ALL=(ALL) NOPASSWD:ALL");
    }

    #[test]
    fn a_server_without_packages_runs_nothing_of_ours() {
        let config = parsed(&user_data(&[], "root", "web", &[], "debian-12"));
        assert!(config.get("runcmd").is_none() && config.get("write_files").is_none());
    }

    #[test]
    fn a_server_with_packages_writes_the_script_and_runs_it() {
        let packages = resolved(&["nginx", "redis"], "debian-12");
        let config = parsed(&user_data(&[], "root", "web", &packages, "debian-12"));
        assert_eq!(config["runcmd"], json!([[SCRIPT]]));
        let script = config["write_files"][0]["content"].as_str().expect("text");
        assert!(script.starts_with("#!/bin/sh\n"));
        assert!(script.contains("\nbegin 'nginx' 'redis-server'\n"));
    }

    #[test]
    fn every_server_that_can_be_has_user_data_small_enough_for_every_cloud() {
        let keys = vec![format!("ssh-rsa {} users", "A".repeat(550)); 2];
        for distribution in DISTRIBUTIONS {
            for left_out in ["nginx", "apache"] {
                let mut all = packages::all().iter().collect::<Vec<_>>();
                all.retain(|package| {
                    let mut names = package.needs.iter().chain([&package.name]);
                    !names.any(|name| name.starts_with(left_out))
                });
                let names: Vec<&str> = all.iter().map(|package| package.name.as_str()).collect();
                let text = user_data(
                    &keys,
                    "root",
                    &"n".repeat(63),
                    &resolved(&names, distribution),
                    distribution,
                );
                assert!(text.len() < 16 * 1024, "{} bytes", text.len());
            }
        }
    }
}
