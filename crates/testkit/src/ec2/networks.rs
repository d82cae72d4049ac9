//! The network: one VPC with one subnet in each region, security groups, key pairs.

use super::asked::{Asked, Fields, fits};
use super::calls::{Refusal, Reply, refuse};
use super::catalog::ACCOUNT;
use super::instances::shown_tags;
use super::world::{Group, Key, Rule, Source, World, new_id};
use super::xml::{items, text};

/// The default VPC.
pub(super) const VPC: &str = "vpc-0123456789abcdef0";
/// Its subnet.
pub(super) const SUBNET: &str = "subnet-0123456789abcdef0";

pub(super) fn vpcs(asked: &Asked) -> String {
    let filters = asked.fields.below("Filter");
    let is_default =
        |filter: &Fields| filter.text("Name") == "is-default" && filter.text("Value.1") == "true";
    let shown = [
        text("vpcId", VPC),
        text("ownerId", ACCOUNT),
        text("state", "available"),
        text("cidrBlock", "172.31.0.0/16"),
        text("instanceTenancy", "default"),
        text("isDefault", true),
    ];
    let found = filters.iter().all(is_default).then(|| shown.concat());
    items("vpcSet", found)
}

/// The account has no addresses of its own: those of instances are not among them.
pub(super) fn addresses() -> String {
    items("addressesSet", None::<String>)
}

pub(super) fn subnets(asked: &Asked) -> Reply {
    if let Some(id) = asked
        .fields
        .list("SubnetId")
        .iter()
        .find(|id| *id != SUBNET)
    {
        let message = format!("The subnet ID '{id}' does not exist");
        return Err(refuse(400, "InvalidSubnetID.NotFound", message));
    }
    let shown = [
        text("subnetId", SUBNET),
        text("state", "available"),
        text("vpcId", VPC),
        text("cidrBlock", "172.31.0.0/16"),
        text("availableIpAddressCount", 65_000),
        text("availabilityZone", format!("{}a", asked.region)),
        text("defaultForAz", true),
        text("mapPublicIpOnLaunch", true),
    ];
    Ok(items("subnetSet", [shown.concat()]))
}

// === impl World ===

impl World {
    pub(super) fn create_group(&mut self, asked: &Asked) -> Reply {
        let fields = &asked.fields;
        let (name, vpc) = (
            fields.must("GroupName")?,
            fields.get("VpcId").unwrap_or(VPC),
        );
        let mut own = self.groups.iter();
        if own.any(|group| group.name == name && group.vpc == vpc && group.region == asked.region) {
            let message = format!("The security group '{name}' already exists for VPC '{vpc}'");
            return Err(refuse(400, "InvalidGroup.Duplicate", message));
        }
        if name.starts_with("sg-") {
            let message = "Value for parameter groupName is invalid. Group names may not be in the format sg-*";
            return Err(refuse(400, "InvalidParameterValue", message));
        }
        let group = Group {
            id: new_id("sg"),
            region: asked.region.clone(),
            name: name.to_owned(),
            description: fields.must("GroupDescription")?.to_owned(),
            vpc: vpc.to_owned(),
            tags: fields.tags_of("security-group"),
            rules: Vec::new(),
            seen_from: self.settled(),
        };
        let shown = [
            text("return", true),
            text("groupId", &group.id),
            items("tagSet", shown_tags(&group.tags)),
        ];
        self.groups.push(group);
        Ok(shown.concat())
    }

    pub(super) fn describe_groups(&self, asked: &Asked) -> Reply {
        let filters = asked.fields.filters()?;
        let fits = |group: &Group, (name, values): &(String, Vec<String>)| match name.as_str() {
            "group-name" => values.contains(&group.name),
            "group-id" => values.contains(&group.id),
            "vpc-id" => values.contains(&group.vpc),
            _ => false,
        };
        let found = self.groups.iter().filter(|group| {
            group.region == asked.region
                && group.is_seen()
                && filters.iter().all(|filter| fits(group, filter))
        });
        Ok(items("securityGroupInfo", found.map(shown_group)))
    }

    /// All of the rules, or none where one is there already.
    pub(super) fn authorize(&mut self, asked: &Asked) -> Reply {
        let id = asked.fields.must("GroupId")?;
        self.group(&asked.region, id)?;
        let rules: Vec<Rule> = asked
            .fields
            .below("IpPermissions")
            .iter()
            .flat_map(rules)
            .collect();
        for rule in &rules {
            if let Source::Group(from) = &rule.from {
                self.group(&asked.region, from)?;
            }
        }
        let Some(group) = self.groups.iter_mut().find(|group| group.id == id) else {
            return Err(no_group(id));
        };
        if let Some(there) = rules.iter().find(|rule| group.rules.contains(rule)) {
            let message = format!("the specified rule \"{there:?}\" already exists");
            return Err(refuse(400, "InvalidPermission.Duplicate", message));
        }
        group.rules.extend(rules);
        Ok(text("return", true))
    }

    pub(super) fn delete_group(&mut self, asked: &Asked) -> Reply {
        let id = asked.fields.must("GroupId")?;
        self.group(&asked.region, id)?;
        let mut instances = self.instances.values();
        let holds = |group: &String| group == id;
        if instances.any(|one| one.holds_groups() && one.groups.iter().any(holds)) {
            let message = format!("resource {id} has a dependent object");
            return Err(refuse(400, "DependencyViolation", message));
        }
        self.groups.retain(|group| group.id != id);
        Ok([text("return", true), text("groupId", id)].concat())
    }

