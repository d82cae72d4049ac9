//! Amazon's XML, written by hand: elements, lists of `item`s, and the two envelopes.

use std::fmt::Display;

use domain::random;
use quick_xml::escape::escape;

/// The namespace of an answer.
const NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";

/// An element with a value.
pub(super) fn text(name: &str, value: impl Display) -> String {
    format!("<{name}>{}</{name}>", escape(value.to_string()))
}

/// An element with elements in it.
pub(super) fn element(name: &str, inner: &str) -> String {
    format!("<{name}>{inner}</{name}>")
}

/// A list.
pub(super) fn items(name: &str, all: impl IntoIterator<Item = String>) -> String {
    let all: String = all.into_iter().map(|one| element("item", &one)).collect();
    element(name, &all)
}

/// The answer to an action.
pub(super) fn answer(action: &str, inner: &str) -> String {
    let id = text("requestId", request_id());
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{action}Response xmlns=\"{NAMESPACE}\">{id}{inner}</{action}Response>"
    )
}

/// The answer that says no.
pub(super) fn refusal(code: &str, message: &str) -> String {
    let error = element(
        "Error",
        &[text("Code", code), text("Message", message)].concat(),
    );
    let inner = [element("Errors", &error), text("RequestID", request_id())].concat();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}",
        element("Response", &inner)
    )
}

fn request_id() -> String {
    let hex = random::hex::<16>();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}
