//! A group's firewall: what its droplets are reached at from outside, and that they reach one another everywhere.
//!
//! Made before the first droplet of a group by `create`, deleted with the last one by `clear_group`. What must stay
//! true: rules are added and never taken away, since another server of the group, or a person, may need them.

use reqwest::Method;
use serde_json::{Value, json};

use super::wire::{Firewall, OneFirewall, Rule};
use super::{DigitalOcean, errors, names};
use crate::cloud::{CloudResult, ErrorClass};

const SSH: u16 = 22;
const ANYWHERE: [&str; 2] = ["0.0.0.0/0", "::/0"];
const PROTOCOLS: [&str; 3] = ["tcp", "udp", "icmp"];
/// Of DigitalOcean's several words for all ports, the one that it has always taken; it shows another.
const ALL_PORTS: &str = "1-65535";
/// What stands where a protocol has no ports.
const NO_PORTS: &str = "0";

/// One thing that has to be let in.
pub(super) struct Wanted {
    protocol: &'static str,
    ports: String,
    /// From the droplets of that tag, or from anywhere.
    from: Option<String>,
}

// === impl DigitalOcean ===

impl DigitalOcean {
    /// Sees to it that the group has a firewall which lets in SSH, these ports, and the group itself.
    pub(super) async fn ensure_firewall(&self, group: &str, ports: &[u16]) -> CloudResult<()> {
        let tag = names::group(group)?;
        let wanted = wanted(&tag, ports);
        let _alone = self.ensuring.lock().await;
        if let Some(found) = self.firewalls_named(&tag).await?.first() {
            return self.complete(found, &tag, &wanted).await;
        }
        // A firewall names tags that are there.
        self.make_tag(&tag).await?;
        let inbound: Vec<_> = wanted.iter().map(Wanted::rule).collect();
        let outbound = PROTOCOLS.map(|protocol| {
            let to = json!({ "addresses": ANYWHERE });
            json!({ "protocol": protocol, "ports": all_ports(protocol), "destinations": to })
        });
        let body = json!({
            "name": tag, "tags": [tag], "inbound_rules": inbound, "outbound_rules": outbound,
        });
        match self.client.post::<OneFirewall>(&["firewalls"], &body).await {
            // Another Arcus was quicker.
            Err(error) if errors::is_taken(&error) => {
                match self.firewalls_named(&tag).await?.first() {
                    Some(found) => self.complete(found, &tag, &wanted).await,
                    None => Err(error),
                }
            }
            made => {
                tracing::debug!(firewall = made?.firewall.id, group, "made a firewall");
                Ok(())
            }
        }
    }

    /// Deletes the group's firewall and its tag, where no droplet bears it any more.
    pub(super) async fn clear_firewall(&self, group: &str) -> CloudResult<()> {
        let tag = names::group(group)?;
        let _alone = self.ensuring.lock().await;
        for droplet in self.tagged(&tag).await? {
            if self.is_there(droplet.id).await? {
                return Ok(());
            }
        }
        let firewalls = self.firewalls_named(&tag).await?;
        if firewalls.is_empty() && !self.has_tag(&tag).await? {
            return Ok(());
        }
        for firewall in firewalls {
            let path = ["firewalls", firewall.id.as_str()];
            match self.client.change(Method::DELETE, &path, None).await {
                Err(error) if error.class == ErrorClass::NotFound => {}
                deleted => deleted?,
            }
        }
        self.delete_tag(&tag).await
    }

    /// Adds what a firewall doesn't do yet.
    async fn complete(&self, found: &Firewall, tag: &str, wanted: &[Wanted]) -> CloudResult<()> {
        let missing = missing(found, wanted);
        if !missing.is_empty() {
            let path = ["firewalls", found.id.as_str(), "rules"];
            let body = json!({ "inbound_rules": missing });
            self.client.change(Method::POST, &path, Some(&body)).await?;
        }
        if !is_of(found, tag) {
            self.make_tag(tag).await?;
            let path = ["firewalls", found.id.as_str(), "tags"];
            let body = json!({ "tags": [tag] });
            self.client.change(Method::POST, &path, Some(&body)).await?;
        }
        Ok(())
    }

