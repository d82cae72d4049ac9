//! Firewalls at Amazon: one for each group of servers.

use super::rig::{REGION, Rig};

const PUBLIC_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f test";

at_both!(
    a_group_opens_what_was_asked_for_and_nothing_else,
    clearing_a_group_twice_does_no_harm,
    a_first_server_finds_what_is_there_all_the_same,
);

impl Rig {
    async fn shown_group(&self) -> String {
        let name = format!("arcus-{}", self.installation);
        let filter = [
            ("Filter.1.Name", "group-name"),
            ("Filter.1.Value.1", name.as_str()),
        ];
        self.raw("DescribeSecurityGroups", &filter).await
    }
}

/// SSH, the ports that were asked for, and everything from the group itself; nothing else, however many ask at once.
async fn a_group_opens_what_was_asked_for_and_nothing_else(rig: Rig) {
    let mut with_web = rig.request("web");
    with_web.ports = vec![80, 443];
    let plain = rig.request("plain");
    let third = rig.request("from another process");
    let other = rig.another();
    let made = tokio::join!(
        rig.cloud.create(&with_web),
        rig.cloud.create(&plain),
        other.create(&third),
    );
    let made = [
        made.0.expect("creates"),
        made.1.expect("creates"),
        made.2.expect("creates"),
    ];

    let shown = rig.shown_group().await;
    assert_eq!(shown.matches("<groupName>arcus-").count(), 1, "{shown}");
    for port in [22, 80, 443] {
        let rule = format!("<fromPort>{port}</fromPort><toPort>{port}</toPort>");
        assert!(shown.contains(&rule), "{port}: {shown}");
    }
    let (_, ingress) = shown.split_once("<ipPermissions>").expect("is there");
    let (ingress, _) = ingress.split_once("</ipPermissions>").expect("ends");
    assert_eq!(ingress.matches("<fromPort>").count(), 3, "{shown}");
    assert_eq!(
        ingress.matches("<ipProtocol>-1</ipProtocol>").count(),
        1,
        "{shown}"
    );
    assert_eq!(
        ingress.matches("<cidrIp>0.0.0.0/0</cidrIp>").count(),
        3,
        "{shown}"
    );

    for instance in &made {
        rig.destroy(instance).await;
    }
    rig.clear().await;
    let shown = rig.shown_group().await;
    assert!(!shown.contains("<groupName>"), "{shown}");
}

/// Clearing what is not there, or not there any more, does no harm.
async fn clearing_a_group_twice_does_no_harm(rig: Rig) {
    for _ in 0..2 {
        let cleared = rig.cloud.clear_group(REGION, &rig.installation).await;
        cleared.expect("is no failure");
    }
}

/// An earlier try may have made the group and lost the answer: what a first server makes without looking is found then.
async fn a_first_server_finds_what_is_there_all_the_same(rig: Rig) {
    let mut first = rig.request("first");
    first.is_first = true;
    first.ports = vec![80];
    first.public_keys = vec![PUBLIC_KEY.to_owned()];
    let made = rig.cloud.create(&first).await.expect("creates");
    first.tag.token.push_str("-2");
    let again = rig.another().create(&first).await.expect("creates");
    let shown = rig.shown_group().await;
    assert_eq!(shown.matches("<groupName>arcus-").count(), 1, "{shown}");
    for instance in [&made, &again] {
        rig.destroy(instance).await;
    }
    rig.clear().await;
}

#[tokio::test]
async fn a_first_server_costs_no_look_for_what_nobody_has_made() {
    let rig = Rig::stand_in();
    let mut first = rig.request("first");
    first.is_first = true;
    first.public_keys = vec![PUBLIC_KEY.to_owned()];
    rig.cloud.create(&first).await.expect("creates");
    let calls = rig.amazon().calls();
    let looks = calls.iter().map(|call| call.action.as_str());
    let mut looks: Vec<_> = looks.filter(|name| name.starts_with("Describe")).collect();
    looks.sort_unstable();
    assert_eq!(looks, ["DescribeImages", "DescribeInstanceTypeOfferings"]);
}
