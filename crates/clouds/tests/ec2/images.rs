//! Which image a server is made from.

use clouds::ErrorClass;

use super::rig::{Rig, image};

at_both!(
    a_server_is_made_from_the_newest_image_of_its_publisher,
    a_distribution_that_nobody_publishes_is_refused,
);

/// The newest by who publishes it, whatever others publish under the same name; or the one that the operator named.
async fn a_server_is_made_from_the_newest_image_of_its_publisher(rig: Rig) {
    for (distribution, alias, expected) in [
        ("debian-12", None, "ami-0d12000000000002"),
        ("debian-13", Some("debian/13"), "ami-0d13000000000001"),
        ("ubuntu-24.04", None, "ami-0a24000000000001"),
        (
            "anything",
            Some("ami-0a22000000000001"),
            "ami-0a22000000000001",
        ),
    ] {
        let mut request = rig.request("image");
        request.image = image(distribution, alias);
        let made = rig.running(&request).await;
        let id = made.at.id.as_str();
        let shown = rig.raw("DescribeInstances", &[("InstanceId.1", id)]).await;
        let image = format!("<imageId>{expected}</imageId>");
        assert!(shown.contains(&image), "{distribution}: {shown}");
        rig.destroy(&made).await;
    }
}

async fn a_distribution_that_nobody_publishes_is_refused(rig: Rig) {
    for distribution in ["plan9-4", "debian-99"] {
        let mut request = rig.request("image");
        request.image = image(distribution, None);
        let refused = rig.cloud.create(&request).await.expect_err("is refused");
        assert_eq!(refused.class, ErrorClass::Rejected);
        assert!(refused.message.contains(distribution), "{refused}");
    }
}
