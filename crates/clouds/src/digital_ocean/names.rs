//! The names that DigitalOcean accepts: of droplets, tags, firewalls and snapshots, and the way back to ours.
//!
//! Used by all verbs. What must stay true: a name comes back whole ([`shown`] undoes [`droplet`]), and whatever can't be
//! written in DigitalOcean's alphabet is refused before anything is sent, since a tag that came back otherwise would
//! lead to nothing.

use crate::cloud::{CloudError, CloudResult, InstanceRef, Tag};

use super::errors::rejected;

/// The longest name of a droplet, and of a tag.
const LONGEST: usize = 255;
const TOKEN: &str = "arcus-token-";
const INSTALLATION: &str = "arcus-in-";
const GROUP: &str = "arcus-group-";
const MARK: &str = "arcus-mark-";

/// A droplet's name: letters, digits, `.` and `-`. Every other byte is `--` and its two hexadecimal digits, and so is
/// a `-` that would be mistaken for the beginning of that.
pub(super) fn droplet(name: &str) -> String {
    let mut name = name;
    loop {
        let written = written(name);
        if written.len() <= LONGEST {
            return written;
        }
        let end = name.char_indices().next_back().map_or(0, |(at, _)| at);
        name = &name[..end];
    }
}

fn written(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    let bytes = name.as_bytes();
    let mut written = String::with_capacity(bytes.len());
    for (at, byte) in bytes.iter().copied().enumerate() {
        let next = bytes.get(at + 1).copied();
        // The last one has to be a letter or a digit, and no `-` stands before another one.
        let stays = match (byte, next) {
            (b'-', Some(next)) => next != b'-' && plain(next),
            (b'.', Some(_)) => true,
            (byte, _) => byte.is_ascii_alphanumeric(),
        };
        if stays {
            written.push(char::from(byte));
        } else {
            written.push_str(&format!("--{byte:02x}"));
        }
    }
    written
}

/// The name that was written; one that somebody else gave is what it is.
pub(super) fn shown(given: &str) -> String {
    read(given)
        .filter(|name| written(name) == given)
        .unwrap_or_else(|| given.to_owned())
}

fn read(given: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(given.len());
    let mut rest = given.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if let Some(coded) = rest.strip_prefix(b"--") {
            let digits = std::str::from_utf8(coded.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = coded.get(2..)?;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

/// The tag that one server bears.
pub(super) fn token(tag: &Tag) -> CloudResult<String> {
    tag_named(TOKEN, &tag.token)
}

/// The tag that every server of an installation bears.
pub(super) fn installation(installation: &str) -> CloudResult<String> {
    tag_named(INSTALLATION, installation)
}

/// The tag that a server's neighbours bear as well, and the name of their firewall.
pub(super) fn group(group: &str) -> CloudResult<String> {
    tag_named(GROUP, group)
}

/// The tag of a change that must not be done twice: what the droplet's last action was before it, whether it was on,
/// and the change's own mark.
pub(super) fn mark(last_action: u64, was_on: bool, mark: &str) -> CloudResult<String> {
    let power = if was_on { "on" } else { "off" };
    tag_named(MARK, &format!("{last_action}-{power}-{mark}"))
}

/// What [`mark`] wrote.
pub(super) fn read_mark(tag: &str) -> Option<(u64, bool, &str)> {
    let mut parts = tag.strip_prefix(MARK)?.splitn(3, '-');
    let (last_action, power, mark) = (parts.next()?, parts.next()?, parts.next()?);
    Some((last_action.parse().ok()?, power == "on", mark))
}

/// Whose a droplet with these tags is.
pub(super) fn owner(tags: &[String]) -> Option<Tag> {
    let value = |prefix: &str| tags.iter().find_map(|tag| tag.strip_prefix(prefix));
    Some(Tag {
        installation: value(INSTALLATION)?.to_owned(),
        token: value(TOKEN)?.to_owned(),
    })
}

/// Whether a tag says whose a droplet is.
pub(super) fn is_owners(tag: &str) -> bool {
    tag.starts_with(TOKEN) || tag.starts_with(INSTALLATION)
}

/// Whether a tag is one droplet's alone, so that nobody misses it when the droplet is gone.
pub(super) fn is_of_one(tag: &str) -> bool {
    tag.starts_with(TOKEN) || tag.starts_with(MARK)
}

/// A snapshot's name at DigitalOcean, where one outlives its droplet: it says that it is ours, and whose disk it is.
pub(super) fn snapshot(id: u64, name: &str) -> String {
    format!("arcus-{id}-{name}")
}

/// Our name of a snapshot, and whether Arcus took it.
pub(super) fn read_snapshot(id: u64, given: &str) -> (&str, bool) {
    given
        .strip_prefix(&format!("arcus-{id}-"))
        .map_or((given, false), |name| (name, true))
}

/// A droplet's id; what is no number is no droplet.
pub(super) fn id(at: &InstanceRef) -> CloudResult<u64> {
    let id = at.id.parse().ok().filter(|id| *id > 0);
    id.ok_or_else(|| CloudError::not_found(at))
}

/// DigitalOcean takes tags that differ in capitals alone for the same one; ours are compared as they are written.
fn tag_named(prefix: &str, value: &str) -> CloudResult<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let name = format!("{prefix}{value}");
    if value.is_empty() || name.len() > LONGEST || !value.bytes().all(plain) {
        return Err(rejected(format!(
            "DigitalOcean has no tag {name:?}: letters, digits and -, {LONGEST} characters at the most"
        )));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_accepted_and_comes_back_whole() {
        for name in [
            "web-1", "Web.1_b", "a--b", "a-_b", "a_-b", "a---b", "a-", "a.", "web--20", "web---2d",
            "é", "a__--__b", "_",
        ] {
            let written = droplet(name);
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
            assert!(written.bytes().all(allowed), "{name} is {written}");
            assert!(written.ends_with(|last: char| last.is_ascii_alphanumeric()));
            assert_eq!(shown(&written), name, "{written}");
        }
        assert_eq!(droplet("web-1.example"), "web-1.example");
        let last = domain::names::deleted(&"a_".repeat(32));
        assert_eq!(shown(&droplet(&last)), last);
    }

    #[test]
    fn a_name_that_another_gave_is_shown_as_it_is() {
        for name in ["db--primary", "a--41", "--", "web--2"] {
            assert_eq!(shown(name), name);
        }
    }

    #[test]
    fn a_name_that_is_too_long_is_shortened() {
        assert!(droplet(&"_".repeat(100)).len() <= LONGEST);
    }

    #[test]
    fn a_tag_says_whose_it_is() {
        let tag = Tag {
            installation: "one-2".to_owned(),
            token: "ab12".to_owned(),
        };
        let tags = vec![
            "of-somebody".to_owned(),
            installation(&tag.installation).expect("a tag"),
            token(&tag).expect("a tag"),
        ];
        assert_eq!(owner(&tags), Some(tag));
        assert_eq!(owner(&tags[..2]), None);
        assert!(installation("a b").is_err());
    }

    #[test]
    fn a_mark_is_read_back() {
        let tag = mark(12, false, "op-7-x").expect("a tag");
        assert_eq!(read_mark(&tag), Some((12, false, "op-7-x")));
    }
}