    pub(super) async fn firewalls_named(&self, name: &str) -> CloudResult<Vec<Firewall>> {
        let mut found: Vec<Firewall> = self.client.list(&["firewalls"], &[]).await?;
        found.retain(|firewall| firewall.name == name);
        Ok(found)
    }
}

/// The rules that a firewall lacks.
pub(super) fn missing(found: &Firewall, wanted: &[Wanted]) -> Vec<Value> {
    let rules = found.inbound_rules.as_deref().unwrap_or_default();
    let missing = wanted
        .iter()
        .filter(|one| !rules.iter().any(|rule| one.is_in(rule)));
    missing.map(Wanted::rule).collect()
}

/// Whether a firewall is that of a tag's droplets.
pub(super) fn is_of(found: &Firewall, tag: &str) -> bool {
    let tags = found.tags.as_deref().unwrap_or_default();
    tags.iter().any(|borne| borne == tag)
}

pub(super) fn wanted(tag: &str, ports: &[u16]) -> Vec<Wanted> {
    let mut open = vec![SSH];
    open.extend(ports);
    open.sort_unstable();
    open.dedup();
    let outside = open.into_iter().map(|port| Wanted {
        protocol: "tcp",
        ports: port.to_string(),
        from: None,
    });
    let inside = PROTOCOLS.into_iter().map(|protocol| Wanted {
        protocol,
        ports: all_ports(protocol).to_owned(),
        from: Some(tag.to_owned()),
    });
    outside.chain(inside).collect()
}

fn all_ports(protocol: &str) -> &'static str {
    if protocol == "icmp" {
        NO_PORTS
    } else {
        ALL_PORTS
    }
}

// === impl Wanted ===

impl Wanted {
    fn rule(&self) -> Value {
        let sources = match &self.from {
            Some(tag) => json!({ "tags": [tag] }),
            None => json!({ "addresses": ANYWHERE }),
        };
        json!({ "protocol": self.protocol, "ports": self.ports, "sources": sources })
    }

    fn is_in(&self, rule: &Rule) -> bool {
        let ports = match rule.ports.as_str() {
            "all" | "0" | "" => all_ports(self.protocol),
            ports => ports,
        };
        let holds = |given: &Option<Vec<String>>, one: &str| {
            given.iter().flatten().any(|known| known == one)
        };
        let sources = match &self.from {
            Some(tag) => holds(&rule.sources.tags, tag),
            None => ANYWHERE
                .iter()
                .all(|one| holds(&rule.sources.addresses, one)),
        };
        rule.protocol == self.protocol && ports == self.ports && sources
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ports_are_known_by_each_of_their_names() {
        let wanted = wanted("arcus-group-a", &[]);
        let udp = wanted
            .iter()
            .find(|one| one.protocol == "udp")
            .expect("is wanted");
        for (ports, holds) in [("0", true), ("all", true), ("1-65535", true), ("53", false)] {
            let mut rule = udp.rule();
            rule["ports"] = json!(ports);
            let rule: Rule = serde_json::from_value(rule).expect("a rule");
            assert_eq!(udp.is_in(&rule), holds, "{ports}");
        }
    }

    #[test]
    fn what_is_wanted_is_found_among_the_rules_that_were_made_of_it() {
        let wanted = wanted("arcus-group-a", &[443, 22]);
        let read = |rule: Value| serde_json::from_value::<Rule>(rule).expect("a rule");
        let rules: Vec<_> = wanted.iter().map(|one| read(one.rule())).collect();
        assert_eq!(rules.len(), 5, "22, 443, and three of the group");
        for one in &wanted {
            assert_eq!(rules.iter().filter(|rule| one.is_in(rule)).count(), 1);
        }
        let narrow = json!({
            "protocol": "tcp", "ports": "22", "sources": { "addresses": ["10.0.0.0/8"] },
        });
        assert!(!wanted[0].is_in(&read(narrow)));
    }
}
