//! The pages of a list: what stands on one, and which comes next.
//!
//! Called by `client`. What must stay true: of the next page's address only its number is taken, since the rest of it is
//! the cloud's word for where our token should go; and the numbers grow, so that a list ends.

use std::collections::BTreeMap;

use reqwest::Url;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::client::parsed;
use super::errors;
use super::wire::{Links, Listed};
use crate::cloud::CloudResult;

/// What stands on a page, and the number of the one after it.
pub(super) fn read_page<T: DeserializeOwned + Listed>(
    body: &[u8],
    page: u32,
) -> CloudResult<(Vec<T>, Option<u32>)> {
    let parts: BTreeMap<String, Box<RawValue>> = parsed(body)?;
    let part = |key: &str| parts.get(key).map(|part| part.get().as_bytes());
    let items = part(T::KEY).ok_or_else(|| errors::lost("there is no list in it", false))?;
    // Null, where there is none.
    let items: Option<Vec<T>> = parsed(items)?;
    let links: Option<Links> = part("links").map_or(Ok(None), parsed)?;
    let next = links.and_then(|links| links.pages.next);
    let next = match next.filter(|address| !address.is_empty()) {
        None => None,
        Some(address) => {
            let number = page_number(&address).filter(|number| *number > page);
            Some(number.ok_or_else(|| errors::lost("its next page has no number", false))?)
        }
    };
    Ok((items.unwrap_or_default(), next))
}

fn page_number(address: &str) -> Option<u32> {
    let address = Url::parse(address).ok()?;
    let (_, number) = address.query_pairs().find(|(name, _)| name == "page")?;
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::wire::Action;
    use super::*;

    fn next_of(address: &str) -> CloudResult<Option<u32>> {
        let page = json!({ "actions": [], "links": { "pages": { "next": address } } });
        read_page::<Action>(page.to_string().as_bytes(), 1).map(|(_, next)| next)
    }

    #[test]
    fn of_the_next_page_only_the_number_counts() {
        let elsewhere = "https://evil.example.com/v2/actions?page=2&per_page=200";
        assert_eq!(next_of(elsewhere).expect("read"), Some(2));
        for wrong in [
            "nonsense",
            "https://api.digitalocean.com/v2/actions",
            "https://a/?page=1",
        ] {
            assert!(next_of(wrong).is_err(), "{wrong}");
        }
        let last = json!({ "actions": null, "links": {} }).to_string();
        let (items, next) = read_page::<Action>(last.as_bytes(), 1).expect("read");
        assert!(items.is_empty() && next.is_none());
    }
}
