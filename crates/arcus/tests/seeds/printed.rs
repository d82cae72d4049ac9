//! The printed curl commands, read as a shell would read them.

use testkit::{Answer, Client, Method};

/// The host that the documentations name.
const HOST: &str = "\"http://s.cloudhero.io:8080";

/// The token that the documentations send.
const TOKEN: &str = "meowmeowmeow";

/// Sends a printed command to the Arcus of this client, with its token and these replacements of placeholders.
pub(crate) async fn curl(client: &Client, printed: &str, replacements: &[(&str, &str)]) -> Answer {
    let mut printed = printed.to_owned();
    if printed.contains(TOKEN) {
        printed = printed.replace(TOKEN, client.token());
    }
    for (placeholder, value) in replacements {
        assert!(
            printed.contains(placeholder),
            "{placeholder} is not printed"
        );
        printed = printed.replace(placeholder, value);
    }
    let (head, body) = match printed.split_once("-d '") {
        Some((head, rest)) => {
            let (body, _) = rest.rsplit_once('\'').expect("the body ends");
            (head, Some(body.to_owned()))
        }
        None => (printed.as_str(), None),
    };
    let (_, address) = head.split_once(HOST).expect("the printed host");
    let (path, headers) = address.split_once('"').expect("the address ends");
    let method = match head.split_once("-X ") {
        Some((_, rest)) => rest.split_whitespace().next().expect("a method"),
        None if body.is_some() => "POST",
        None => "GET",
    };
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    // The printed headers carry the token: the client is not to add another.
    let mut request = client.anonymous().request(method, path);
    for header in headers.split("-H ").skip(1) {
        let (name, value) = header.split_once(':').expect("a header");
        let quotes = |text: &str| text.trim().trim_matches('"').trim().to_owned();
        request = request.header(quotes(name), quotes(value));
    }
    if let Some(body) = body {
        request = request.body(body);
    }
    client.send(request).await
}

/// Whether this is an id as they are printed: 24 hexadecimal digits.
pub(crate) fn is_id(value: &serde_json::Value) -> bool {
    value.as_str().is_some_and(|id| {
        id.len() == 24
            && id
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Whether this is a time as RFC 3339 writes it, in UTC.
pub(crate) fn is_time(value: &serde_json::Value) -> bool {
    value.as_str().is_some_and(|time| {
        let shape: String = time
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        shape.starts_with("0000-00-00T00:00:00") && shape.ends_with('Z')
    })
}
