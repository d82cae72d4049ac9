//! Firewalls: one security group for each group of servers, in the VPC that its servers are in.
//!
//! Called by `create` and the trait. From outside a server is reached over SSH and at the ports that it was asked to have;
//! from its own group at every port. What must stay true: nothing is opened that was not asked for; a group or a rule
//! that somebody else has just made is as good as one's own; and the key pair of the group goes when the group goes.

use std::time::Duration;

use tokio::time::Instant;

use super::action::Action;
use super::client::Called;
use super::create::Offered;
use super::errors::rejected;
use super::form::{Form, NAME};
use super::shown::NOT_GONE;
use super::{Ec2, SETTLING, wire, wire_network as network};
use crate::cloud::{CloudError, CloudResult, CreateInstance, ErrorClass};

/// Open from everywhere, on every server.
const SSH: u16 = 22;
/// What Amazon says where there is a group of that name.
const IS_THERE: &str = "InvalidGroup.Duplicate";
/// What it says where a VPC has to be named, for there is no default one.
const NO_VPC: &str = "VPCIdNotSpecified";
/// Between two looks for a group that is new, and two tries to use it.
pub(super) const PAUSE: Duration = Duration::from_millis(500);

/// A rule of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// All that the group's own servers send.
    Within,
    /// A port, from everywhere.
    Port(u16),
}

// === impl Ec2 ===

impl Ec2 {
    /// The id of the security group of that server's group, with the ports open that it asks for.
    pub(super) async fn group(
        &self,
        request: &CreateInstance,
        offered: Offered<'_>,
    ) -> CloudResult<String> {
        let region = request.region.as_str();
        let ports = with_ssh(&request.ports);
        let key = format!("{region}/{}/{ports:?}", request.group);
        // Boxed: three calls after one another are a large future.
        let ensure = Box::pin(async {
            let made = self.made_unseen(request, offered.clone()).await?;
            let group = if let Some(made) = made {
                made
            } else {
                let group = &request.group;
                self.found_or_made(region, group, offered.clone()).await?
            };
            offered.await?;
            self.open(region, &group, &ports).await?;
            Ok(group.group_id)
        });
        self.groups.get(&key, ensure).await
    }

