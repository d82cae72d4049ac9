//! Amazon's XML of networks, firewalls and key pairs: only the fields that `group` and `create` read, by the rules of `wire`.

use serde::Deserialize;

use super::wire::Items;

/// `DescribeVpcs`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Vpcs {
    #[serde(default)]
    pub(super) vpc_set: Items<InVpc>,
}

/// `DescribeSubnets`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Subnets {
    #[serde(default)]
    pub(super) subnet_set: Items<InVpc>,
}

/// A VPC, or something in one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InVpc {
    pub(super) vpc_id: String,
}

/// `DescribeSecurityGroups`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Groups {
    #[serde(default)]
    pub(super) security_group_info: Items<Group>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    pub(super) group_id: String,
    #[serde(default)]
    pub(super) ip_permissions: Items<Permission>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Permission {
    /// `tcp`, or `-1` for all.
    #[serde(default)]
    pub(super) ip_protocol: String,
    pub(super) from_port: Option<i32>,
    pub(super) to_port: Option<i32>,
    #[serde(default)]
    pub(super) groups: Items<GroupId>,
    #[serde(default)]
    pub(super) ip_ranges: Items<Range>,
}

/// `CreateSecurityGroup`, and a neighbour in a permission.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupId {
    #[serde(default)]
    pub(super) group_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Range {
    #[serde(default)]
    pub(super) cidr_ip: String,
}

/// `DescribeKeyPairs`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeyPairs {
    #[serde(default)]
    pub(super) key_set: Items<KeyPair>,
}

/// One is there, and no more has to be known of it.
#[derive(Debug, Deserialize)]
pub(super) struct KeyPair {}
