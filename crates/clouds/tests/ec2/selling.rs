//! What is offered: Amazon's regions and types, as its customers know them.

use domain::Money;

use super::rig::Rig;

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
