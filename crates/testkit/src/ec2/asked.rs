//! The parameters of a call, as the Query API writes them: `Filter.1.Value.2`.

use std::collections::BTreeMap;

use super::calls::{Refusal, refuse};

/// What a call asks for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) action: String,
    pub(super) region: String,
    pub(super) fields: Fields,
}

/// Parameters by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fields(pub(super) BTreeMap<String, String>);

/// The most values that all filters of a call may have.
const MOST_VALUES: usize = 200;

// === impl Fields ===

impl<'a> FromIterator<(&'a str, &'a str)> for Fields {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(all: I) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self(all.into_iter().map(owned).collect())
    }
}

impl Fields {
    /// Those of a query string and of a form: Amazon takes either.
    pub(super) fn read(query: &[u8], body: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(query).chain(form_urlencoded::parse(body));
        Self(
            pairs
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// A parameter that has to be there.
    pub(super) fn must(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| {
            let message = format!("The request must contain the parameter {name}");
            refuse(400, "MissingParameter", message)
        })
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// What is below `NAME.1`, `NAME.2` and so on, in that order.
    pub(super) fn below(&self, name: &str) -> Vec<Self> {
        let mut all: BTreeMap<usize, Self> = BTreeMap::new();
        for (key, value) in &self.0 {
            let Some(rest) = key
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('.'))
            else {
                continue;
            };
            let (number, rest) = rest.split_once('.').unwrap_or((rest, ""));
            if let Ok(number) = number.parse() {
                let one = all.entry(number).or_default();
                one.0.insert(rest.to_owned(), value.clone());
            }
        }
        all.into_values().collect()
    }

    /// The values `NAME.1`, `NAME.2` and so on.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let all = self.below(name).into_iter();
        all.filter_map(|mut one| one.0.remove("")).collect()
    }

    /// The filters, each with its values.
    pub(super) fn filters(&self) -> Result<Vec<(String, Vec<String>)>, Refusal> {
        let all = self.below("Filter").into_iter();
        let all: Vec<_> = all
            .map(|one| (one.text("Name").to_owned(), one.list("Value")))
            .collect();
        if all.iter().map(|(_, values)| values.len()).sum::<usize>() > MOST_VALUES {
            let message = "The maximum number of filter values specified on a single call is 200";
            return Err(refuse(400, "FilterLimitExceeded", message));
        }
        Ok(all)
    }

    /// Tags below `prefix`.
    pub(super) fn tags(&self, prefix: &str) -> BTreeMap<String, String> {
        let all = self.below(prefix).into_iter();
        all.map(|tag| (tag.text("Key").to_owned(), tag.text("Value").to_owned()))
            .collect()
    }

    /// The tags that are meant for what the call makes of that kind.
    pub(super) fn tags_of(&self, resource: &str) -> BTreeMap<String, String> {
        let all = self.below("TagSpecification").into_iter();
        all.filter(|one| one.text("ResourceType") == resource)
            .flat_map(|one| one.tags("Tag"))
            .collect()
    }

    /// A page of a list, and the token of the next one. `most` is what a page holds at the most.
    pub(super) fn page<T>(&self, all: Vec<T>, most: usize) -> (Vec<T>, Option<String>) {
        let wanted = self
            .number("MaxResults")
            .and_then(|wanted| usize::try_from(wanted).ok());
        let size = wanted.unwrap_or(most).min(most).max(1);
        let token = self.text("NextToken").strip_prefix("page-");
        let from = token.and_then(|token| token.parse().ok()).unwrap_or(0);
        let next = (from + size < all.len()).then(|| format!("page-{}", from + size));
        (all.into_iter().skip(from).take(size).collect(), next)
    }
}

/// Whether a value is what a filter asks for, in which `*` stands for anything.
pub(super) fn fits(wanted: &str, value: &str) -> bool {
    let mut parts = wanted.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = value.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}
