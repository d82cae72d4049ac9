//! Firewalls of groups, and keys.

use clouds::Until;
use testkit::digital_ocean::StandIn;

use super::rig::{KEY, PATIENCE, alone, request, running};

fn sent(stand_in: &StandIn, method: &str, path: &str) -> Vec<String> {
    let calls = stand_in.calls().into_iter();
    let those = calls.filter(|call| call.method == method && call.path.ends_with(path));
    those.map(|call| call.body).collect()
}

#[tokio::test]
async fn a_group_has_one_firewall_which_lets_in_what_its_servers_ask_for() {
    let (stand_in, cloud) = alone();
    let mut first = request("one");
    first.ports = vec![443];
    let mut second = request("two");
    second.group.clone_from(&first.group);
    second.ports = vec![443, 8080];
    let one = running(&cloud, &first).await;
    let other = running(&cloud, &second).await;
    assert_eq!(stand_in.firewalls(), ["arcus-group-group-one"]);
    let made = sent(&stand_in, "POST", "/v2/firewalls");
    assert_eq!(made.len(), 1);
    for part in ["\"22\"", "\"443\"", "icmp", "arcus-group-group-one"] {
        assert!(made[0].contains(part), "{part}: {}", made[0]);
    }
    let added = sent(&stand_in, "POST", "/rules");
    assert_eq!(added.len(), 1, "what is missing, once");
    assert!(
        added[0].contains("8080") && !added[0].contains("443"),
        "{}",
        added[0]
    );

    for (at, left) in [(&one.at, 1), (&other.at, 0)] {
        cloud.destroy(at).await.expect("accepted");
        cloud.wait(at, Until::Gone, PATIENCE).await.expect("gone");
        cloud
            .clear_group("nyc3", &first.group)
            .await
            .expect("looked at");
        assert_eq!(stand_in.firewalls().len(), left);
    }
    cloud
        .clear_group("nyc3", &first.group)
        .await
        .expect("nothing is kept");
}

#[tokio::test]
async fn a_droplet_that_is_listed_and_gone_does_not_keep_its_groups_firewall() {
    let (stand_in, cloud) = alone();
    let request = request("lag");
    let made = running(&cloud, &request).await;
    stand_in.let_lists_lag();
    cloud.destroy(&made.at).await.expect("accepted");
    let gone = cloud.wait(&made.at, Until::Gone, PATIENCE).await;
    gone.expect("gone");
    let cleared = cloud.clear_group(&request.region, &request.group).await;
    cleared.expect("cleared");
    assert_eq!(stand_in.firewalls(), [""; 0]);
}

#[tokio::test]
async fn many_creates_at_once_make_one_firewall_and_one_key() {
    let (stand_in, cloud) = alone();
    let creates = (0..8).map(|_| {
        let mut request = request("many");
        request.public_keys = vec![KEY.to_owned()];
        let cloud = cloud.clone();
        async move { cloud.create(&request).await }
    });
    for made in futures::future::join_all(creates).await {
        made.expect("is made");
    }
    assert_eq!(stand_in.firewalls().len(), 1);
    assert_eq!(stand_in.droplets(), 8);
    let bodies = sent(&stand_in, "POST", "/v2/droplets");
    let ours = |body: &&String| body.contains("\"ssh_keys\":[\"");
    assert_eq!(bodies.iter().filter(ours).count(), 8);
}
