//! What is offered: Amazon's regions and types, as its customers know them.

use clouds::{CreateInstance, ErrorClass};
use domain::Money;
use testkit::ec2::Access;

use super::rig::{REGION, Rig, plan};

at_both!(regions_and_types_are_offered_with_their_groups_and_prices);

async fn regions_and_types_are_offered_with_their_groups_and_prices(rig: Rig) {
    let offer = rig.cloud.offer().await.expect("offers");
    let region = offer
        .regions
        .iter()
        .find(|region| region.slug == "us-east-1")
        .expect("is there");
    assert_eq!(region.endpoint, "ec2.us-east-1.amazonaws.com");
    assert!(offer.images.is_empty());
    for (slug, family, cpus, memory_mib, hourly) in [
        ("t2.small", "General Purpose", 1, 2048, 23_000),
        ("m4.large", "General Purpose", 2, 8192, 100_000),
        ("c4.xlarge", "Compute Optimized", 4, 7680, 199_000),
        ("i2.xlarge", "High I/O", 4, 31_232, 853_000),
        ("r3.large", "High Memory", 2, 15_360, 166_000),
    ] {
        let plan = offer.plans.iter().find(|plan| plan.slug == slug);
        let plan = plan.unwrap_or_else(|| panic!("{slug} is offered"));
        assert_eq!(plan.family, family, "{slug}");
        assert_eq!((plan.cpus, plan.memory_mib), (cpus, memory_mib), "{slug}");
        assert_eq!(plan.hourly, Money(hourly), "{slug}");
    }
    assert!(!offer.plans.iter().any(|plan| plan.slug.starts_with("t4g.")));
}

impl Rig {
    /// A first server with a key, of a type that its region does not have.
    fn not_offered(&self) -> CreateInstance {
        let mut request = self.request("rare");
        "eu-central-1".clone_into(&mut request.region);
        request.plan = plan("r3.large", 0);
        request.public_keys = vec!["ssh-ed25519 AAAA a".to_owned()];
        request.is_first = true;
        request
    }

    /// The calls that came but for those that look.
    fn changes(&self) -> Vec<String> {
        let calls = self.amazon().calls().into_iter().map(|call| call.action);
        calls
            .filter(|action| !action.starts_with("Describe"))
            .collect()
    }
}

#[tokio::test]
async fn a_type_that_a_region_does_not_have_makes_nothing_there() {
    let rig = Rig::stand_in();
    // What one region has says nothing of another.
    rig.cloud.offer().await.expect("offers");
    for is_first in [true, false] {
        let mut request = rig.not_offered();
        request.is_first = is_first;
        let planned = rig.cloud.preview_create(std::slice::from_ref(&request));
        let planned = planned.await.expect_err("is refused");
        let refused = rig.cloud.create(&request).await.expect_err("is refused");
        for refused in [planned, refused] {
            assert_eq!(refused.class, ErrorClass::Rejected);
            assert_eq!(refused.message, "r3.large is not offered in eu-central-1");
        }
    }
    assert_eq!(rig.changes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_resize_to_a_type_that_a_region_does_not_have_changes_nothing() {
    let rig = Rig::stand_in();
    let mut request = rig.not_offered();
    request.plan = plan("t3.small", 20);
    let made = rig.running(&request).await;
    let before = rig.changes();
    let refused = rig.cloud.resize(&made.at, &plan("r3.large", 40)).await;
    assert_eq!(refused.expect_err("is refused").class, ErrorClass::Rejected);
    assert_eq!(rig.changes(), before);
    rig.destroy(&made).await;
}

#[tokio::test]
async fn a_policy_without_a_look_at_what_is_offered_still_lets_servers_be_made() {
    let rig = Rig::stand_in();
    let without = Access::Without("DescribeInstanceTypeOfferings");
    rig.amazon().set_access(without);
    let made = rig.running(&rig.request("web")).await;
    rig.destroy(&made).await;
    let refused = rig.cloud.create(&rig.not_offered()).await;
    let refused = refused.expect_err("is refused by Amazon itself");
    assert_eq!(refused.class, ErrorClass::Rejected);
}

#[tokio::test]
async fn many_servers_of_one_type_cost_one_look_at_what_is_offered_or_none_after_the_offer() {
    let rig = Rig::stand_in();
    let requests = ["one", "two", "three"].map(|name| rig.request(name));
    let make = async |cloud: &dyn clouds::Cloud| {
        let made = requests.iter().map(|request| cloud.create(request));
        for made in futures::future::join_all(made).await {
            assert_eq!(made.expect("creates").at.region, REGION);
        }
    };
    let looks = || rig.amazon().count("DescribeInstanceTypeOfferings");
    make(&*rig.cloud).await;
    assert_eq!(looks(), 1);
    let other = rig.another();
    other.offer().await.expect("offers");
    make(&*other).await;
    assert_eq!(looks(), 1);
}