    /// The group of a first server, made without looking for it or for its VPC: Amazon takes the default one. `None` where
    /// it takes a look after all.
    async fn made_unseen(
        &self,
        request: &CreateInstance,
        offered: Offered<'_>,
    ) -> CloudResult<Option<network::Group>> {
        if !request.is_first || self.options.subnet.is_some() {
            return Ok(None);
        }
        offered.await?;
        match self.make_group(&request.region, None, &request.group).await {
            Ok(made) => Ok(Some(made)),
            Err(failure) if [IS_THERE, NO_VPC].contains(&failure.code.as_str()) => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Deletes it with its key pair, unless servers are left in it. One whose last server has only just gone is in use
    /// for a while still, and refused for now.
    pub(super) async fn delete_group(&self, region: &str, group: &str) -> CloudResult<()> {
        let _alone = self.clearing.lock().await;
        let prefix = format!("{region}/{group}/");
        self.groups.forget(&prefix);
        for found in self.groups_of_that_name(region, group).await? {
            if self.has_servers(region, &found.group_id).await? {
                return Ok(());
            }
            let form = Form::new().with("GroupId", found.group_id);
            let action = Action::DeleteSecurityGroup;
            match self.client.run(region, action, form).await {
                Err(failure) if is_unknown_group(&failure.code) => {}
                answer => answer?,
            }
        }
        self.keys.forget(&prefix);
        let name = name(group);
        if !self.has_key_pair(region, &name).await? {
            return Ok(());
        }
        let form = Form::new().with("KeyName", name);
        Ok(self.client.run(region, Action::DeleteKeyPair, form).await?)
    }

    /// Whether a server that is not gone is in it.
    async fn has_servers(&self, region: &str, group_id: &str) -> CloudResult<bool> {
        let form = Form::new()
            .filter("instance.group-id", [group_id])
            .filter("instance-state-name", NOT_GONE);
        let answer = self.client.call(region, Action::DescribeInstances, form);
        let page: wire::Reservations = answer.await?;
        let more = page.next_token.is_some_and(|token| !token.is_empty());
        Ok(more || !page.reservation_set.all.is_empty())
    }

    /// What [`group`](Self::group) would call. `None`: there is no such group, and all of it is missing.
    pub(super) async fn missing_rules(
        &self,
        region: &str,
        group: &str,
        ports: &[u16],
    ) -> CloudResult<Option<usize>> {
        let vpc = self.vpc(region).await?;
        let found = self.find_group(region, &vpc, group).await?;
        Ok(found.map(|found| missing(&found, &with_ssh(ports)).len()))
    }

    /// What there is to clear, wherever: the account may have no default VPC any more, or never have had one, and the
    /// operator may have chosen another subnet since.
    pub(super) async fn groups_of_that_name(
        &self,
        region: &str,
        group: &str,
    ) -> CloudResult<Vec<network::Group>> {
        let form = Form::new().filter("group-name", [name(group).as_str()]);
        self.groups(region, form).await
    }

    async fn groups(&self, region: &str, form: Form) -> CloudResult<Vec<network::Group>> {
        let action = Action::DescribeSecurityGroups;
        let found: network::Groups = self.client.call(region, action, form).await?;
        Ok(found.security_group_info.all)
    }

    /// The VPC of the subnet that the operator chose, or the default one.
    async fn vpc(&self, region: &str) -> CloudResult<String> {
        let ask = async {
            let client = &self.client;
            if let Some(subnet) = &self.options.subnet {
                let form = Form::new().list("SubnetId", [subnet.as_str()]);
                let answer = client.call(region, Action::DescribeSubnets, form);
                let found: network::Subnets = answer.await?;
                let subnet = found.subnet_set.all.into_iter().next();
                return subnet.ok_or_else(|| rejected("the subnet is not there"));
            }
            let form = Form::new().filter("is-default", ["true"]);
            let found: network::Vpcs = client.call(region, Action::DescribeVpcs, form).await?;
            found.vpc_set.all.into_iter().next().ok_or_else(|| {
                rejected(format!(
                    "the account has no default VPC in {region}: create one there"
                ))
            })
        };
        let ask = async { ask.await.map(|found: network::InVpc| found.vpc_id) };
        self.vpcs.get(region, ask).await
    }

    async fn found_or_made(
        &self,
        region: &str,
        group: &str,
        offered: Offered<'_>,
    ) -> CloudResult<network::Group> {
        let vpc = self.vpc(region).await?;
        if let Some(found) = self.find_group(region, &vpc, group).await? {
            return Ok(found);
        }
        offered.await?;
        match self.make_group(region, Some(&vpc), group).await {
            Ok(made) => Ok(made),
            // Somebody was quicker, or the answer to an earlier try was lost.
            Err(failure) if failure.code == IS_THERE => {
                self.settled_group(region, &vpc, group).await
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// Makes it, without a rule.
    async fn make_group(
        &self,
        region: &str,
        vpc: Option<&str>,
        group: &str,
    ) -> Called<network::Group> {
        let name = name(group);
        let form = Form::new()
            .with("GroupName", &name)
            .with(
                "GroupDescription",
                "What Arcus lets through to a group of servers",
            )
            .maybe("VpcId", vpc)
            .tags_of("security-group", &[(NAME, name.as_str())]);
        let action = Action::CreateSecurityGroup;
        self.client.call(region, action, form).await
    }

    /// One that somebody else made, as soon as Amazon shows it.
    async fn settled_group(
        &self,
        region: &str,
        vpc: &str,
        group: &str,
    ) -> CloudResult<network::Group> {
        let deadline = Instant::now() + SETTLING;
        loop {
            if let Some(found) = self.find_group(region, vpc, group).await? {
                return Ok(found);
            }
            if Instant::now() + PAUSE > deadline {
                return Err(CloudError::new(
                    ErrorClass::Unavailable,
                    "Amazon EC2 does not show the new security group yet",
                ));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn find_group(
        &self,
        region: &str,
        vpc: &str,
        group: &str,
    ) -> CloudResult<Option<network::Group>> {
        let form = Form::new()
            .filter("group-name", [name(group).as_str()])
            .filter("vpc-id", [vpc]);
        Ok(self.groups(region, form).await?.into_iter().next())
    }

    /// Adds the rules that are missing, at once; one by one where somebody else adds some of them too, since Amazon then
    /// takes none.
    async fn open(&self, region: &str, group: &network::Group, ports: &[u16]) -> CloudResult<()> {
        let missing = missing(group, ports);
        if missing.is_empty() || self.add(region, group, &missing).await? {
            return Ok(());
        }
        for rule in missing {
            self.add(region, group, &[rule]).await?;
        }
        Ok(())
    }

    /// Whether they were added; else one of them is there already.
    async fn add(&self, region: &str, group: &network::Group, rules: &[Rule]) -> CloudResult<bool> {
        let form = Form::new().with("GroupId", &group.group_id);
        let form = (1..).zip(rules).fold(form, |form, (number, rule)| {
            rule.written(form, number, &group.group_id)
        });
        let action = Action::AuthorizeSecurityGroupIngress;
        let deadline = Instant::now() + SETTLING;
        loop {
            match self.client.run(region, action, form.clone()).await {
                Ok(()) => return Ok(true),
                Err(failure) if failure.code == "InvalidPermission.Duplicate" => return Ok(false),
                // Made, and not known everywhere yet; or deleted just now, and then the next try looks.
                Err(failure) if is_unknown_group(&failure.code) => {
                    if Instant::now() + PAUSE > deadline {
                        let message = failure.error.message;
                        return Err(CloudError::new(ErrorClass::Unavailable, message));
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                Err(failure) => return Err(failure.into()),
            }
        }
    }
}

/// Whether Amazon says that it knows no such security group; it has two codes for that.
pub(super) fn is_unknown_group(code: &str) -> bool {
    ["InvalidGroup.NotFound", "InvalidSecurityGroupID.NotFound"].contains(&code)
}

fn with_ssh(ports: &[u16]) -> Vec<u16> {
    let mut ports = [&[SSH], ports].concat();
    ports.sort_unstable();
    ports.dedup();
    ports
}

fn missing(group: &network::Group, ports: &[u16]) -> Vec<Rule> {
    let wanted = std::iter::once(Rule::Within).chain(ports.iter().copied().map(Rule::Port));
    wanted.filter(|rule| !rule.is_in(group)).collect()
}

/// Amazon's name for a group of servers, and for its key pair; it begins with no `sg-`, which Amazon refuses.
pub(super) fn name(group: &str) -> String {
    format!("arcus-{group}")
}

// === impl Rule ===

impl Rule {
    fn is_in(self, group: &network::Group) -> bool {
        let mut rules = group.ip_permissions.all.iter();
        match self {
            Self::Within => rules.any(|rule| {
                let mut from = rule.groups.all.iter();
                rule.ip_protocol == "-1" && from.any(|from| from.group_id == group.group_id)
            }),
            Self::Port(port) => rules.any(|rule| {
                let port = Some(i32::from(port));
                let mut from = rule.ip_ranges.all.iter();
                rule.ip_protocol == "tcp"
                    && rule.from_port == port
                    && rule.to_port == port
                    && from.any(|from| from.cidr_ip == "0.0.0.0/0")
            }),
        }
    }

    fn written(self, form: Form, number: usize, group_id: &str) -> Form {
        let rule = format!("IpPermissions.{number}");
        match self {
            Self::Within => form
                .with(format!("{rule}.IpProtocol"), "-1")
                .with(format!("{rule}.Groups.1.GroupId"), group_id),
            Self::Port(port) => form
                .with(format!("{rule}.IpProtocol"), "tcp")
                .with(format!("{rule}.FromPort"), port.to_string())
                .with(format!("{rule}.ToPort"), port.to_string())
                .with(format!("{rule}.IpRanges.1.CidrIp"), "0.0.0.0/0")
                .with(format!("{rule}.Ipv6Ranges.1.CidrIpv6"), "::/0"),
        }
    }
}
