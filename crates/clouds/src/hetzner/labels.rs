//! Names and labels: what a server is called at Hetzner, whose it is, and the mark of what must not be done to it twice.
//!
//! Used by all verbs. Hetzner gives a name once in a project, and only host names; so a server's name ends in digits that
//! follow from its token, and the whole name stands in a label. What must stay true: the same server is called the same at
//! every try, so that it can't be made twice; a name comes back whole; and whatever can't be written in Hetzner's alphabet
//! is refused before anything is sent, since a label that came back otherwise would lead to nothing.

use sha2::{Digest, Sha256};

use super::errors::rejected;
use super::wire::Labels;
use crate::cloud::{CloudError, CloudResult, InstanceRef, Tag};

/// The longest value of a label, and the longest part of a host name.
const LONGEST: usize = 63;
/// How many digits a server's name ends in.
const DIGITS: usize = 10;

const TOKEN: &str = "arcus-token";
const INSTALLATION: &str = "arcus-installation";
/// Whose neighbour it is; on a firewall and a network, whose they are.
pub(super) const GROUP: &str = "arcus-group";
/// On a snapshot: the id of the server that it is of.
pub(super) const OF: &str = "arcus-of";
const NAME: &str = "arcus-name";
/// The pieces of a name that is no value of a label, in hexadecimal digits, each with its number.
const NAME_PIECE: &str = "arcus-name-hex-";
const MARK: &str = "arcus-mark";
/// What the server's last action was before the change of that mark, and whether it was on.
const MARK_AFTER: &str = "arcus-mark-after";

/// What the cloud calls a server: a host name that no other server has.
pub(super) fn hostname(name: &str, unique: &str) -> String {
    let digits = hex::encode(Sha256::digest(unique));
    format!("{}-{}", base(name), &digits[..DIGITS])
}

/// The part of a host name that says which server it is to a person.
fn base(name: &str) -> String {
    let mut base = domain::names::slug(name);
    base.truncate(LONGEST - DIGITS - 1);
    base.trim_end_matches('-').to_owned()
}

/// Our name of a server with that host name and those labels. One that somebody has renamed is called as they did.
pub(super) fn shown(hostname: &str, labels: &Labels) -> String {
    let ours = named(labels).filter(|name| {
        let digits = hostname
            .strip_prefix(&base(name))
            .and_then(|rest| rest.strip_prefix('-'));
        digits.is_some_and(|digits| digits.len() == DIGITS)
    });
    ours.unwrap_or_else(|| hostname.to_owned())
}

fn named(labels: &Labels) -> Option<String> {
    if let Some(name) = labels.get(NAME) {
        return Some(name.clone());
    }
    let pieces: String = (0..)
        .map_while(|piece| labels.get(&format!("{NAME_PIECE}{piece}")))
        .map(String::as_str)
        .collect();
    let name = String::from_utf8(hex::decode(pieces).ok()?).ok()?;
    (!name.is_empty()).then_some(name)
}

/// Puts a name into labels, instead of the one that they have.
pub(super) fn put_name(labels: &mut Labels, name: &str) {
    labels.retain(|key, _| key != NAME && !key.starts_with(NAME_PIECE));
    if is_value(name) && !name.is_empty() {
        labels.insert(NAME.to_owned(), name.to_owned());
        return;
    }
    let digits = hex::encode(name);
    for (number, piece) in digits.as_bytes().chunks(LONGEST - 1).enumerate() {
        let piece = String::from_utf8_lossy(piece).into_owned();
        labels.insert(format!("{NAME_PIECE}{number}"), piece);
    }
}

/// Puts a server under that owner.
pub(super) fn put_owner(labels: &mut Labels, tag: &Tag) -> CloudResult<()> {
    for (key, value) in [(INSTALLATION, &tag.installation), (TOKEN, &tag.token)] {
        labels.insert(key.to_owned(), checked(value)?.to_owned());
    }
    Ok(())
}

/// Says of a server no more whose it is.
pub(super) fn take_owner(labels: &mut Labels) {
    for key in [INSTALLATION, TOKEN] {
        labels.remove(key);
    }
}

/// Puts a server into that group.
pub(super) fn put_group(labels: &mut Labels, group: &str) -> CloudResult<()> {
    labels.insert(GROUP.to_owned(), checked(group)?.to_owned());
    Ok(())
}

/// Whose a server with these labels is.
pub(super) fn owner(labels: &Labels) -> Option<Tag> {
    Some(Tag {
        installation: labels.get(INSTALLATION)?.clone(),
        token: labels.get(TOKEN)?.clone(),
    })
}

/// What selects the servers of that owner.
pub(super) fn selector_of(tag: &Tag) -> CloudResult<String> {
    let token = selector(TOKEN, &tag.token)?;
    let installation = selector_of_installation(&tag.installation)?;
    Ok(format!("{token},{installation}"))
}

