//! Which calls of Amazon's the driver makes: the one list, and the permissions that follow from it.
//!
//! `client` takes an [`Action`] and nothing else for a name, so that a call that is not in the list can't be made, and
//! [`policy`] can't fall behind. What must stay true: an action that changes something says so here, since a lost answer
//! to it leaves its outcome open.

use serde_json::{Value, json};

/// What an action does to the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Nothing.
    Looks,
    /// Makes, changes or deletes something.
    Changes,
    /// Changes one instance, which has to be ours.
    ChangesOurs,
}

macro_rules! actions {
    ($($name:ident: $effect:ident),+ $(,)?) => {
        /// An action of the Query API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Action {
            $($name),+
        }

        impl Action {
            /// All that the driver can call.
            const ALL: &[Self] = &[$(Self::$name),+];

            /// Amazon's name for it.
            pub(super) const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name)),+
                }
            }

            const fn effect(self) -> Effect {
                match self {
                    $(Self::$name => Effect::$effect),+
                }
            }
        }
    };
}

actions! {
    AuthorizeSecurityGroupIngress: Changes,
    CreateImage: Changes,
    CreateSecurityGroup: Changes,
    CreateTags: Changes,
    DeleteKeyPair: Changes,
    DeleteSecurityGroup: Changes,
    DeleteSnapshot: Changes,
    DeregisterImage: Changes,
    DeleteTags: ChangesOurs,
    DescribeImages: Looks,
    DescribeInstanceAttribute: Looks,
    DescribeInstances: Looks,
    DescribeInstanceTypeOfferings: Looks,
    DescribeInstanceTypes: Looks,
    DescribeKeyPairs: Looks,
    DescribeRegions: Looks,
    DescribeSecurityGroups: Looks,
    DescribeSnapshots: Looks,
    DescribeSubnets: Looks,
    DescribeVolumes: Looks,
    DescribeVolumesModifications: Looks,
    DescribeVpcs: Looks,
    GetConsoleOutput: Looks,
    ImportKeyPair: Changes,
    ModifyInstanceAttribute: ChangesOurs,
    ModifyVolume: Changes,
    RebootInstances: ChangesOurs,
    RunInstances: Changes,
    StartInstances: ChangesOurs,
    StopInstances: ChangesOurs,
    TerminateInstances: ChangesOurs,
}

// === impl Action ===

impl Action {
    /// Whether a lost answer leaves open what became of it.
    pub(super) fn changes(self) -> bool {
        self.effect() != Effect::Looks
    }
}

/// The least that the owner of an account has to allow, as an IAM policy: what acts on an instance is allowed on those
/// that bear our tag.
pub(super) fn policy() -> Value {
    let of = |wanted: &[Effect]| -> Vec<String> {
        let allowed = Action::ALL
            .iter()
            .filter(|action| wanted.contains(&action.effect()));
        allowed
            .map(|action| format!("ec2:{}", action.name()))
            .collect()
    };
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ArcusLooksAndMakes",
                "Effect": "Allow",
                "Action": of(&[Effect::Looks, Effect::Changes]),
                "Resource": "*",
            },
            {
                "Sid": "ArcusChangesItsOwn",
                "Effect": "Allow",
                "Action": of(&[Effect::ChangesOurs]),
                "Resource": "*",
                "Condition": { "Null": { "aws:ResourceTag/arcus:token": "false" } },
            },
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_allows_every_action_once_and_nothing_else() {
        let policy = policy();
        let statements = policy["Statement"].as_array().expect("an array");
        let mut allowed: Vec<&str> = statements
            .iter()
            .flat_map(|statement| statement["Action"].as_array().expect("an array"))
            .map(|action| action.as_str().expect("text"))
            .collect();
        allowed.sort_unstable();
        let mut callable: Vec<String> = Action::ALL
            .iter()
            .map(|action| format!("ec2:{}", action.name()))
            .collect();
        callable.sort_unstable();
        assert_eq!(allowed, callable);
    }

    #[test]
    fn what_only_looks_is_named_so_by_amazon_too() {
        for action in Action::ALL {
            let name = action.name();
            let looks = name.starts_with("Describe") || name.starts_with("Get");
            assert_eq!(action.changes(), !looks, "{name}");
        }
    }
}
