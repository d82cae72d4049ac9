//! Instances that somebody made by hand, and which of them can be managed.

use clouds::{ErrorClass, InstanceRef, Tag};

use super::rig::{REGION, Rig};

at_both!(what_amazon_ends_by_itself_is_not_imported);

impl Rig {
    /// An instance that somebody made by hand, with what is said of it.
    async fn by_hand(&self, said: &[(&str, &str)]) -> InstanceRef {
        let wanted = [
            ("ImageId", "ami-0d12000000000002"),
            ("InstanceType", "t3.small"),
            ("MinCount", "1"),
            ("MaxCount", "1"),
        ];
        let made = self.raw("RunInstances", &[&wanted, said].concat()).await;
        let id = made.split("<instanceId>").nth(1).expect("an instance");
        let id = id.split('<').next().expect("an id");
        InstanceRef {
            region: REGION.to_owned(),
            id: id.to_owned(),
        }
    }
}

/// Spot instances, and those of an Auto Scaling group: nothing is put on them, and the reason is told.
async fn what_amazon_ends_by_itself_is_not_imported(rig: Rig) {
    let tag = Tag {
        installation: rig.installation.clone(),
        token: "0123456789".to_owned(),
    };
    let spot = [("InstanceMarketOptions.MarketType", "spot")];
    let scaled = [
        ("TagSpecification.1.ResourceType", "instance"),
        ("TagSpecification.1.Tag.1.Key", "aws:autoscaling:groupName"),
        ("TagSpecification.1.Tag.1.Value", "fleet"),
    ];
    for (said, why) in [(&spot[..], "Spot instance"), (&scaled[..], "fleet")] {
        let at = rig.by_hand(said).await;
        let planned = rig.cloud.preview_adopt(&at).await.expect_err("is refused");
        let refused = rig.cloud.adopt(&at, &tag).await.expect_err("is refused");
        for refused in [planned, refused] {
            assert_eq!(refused.class, ErrorClass::Rejected);
            assert!(refused.message.contains(why), "{refused}");
        }
        let seen = rig.cloud.get(&at).await.expect("is there");
        assert_eq!(seen.tag, None);
        rig.destroy(&seen).await;
    }
    let at = rig.by_hand(&[]).await;
    let planned = rig.cloud.preview_adopt(&at).await.expect("is planned");
    assert_eq!(planned.len(), 1);
    rig.cloud.adopt(&at, &tag).await.expect("is adopted");
    let seen = rig.cloud.get(&at).await.expect("is there");
    assert_eq!(seen.tag.as_ref(), Some(&tag));
    rig.destroy(&seen).await;
}
