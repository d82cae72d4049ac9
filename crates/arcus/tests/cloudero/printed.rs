//! The printed curl commands, run by a shell as they stand.

use std::process::Command;

use testkit::{Answer, Client};

/// The hosts that the documentation names.
const HOSTS: [&str; 2] = ["https://api.cloude.ro", "https://api.cloud.ro"];

/// `curl` without this machine's own settings and proxies, and with an answer that is read by [`read`].
const CURL: &str = "curl --disable --noproxy '*' --silent --show-error --include";

/// Runs a printed command against the Arcus of this client and with its token, with these replacements of what is printed.
pub(crate) fn curl(client: &Client, printed: &str, replacements: &[(&str, &str)]) -> Answer {
    let mut command = printed.to_owned();
    for (placeholder, value) in replacements {
        assert!(
            command.contains(placeholder),
            "{placeholder} is not printed"
        );
        command = command.replace(placeholder, value);
    }
    if command.contains("{{authToken}}") {
        command = command.replace("{{authToken}}", client.bearer());
    }
    assert!(!command.contains("{{"), "{command}");
    let host = HOSTS.iter().find(|host| command.contains(**host));
    let command = command
        .replacen(host.expect("a host"), client.base(), 1)
        .replacen("curl", CURL, 1);
    let output = Command::new("sh").arg("-c").arg(&command).output();
    let output = output.expect("a shell runs");
    assert!(
        output.status.success(),
        "{command}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    read(&String::from_utf8(output.stdout).expect("UTF-8"))
}

/// An answer with its head, as it came.
fn read(answer: &str) -> Answer {
    let (head, text) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let headers = lines.filter_map(|line| line.split_once(": "));
    Answer {
        status: status.and_then(|status| status.parse().ok()).expect(head),
        headers: headers
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect(),
        body: serde_json::from_str(text).unwrap_or_default(),
        text: text.to_owned(),
    }
}
