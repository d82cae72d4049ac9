//! Labels of servers as single words.
//!
//! A server's tags are names with values (CloudHero's way); a word is a name without a value, and one with a value is
//! written `name=value`. So either API sees and changes what the other has set.

use std::collections::BTreeMap;

use domain::account::Actor;
use domain::{Error, Result, ServerId};
use serde_json::{Map, Value};
use store::Session;

use super::create::MAX_TAGS;
use crate::app::App;

/// The longest name or value of a tag.
const MAX_TAG: usize = 128;

/// A server's tags as words.
pub fn words(tags: &Map<String, Value>) -> Vec<String> {
    tags.iter().map(|(name, value)| word(name, value)).collect()
}

fn word(name: &str, value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => name.to_owned(),
        Value::String(text) => format!("{name}={text}"),
        Value::Null => name.to_owned(),
        value => format!("{name}={value}"),
    }
}

/// Words as names with values.
///
/// Errors: `Invalid` for one that is empty, too long, or holds what separates them in a list.
pub fn parse(words: &[String]) -> Result<Map<String, Value>> {
    let mut tags = Map::new();
    for text in words {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let fits = |part: &str| part.chars().count() <= MAX_TAG;
        let apart = |c: char| c.is_whitespace() || c.is_control() || c == ',';
        if name.is_empty() || !fits(name) || !fits(value) || text.contains(apart) {
            return Err(Error::invalid(format!(
                "a tag has 1 to {MAX_TAG} characters without spaces and commas; nothing was changed"
            ))
            .field("tags"));
        }
        tags.insert(name.to_owned(), Value::from(value));
    }
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

/// Adds tags to servers; what a server has already stays. All or nothing.
pub async fn add(app: &App, actor: &Actor, ids: &[ServerId], words: &[String]) -> Result<()> {
    if ids.is_empty() || words.is_empty() {
        return Err(Error::invalid(
            "sub_ids and tags name one server and one tag at least; nothing was changed",
        ));
    }
    let added = parse(words)?;
    change(app, actor, ids, "server.tag", |tags| {
        for (name, value) in &added {
            tags.entry(name.clone()).or_insert_with(|| value.clone());
        }
    })
    .await
}

/// Gives a server these tags and no others.
pub async fn replace(app: &App, actor: &Actor, id: ServerId, words: &[String]) -> Result<()> {
    let new = parse(words)?;
    change(app, actor, &[id], "server.tag", |tags| {
        tags.clone_from(&new);
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
        tags.retain(|name, value| word(name, value) != tag);
    })
    .await
}

/// Changes the tags of servers, whose rows are locked in the order of their keys.
async fn change(
    app: &App,
    actor: &Actor,
    ids: &[ServerId],
    action: &str,
    change: impl Fn(&mut Map<String, Value>) + Send + Sync,
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
        let mut tags = server.tags.clone();
        change(&mut tags);
        if tags.len() > MAX_TAGS {
            return Err(Error::invalid(format!(
                "a server has at most {MAX_TAGS} tags; nothing was changed"
            ))
            .field("tags"));
        }
        store::servers::set_tags(&mut session, id, &tags).await?;
        store::audit::record(&mut session, actor, action, &id.to_string()).await?;
    }
    session.tell();
    session.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_read_back_as_the_word_that_it_was_given_as() {
        let given = ["web1".to_owned(), "role=web".to_owned()];
        assert_eq!(words(&parse(&given).expect("parses")), given);
    }

    #[test]
    fn a_tag_with_a_space_or_a_comma_in_it_is_refused() {
        for wrong in ["", "=x", "a b", "a,b", "a\n", &"a".repeat(129)] {
            assert!(parse(&[wrong.to_owned()]).is_err(), "{wrong:?}");
        }
    }
}
