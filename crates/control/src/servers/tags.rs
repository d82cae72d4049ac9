//! Labels of servers: what they may be, and how they are single words.
//!
//! A server's tags are names with values (CloudHero's way); a word is a name without a value, and one with a value is
//! written `name=value`. So either API sees and changes what the other has set. What must stay true: of tags that no word
//! stands for, such as one with a space in its value, a change by words leaves every one as it is, or is refused.

use std::collections::{BTreeMap, HashMap};

use domain::account::Actor;
use domain::{Error, Result, ServerId};
use serde_json::{Map, Value};
use store::Session;

use crate::app::App;

/// The most tags of a server.
const MOST: usize = 50;

/// The longest name or value of a tag.
const LONGEST: usize = 128;

/// Whether `what`, a server or a node, may have these tags, through whichever API they come.
///
/// Errors: `Invalid`.
pub(crate) fn check(what: &str, tags: &Map<String, Value>) -> Result<()> {
    let wrong = |message: String| {
        Err(Error::invalid(format!("{message}; nothing was changed")).field("tags"))
    };
    if tags.len() > MOST {
        return wrong(format!("{what} has at most {MOST} tags"));
    }
    for (name, value) in tags {
        if !matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_)) {
            return wrong(format!(
                "the tag {name:?} is neither a string, a number nor true or false"
            ));
        }
        let value = text(value);
        if name.is_empty() || name.chars().count() > LONGEST || value.chars().count() > LONGEST {
            return wrong(format!(
                "a tag's key has 1 to {LONGEST} characters and its value at most as many"
            ));
        }
        if name.chars().chain(value.chars()).any(char::is_control) {
            return wrong(format!("the tag {name:?} holds a control character"));
        }
    }
    Ok(())
}

/// A server's tags as words.
pub fn words(tags: &Map<String, Value>) -> Vec<String> {
    tags.iter().map(|(name, value)| word(name, value)).collect()
}

fn word(name: &str, value: &Value) -> String {
    match text(value) {
        value if value.is_empty() => name.to_owned(),
        value => format!("{name}={value}"),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        value => value.to_string(),
    }
}

/// The name and the value of a word.
fn split(word: &str) -> Result<(&str, &str)> {
    let (name, value) = word.split_once('=').unwrap_or((word, ""));
    if name.is_empty() || word.contains(|c: char| c.is_whitespace() || c == ',') {
        return Err(Error::invalid(format!(
            "a tag has 1 to {LONGEST} characters without spaces and commas; nothing was changed"
        ))
        .field("tags"));
    }
    Ok((name, value))
}

/// Whether a word stands for this very tag.
fn is_word(name: &str, value: &Value) -> bool {
    split(&word(name, value)).is_ok_and(|parts| parts == (name, &*text(value)))
}

/// Words as names with values.
///
/// Errors: `Invalid` for one that is empty, too long, or holds what separates them in a list, and for a name with two
/// values.
pub fn parse(words: &[String]) -> Result<Map<String, Value>> {
    changed(&Map::new(), words, Others::Stay)
}

/// What becomes of the tags that no word of a change names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    Stay,
    /// But for those that no word stands for: who sends words can't name them.
    Go,
}

/// The tags of a server that `has` those, after a change by words. The word of a tag that it has is that tag, a number for
/// example; what has another value under that name gets the new one.
fn changed(
    has: &Map<String, Value>,
    words: &[String],
    others: Others,
) -> Result<Map<String, Value>> {
    let wrong = |message: String| {
        Err(Error::invalid(format!("{message}; nothing was changed")).field("tags"))
    };
    let mut tags = has.clone();
    tags.retain(|name, value| others == Others::Stay || !is_word(name, value));
    let mut said: HashMap<&str, String> = HashMap::new();
    for given in words {
        let same = has
            .iter()
            .filter(|(name, value)| word(name, value) == *given);
        let same: Vec<_> = same.collect();
        let new = match same[..] {
            [] => {
                let (name, value) = split(given)?;
                if has.get(name).is_some_and(|value| !is_word(name, value)) {
                    return wrong(format!(
                        "the tag {name:?} has a value that is no single word, so that no word takes its place: destroy it \
                         first"
                    ));
                }
                vec![(name, Value::from(value))]
            }
            _ => same
                .into_iter()
                .map(|(name, value)| (name.as_str(), value.clone()))
                .collect(),
        };
        for (name, value) in new {
            let value_said = text(&value);
            if said.get(name).is_some_and(|before| *before != value_said) {
                return wrong(format!("the tag {name:?} was sent with two values"));
            }
            said.insert(name, value_said);
            tags.insert(name.to_owned(), value);
        }
    }
    check("a server", &tags)?;
    Ok(tags)
}

