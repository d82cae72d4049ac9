//! Parameters that come as a form, as JSON or in the query string, read as one.
//!
//! For façades whose documentation shows forms. What must stay true: a name that is sent empty was not sent; a name that
//! is sent twice, with two values, is a doubt, and doubt is refused; values never get into an error.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use domain::{Error, Result};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::body;
use super::edge::Failure;

/// The parameters of a body.
pub(crate) struct Fields<T>(pub(crate) T);

/// The parameters of a query string.
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Fields<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let kind = request.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let says_json = kind.starts_with("application/json");
        let bytes = body::all(request).await?;
        let text = str::from_utf8(&bytes)
            .map_err(|_| Error::invalid("the body is not in UTF-8; nothing was done"))?;
        // A client that sends JSON under curl's usual type is understood as well.
        let fields = if says_json || text.trim_start().starts_with('{') {
            json(text)?
        } else {
            form(text)?
        };
        Ok(Self(parse(fields)?))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self(parse(form(parts.uri.query().unwrap_or_default())?)?))
    }
}

fn json(text: &str) -> Result<Map<String, Value>> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    let mut fields: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| body::wrong(&error))?;
    fields.retain(|_, value| !value.is_null() && value != "");
    Ok(fields)
}

/// `name[]` is one of several.
fn form(text: &str) -> Result<Map<String, Value>> {
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        if value.is_empty() {
            continue;
        }
        let value = Value::from(value.into_owned());
        if let Some(name) = name.strip_suffix("[]") {
            let several = fields
                .entry(name)
                .or_insert_with(|| Value::Array(Vec::new()));
            match several {
                Value::Array(several) => several.push(value),
                _ => return Err(twice(name)),
            }
        } else if fields
            .get(name.as_ref())
            .is_some_and(|known| *known != value)
        {
            return Err(twice(&name));
        } else {
            fields.insert(name.into_owned(), value);
        }
    }
    Ok(fields)
}

fn twice(name: &str) -> Error {
    let name: String = name.chars().take(40).collect();
    Error::invalid(format!("{name:?} was sent twice; nothing was done"))
}

fn parse<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T> {
    serde_json::from_value(Value::Object(fields)).map_err(|error| {
        let text = error.to_string();
        // The words leave out what was found: it may be a password in the wrong place, and errors are logged.
        let words = match text.strip_prefix("missing field `") {
            Some(rest) => format!("{} is missing", rest.trim_end_matches('`')),
            None => match text.rsplit_once(", expected ") {
                Some((_, expected)) => format!("a parameter is wrong: expected {expected}"),
                None => text,
            },
        };
        Error::invalid(format!("{words}; nothing was done"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_form_with_brackets_is_a_list() {
        let fields = form("sub_ids%5B%5D=1&sub_ids%5B%5D=2&name=a%20b&empty=").expect("parses");
        assert_eq!(
            Value::Object(fields),
            json!({"sub_ids": ["1", "2"], "name": "a b"})
        );
    }

    #[test]
    fn a_name_with_two_values_is_refused() {
        assert!(form("id=1&id=2").is_err());
        assert!(form("id=1&id[]=2").is_err());
        assert!(form("id=1&id=1").is_ok());
    }

    #[test]
    fn what_is_empty_or_null_was_not_sent() {
        let fields = json(r#"{"a": "", "b": null, "c": 0, "d": "x"}"#).expect("parses");
        assert_eq!(Value::Object(fields), json!({"c": 0, "d": "x"}));
    }
}
