//! The printed curl commands, read as a shell would read them.

use testkit::{Answer, Client, Method};

/// The hosts that the documentation names.
const HOSTS: [&str; 2] = ["\"https://api.cloude.ro", "\"https://api.cloud.ro"];

/// Sends a printed command to the Arcus of this client, with these replacements of what is printed.
pub(crate) async fn curl(client: &Client, printed: &str, replacements: &[(&str, &str)]) -> Answer {
    let mut printed = printed.replace("\\\n", " ");
    for (placeholder, value) in replacements {
        assert!(
            printed.contains(placeholder),
            "{placeholder} is not printed"
        );
        printed = printed.replace(placeholder, value);
    }
    if printed.contains("{{authToken}}") {
        printed = printed.replace("{{authToken}}", client.bearer());
    }
    assert!(!printed.contains("{{"), "{printed}");
    let host = HOSTS.iter().find(|host| printed.contains(**host));
    let (head, address) = printed
        .split_once(host.expect("the host"))
        .expect("it is there");
    let (path, rest) = address.split_once('"').expect("the address ends");
    let (_, method) = head.split_once("--request ").expect("a method");
    let method = Method::from_bytes(method.trim().as_bytes()).expect("a method");
    let mut request = client.anonymous().request(method, path);
    let (headers, body) = rest.split_once("--data ").expect("a body");
    let unquoted = |text: &str| text.trim().trim_matches('"').to_owned();
    for header in headers.split("--header ").skip(1) {
        let header = unquoted(header);
        let (name, value) = header.split_once(':').expect("a header");
        request = request.header(name.trim(), value.trim());
    }
    let body = unquoted(body);
    if !headers.contains("Content-Type") && !body.is_empty() {
        // What curl sends with --data where no other type is named.
        request = request.header("Content-Type", "application/x-www-form-urlencoded");
    }
    client.send(request.body(body)).await
}