/// What selects the servers of that installation.
pub(super) fn selector_of_installation(installation: &str) -> CloudResult<String> {
    selector(INSTALLATION, installation)
}

/// What selects the servers of any Arcus.
pub(super) fn selector_of_all() -> &'static str {
    TOKEN
}

/// What selects what bears that label.
pub(super) fn selector(key: &str, value: &str) -> CloudResult<String> {
    checked(value).map(|value| format!("{key}={value}"))
}

/// Notes the change of that mark, instead of the last one: what the server's last action was before it, and its power.
pub(super) fn put_mark(
    labels: &mut Labels,
    mark: &str,
    last_action: u64,
    was_on: bool,
) -> CloudResult<()> {
    let power = if was_on { "on" } else { "off" };
    labels.insert(MARK.to_owned(), checked(mark)?.to_owned());
    labels.insert(MARK_AFTER.to_owned(), format!("{last_action}-{power}"));
    Ok(())
}

/// What [`put_mark`] noted, where the mark is this one.
pub(super) fn read_mark(labels: &Labels, mark: &str) -> Option<(u64, bool)> {
    labels.get(MARK).filter(|borne| *borne == mark)?;
    let (last_action, power) = labels.get(MARK_AFTER)?.split_once('-')?;
    Some((last_action.parse().ok()?, power == "on"))
}

/// The name of what a group has: its firewall, its network.
pub(super) fn of_group(group: &str) -> CloudResult<String> {
    checked(group).map(|group| format!("arcus-{group}"))
}

/// A server's id; what is no number is no server.
pub(super) fn id(at: &InstanceRef) -> CloudResult<u64> {
    let id = at.id.parse().ok().filter(|id| *id > 0);
    id.ok_or_else(|| CloudError::not_found(at))
}

fn checked(value: &str) -> CloudResult<&str> {
    if is_value(value) && !value.is_empty() {
        return Ok(value);
    }
    Err(rejected(format!(
        "Hetzner Cloud has no label {value:?}: letters, digits and . _ - between letters or digits, {LONGEST} characters at \
         the most"
    )))
}

/// Whether a label may have that value.
fn is_value(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let ends = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    text.len() <= LONGEST && text.bytes().all(plain) && ends(bytes.first()) && ends(bytes.last())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(token: &str) -> Tag {
        Tag {
            installation: "one-2".to_owned(),
            token: token.to_owned(),
        }
    }

    #[test]
    fn every_name_is_a_host_name_and_comes_back_whole() {
        let long = domain::names::deleted(&"a_".repeat(32));
        for name in [
            "web-1",
            "Web.1_b",
            "a--b",
            "a-",
            "-",
            "é",
            "_",
            "x y",
            &long,
            &"a".repeat(63),
        ] {
            let mut labels = Labels::new();
            put_name(&mut labels, "another");
            put_name(&mut labels, name);
            let host = hostname(name, "token");
            assert!(host.len() <= LONGEST && host.starts_with(|c: char| c.is_ascii_alphanumeric()));
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            assert!(host.bytes().all(allowed), "{name} is {host}");
            assert!(labels.values().all(|value| is_value(value)), "{labels:?}");
            assert_eq!(shown(&host, &labels), name, "{host} {labels:?}");
        }
    }

    #[test]
    fn two_servers_of_one_name_are_two_host_names_and_one_server_is_one() {
        assert_ne!(hostname("web", "one"), hostname("web", "other"));
        assert_eq!(hostname("web", "one"), hostname("web", "one"));
    }

    #[test]
    fn what_a_person_calls_a_server_is_its_name() {
        let mut labels = Labels::new();
        assert_eq!(shown("db-primary", &labels), "db-primary");
        put_name(&mut labels, "web");
        for renamed in ["db-primary", "web", "web-1"] {
            assert_eq!(shown(renamed, &labels), renamed);
        }
    }

    #[test]
    fn labels_say_whose_a_server_is() {
        let mut labels = Labels::new();
        put_owner(&mut labels, &tag("ab12")).expect("labels");
        assert_eq!(owner(&labels), Some(tag("ab12")));
        labels.remove(TOKEN);
        assert_eq!(owner(&labels), None);
        for wrong in ["", "a b", "-a", "a-", "é", &"a".repeat(64)] {
            assert!(put_owner(&mut labels, &tag(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_mark_is_read_back_and_replaced_by_the_next() {
        let mut labels = Labels::new();
        put_mark(&mut labels, "7-1", 12, false).expect("labels");
        assert_eq!(read_mark(&labels, "7-1"), Some((12, false)));
        assert_eq!(read_mark(&labels, "7"), None);
        put_mark(&mut labels, "8-1", 13, true).expect("labels");
        assert_eq!(read_mark(&labels, "7-1"), None);
        assert_eq!(read_mark(&labels, "8-1"), Some((13, true)));
    }
}