/// How often each tag is there.
pub async fn list(app: &App, actor: &Actor) -> Result<BTreeMap<String, u64>> {
    let mut session = app.store.read().await?;
    let servers = store::servers::list(&mut session, actor.organisation.id).await?;
    let mut counts = BTreeMap::new();
    for server in servers {
        for word in words(&server.tags) {
            *counts.entry(word).or_default() += 1;
        }
    }
    Ok(counts)
}

/// Adds tags to servers; of a name that a server has already the value is the new one. All or nothing.
///
/// Errors: `Invalid` as for [`parse`], and where a tag that no word stands for has the name of a new one.
pub async fn add(app: &App, actor: &Actor, ids: &[ServerId], words: &[String]) -> Result<()> {
    if ids.is_empty() || words.is_empty() {
        return Err(Error::invalid(
            "sub_ids and tags name one server and one tag at least; nothing was changed",
        ));
    }
    change(app, actor, ids, "server.tag", |tags| {
        changed(tags, words, Others::Stay)
    })
    .await
}

/// Gives a server these tags and no others that are words.
///
/// Errors: as for [`add`].
pub async fn replace(app: &App, actor: &Actor, id: ServerId, words: &[String]) -> Result<()> {
    change(app, actor, &[id], "server.tag", |tags| {
        changed(tags, words, Others::Go)
    })
    .await
}

/// Takes a tag from all servers. Errors: `NotFound` where none has it.
pub async fn remove(app: &App, actor: &Actor, tag: &str) -> Result<()> {
    let mut session = app.store.read().await?;
    let servers = store::servers::list(&mut session, actor.organisation.id).await?;
    drop(session);
    let has = |server: &&domain::server::Server| words(&server.tags).iter().any(|word| word == tag);
    let ids: Vec<_> = servers.iter().filter(has).map(|server| server.id).collect();
    if ids.is_empty() {
        return Err(Error::not_found("tag"));
    }
    change(app, actor, &ids, "server.untag", |tags| {
        let mut tags = tags.clone();
        tags.retain(|name, value| word(name, value) != tag);
        Ok(tags)
    })
    .await
}

/// Changes the tags of servers, whose rows are locked in the order of their keys.
async fn change(
    app: &App,
    actor: &Actor,
    ids: &[ServerId],
    action: &str,
    change: impl Fn(&Map<String, Value>) -> Result<Map<String, Value>> + Send + Sync,
) -> Result<()> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let mut session: Session = app.store.write().await?;
    for id in ids {
        store::operations::hold_of_server(&mut session, id).await?;
        let server = store::servers::lock(&mut session, actor.organisation.id, id)
            .await?
            .ok_or_else(|| Error::not_found("server"))?;
        store::servers::set_tags(&mut session, id, &change(&server.tags)?).await?;
        store::audit::record(&mut session, actor, action, &id.to_string()).await?;
    }
    session.tell();
    session.commit().await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(tags: Value) -> Map<String, Value> {
        serde_json::from_value(tags).expect("an object")
    }

    fn after(has: Value, words: &[&str], others: Others) -> Result<Value> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        changed(&map(has), &words, others).map(Value::from)
    }

    #[test]
    fn a_tag_is_read_back_as_the_word_that_it_was_given_as() {
        let given = ["web1".to_owned(), "role=web".to_owned()];
        assert_eq!(words(&parse(&given).expect("parses")), given);
    }

    #[test]
    fn a_tag_with_a_space_or_a_comma_in_it_is_refused() {
        for wrong in ["", "=x", "a b", "a,b", "a\n", "a\u{1}", &"a".repeat(129)] {
            assert!(parse(&[wrong.to_owned()]).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_name_with_two_values_is_refused() {
        assert!(after(json!({}), &["role=web", "role=db"], Others::Stay).is_err());
        assert!(after(json!({"n": 5}), &["n=5", "n=6"], Others::Go).is_err());
        let same = after(json!({}), &["role=web", "role=web"], Others::Stay);
        assert_eq!(same.expect("is one"), json!({"role": "web"}));
    }

    #[test]
    fn a_value_that_is_no_text_stays_what_it_is_where_its_word_is_sent() {
        let has = json!({"n": 5, "on": true, "role": "web"});
        let tags = after(has, &["n=5", "blue"], Others::Go).expect("changes");
        assert_eq!(tags, json!({"n": 5, "blue": ""}));
    }

    #[test]
    fn what_no_word_stands_for_stays_and_its_name_is_not_given_another_value() {
        let has = || json!({"team": "blue sky", "a=b": "c", "role": "web"});
        let tags = after(has(), &["x"], Others::Go).expect("changes");
        assert_eq!(tags, json!({"team": "blue sky", "a=b": "c", "x": ""}));
        let tags = after(has(), &["team=blue sky", "a=b=c"], Others::Go).expect("changes");
        assert_eq!(tags, json!({"team": "blue sky", "a=b": "c"}));
        for others in [Others::Stay, Others::Go] {
            let error = after(has(), &["team=blue", "sky"], others).expect_err("refused");
            assert!(error.message().contains("\"team\""), "{error}");
        }
    }
}