    /// One that can be seen.
    pub(super) fn group(&self, region: &str, id: &str) -> Result<&Group, Refusal> {
        let mut own = self.groups.iter();
        own.find(|group| group.id == id && group.region == region && group.is_seen())
            .ok_or_else(|| no_group(id))
    }

    pub(super) fn has_key(&self, region: &str, name: &str) -> bool {
        let mut keys = self.keys.iter();
        keys.any(|key| key.name == name && key.region == region)
    }

    pub(super) fn import_key(&mut self, asked: &Asked) -> Reply {
        let name = asked.fields.must("KeyName")?;
        asked.fields.must("PublicKeyMaterial")?;
        if self.has_key(&asked.region, name) {
            let message = format!("The keypair '{name}' already exists.");
            return Err(refuse(400, "InvalidKeyPair.Duplicate", message));
        }
        let key = Key {
            region: asked.region.clone(),
            id: new_id("key"),
            name: name.to_owned(),
        };
        let shown = [
            text("keyName", name),
            text("keyFingerprint", domain::random::hex::<16>()),
            text("keyPairId", &key.id),
        ];
        self.keys.push(key);
        Ok(shown.concat())
    }

    pub(super) fn describe_keys(&self, asked: &Asked) -> Reply {
        let filters = asked.fields.filters()?;
        let is_meant = |key: &&Key| {
            let fits = |(name, wanted): &(String, Vec<String>)| {
                name == "key-name" && wanted.iter().any(|wanted| fits(wanted, &key.name))
            };
            key.region == asked.region && filters.iter().all(fits)
        };
        let shown = self.keys.iter().filter(is_meant);
        let shown =
            shown.map(|key| [text("keyPairId", &key.id), text("keyName", &key.name)].concat());
        Ok(items("keySet", shown))
    }

    /// One that is not there is deleted all the same.
    pub(super) fn delete_key(&mut self, asked: &Asked) -> String {
        let name = asked.fields.text("KeyName");
        self.keys
            .retain(|key| key.name != name || key.region != asked.region);
        text("return", true)
    }
}

/// The rules of one permission: one for each place that it lets in from.
fn rules(permission: &Fields) -> Vec<Rule> {
    let protocol = permission.text("IpProtocol").to_owned();
    let port = |name: &str| permission.get(name).and_then(|port| port.parse().ok());
    let ports = port("FromPort").zip(port("ToPort"));
    let named = |list: &str, field: &str| {
        let all = permission.below(list).into_iter();
        let all = all.filter_map(|one| one.get(field).map(str::to_owned));
        all.collect::<Vec<_>>()
    };
    let groups = named("Groups", "GroupId").into_iter().map(Source::Group);
    let v4 = named("IpRanges", "CidrIp").into_iter().map(Source::V4);
    let v6 = named("Ipv6Ranges", "CidrIpv6").into_iter().map(Source::V6);
    let sources = groups.chain(v4).chain(v6);
    let rule = |from| Rule {
        protocol: protocol.clone(),
        ports,
        from,
    };
    sources.map(rule).collect()
}

/// What lets in by the same protocol at the same ports is one permission, as Amazon shows it.
fn shown_permissions(rules: &[Rule]) -> Vec<String> {
    let mut kinds: Vec<(&str, Option<(i32, i32)>)> = Vec::new();
    for rule in rules {
        let kind = (rule.protocol.as_str(), rule.ports);
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let shown = |(protocol, ports): (&str, Option<(i32, i32)>)| {
        let sources = || {
            let its = rules
                .iter()
                .filter(move |rule| (rule.protocol.as_str(), rule.ports) == (protocol, ports));
            its.map(|rule| &rule.from)
        };
        let of_group = |from: &Source| match from {
            Source::Group(id) => Some([text("userId", ACCOUNT), text("groupId", id)].concat()),
            _ => None,
        };
        let of_v4 = |from: &Source| match from {
            Source::V4(range) => Some(text("cidrIp", range)),
            _ => None,
        };
        let of_v6 = |from: &Source| match from {
            Source::V6(range) => Some(text("cidrIpv6", range)),
            _ => None,
        };
        let ports = ports.map(|(from, to)| [text("fromPort", from), text("toPort", to)].concat());
        [
            text("ipProtocol", protocol),
            ports.unwrap_or_default(),
            items("groups", sources().filter_map(of_group)),
            items("ipRanges", sources().filter_map(of_v4)),
            items("ipv6Ranges", sources().filter_map(of_v6)),
            items("prefixListIds", []),
        ]
        .concat()
    };
    kinds.into_iter().map(shown).collect()
}

fn shown_group(group: &Group) -> String {
    let everywhere = Rule {
        protocol: "-1".to_owned(),
        ports: None,
        from: Source::V4("0.0.0.0/0".to_owned()),
    };
    [
        text("groupId", &group.id),
        items("ipPermissionsEgress", shown_permissions(&[everywhere])),
        items("tagSet", shown_tags(&group.tags)),
        text("vpcId", &group.vpc),
        text("ownerId", ACCOUNT),
        text("groupName", &group.name),
        text("groupDescription", &group.description),
        items("ipPermissions", shown_permissions(&group.rules)),
    ]
    .concat()
}

fn no_group(id: &str) -> Refusal {
    let message = format!("The security group '{id}' does not exist");
    refuse(400, "InvalidGroup.NotFound", message)
}

// === impl Group ===

impl Group {
    fn is_seen(&self) -> bool {
        self.seen_from <= std::time::Instant::now()
    }
}
