//! What Amazon sells: its regions and its instance types, in groups by the words that its customers know.
//!
//! What must stay true: a type that this driver can't make a server of (another processor, bare metal) is not offered;
//! one without a known price has none, and no wrong one.

use domain::{Money, Plan, Region};

use super::action::Action;
use super::client::Called;
use super::errors::{NOT_ALLOWED, rejected};
use super::form::Form;
use super::{Ec2, prices, wire};
use crate::cloud::{CloudError, CloudResult, Offer};

/// The most that a page of types holds.
const PAGE: &str = "100";
/// The longest month.
const HOURS: i64 = 31 * 24;
/// Earlier generations that Amazon still has for who uses them.
const EARLIER: &[&str] = &[
    "c1", "c3", "c4", "cc1", "cc2", "cg1", "cr1", "hi1", "hs1", "i2", "m1", "m2", "m3", "m4", "r3",
    "t1", "t2",
];

/// Amazon's price lists are in dollars everywhere but in China.
const CURRENCY: &str = "USD";

// === impl Ec2 ===

impl Ec2 {
    pub(super) async fn read_offer(&self) -> CloudResult<Offer> {
        let (regions, plans) = tokio::try_join!(self.regions(), self.plans())?;
        Ok(Offer {
            regions,
            plans,
            images: Vec::new(),
            currency: Some(CURRENCY.to_owned()),
        })
    }

    async fn regions(&self) -> CloudResult<Vec<Region>> {
        let common = self.options.common();
        let answer = self
            .client
            .call(common, Action::DescribeRegions, Form::new());
        let found: wire::Regions = answer.await?;
        let mut regions: Vec<Region> = found.region_info.all.into_iter().map(region).collect();
        if let Some(behind) = &self.options.aws_region {
            regions.retain(|region| region.slug == *behind);
            for region in &mut regions {
                region.slug.clone_from(&self.options.region);
                region.name.clone_from(&self.options.region);
            }
        }
        regions.sort_by(|one, other| one.slug.cmp(&other.slug));
        Ok(regions)
    }

    async fn plans(&self) -> CloudResult<Vec<Plan>> {
        let region = self.options.common();
        let mut plans = Vec::new();
        let mut next = None;
        loop {
            let form = Form::new()
                .filter("processor-info.supported-architecture", ["x86_64"])
                .with("MaxResults", PAGE)
                .maybe("NextToken", next.take());
            let answer = self
                .client
                .call(region, Action::DescribeInstanceTypes, form);
            let page: wire::InstanceTypes = answer.await?;
            // They are those that this region has.
            let types = page.instance_type_set.all.iter();
            self.offered
                .learn(types.map(|one| (offered_key(region, &one.instance_type), true)));
            plans.extend(page.instance_type_set.all.iter().filter_map(plan));
            next = page.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                break;
            }
        }
        plans.sort_by(|one, other| order(one).cmp(&order(other)));
        Ok(plans)
    }

    /// Refuses a type that a region does not have: the plans are those of one region. Of one type alone it is one call with a
    /// short answer; a region has more than a thousand.
    pub(super) async fn must_offer(&self, region: &str, slug: &str) -> CloudResult<()> {
        let ask = async {
            let form = Form::new()
                .with("LocationType", "region")
                .filter("instance-type", [slug]);
            let action = Action::DescribeInstanceTypeOfferings;
            let answer: Called<wire::Offerings> = self.client.call(region, action, form).await;
            match answer {
                Ok(found) => {
                    let mut all = found.instance_type_offering_set.all.iter();
                    Ok(all.any(|one| one.instance_type == slug))
                }
                // By a policy from before this look: Amazon itself refuses then.
                Err(failure) if failure.code == NOT_ALLOWED => Ok(true),
                Err(failure) => Err(CloudError::from(failure)),
            }
        };
        let key = offered_key(self.options.amazons(region), slug);
        if self.offered.get(&key, ask).await? {
            Ok(())
        } else {
            Err(rejected(format!("{slug} is not offered in {region}")))
        }
    }
}

fn offered_key(aws_region: &str, slug: &str) -> String {
    format!("{aws_region}/{slug}")
}

fn order(plan: &Plan) -> (&str, u32, u64, &str) {
    (&plan.family, plan.cpus, plan.memory_mib, &plan.slug)
}

fn region(found: wire::Region) -> Region {
    Region {
        name: found.region_name.clone(),
        endpoint: found.region_endpoint,
        country: String::new(),
        open: true,
        slug: found.region_name,
    }
}

fn plan(found: &wire::InstanceType) -> Option<Plan> {
    let slug = found.instance_type.as_str();
    let series = slug.split('.').next()?;
    let architectures = &found.processor_info.supported_architectures.all;
    let fits = architectures.iter().any(|name| name == "x86_64") && !found.bare_metal;
    if !fits || !(found.current_generation || EARLIER.contains(&series)) {
        return None;
    }
    let hourly = prices::hourly(slug).unwrap_or(Money(0));
    Some(Plan {
        slug: slug.to_owned(),
        family: family(series).to_owned(),
        cpus: found.v_cpu_info.default,
        memory_mib: found.memory_info.mib,
        // Disks are separate at Amazon.
        disk_gib: 0,
        bandwidth_tb: 0,
        hourly,
        monthly: hourly.times(HOURS).unwrap_or(Money(0)),
        open: true,
    })
}

/// The group that a series such as `m4` is listed in.
fn family(series: &str) -> &'static str {
    let letters = series
        .split(|character: char| character.is_ascii_digit())
        .next()
        .unwrap_or_default();
    match (series, letters) {
        ("m2", _) | (_, "r" | "x" | "z" | "u" | "u-") => "High Memory",
        ("cr1", _) => "High-Memory Cluster",
        ("cg1", _) => "Cluster CPU",
        ("hs1" | "h1", _) | (_, "d") => "High Storage",
        ("hi1", _) | (_, "i" | "im" | "is") => "High I/O",
        (_, "cc") => "Cluster Compute",
        (_, "c") => "Compute Optimized",
        (_, "a" | "m" | "t") => "General Purpose",
        (_, "hpc") => "High-Performance Computing",
        _ => "Accelerated Computing",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(slug: &str, current: bool, architecture: &str) -> Option<Plan> {
        let xml = format!(
            "<item><instanceType>{slug}</instanceType><currentGeneration>{current}</currentGeneration>\
             <bareMetal>false</bareMetal>\
             <processorInfo><supportedArchitectures><item>{architecture}</item></supportedArchitectures></processorInfo>\
             <vCpuInfo><defaultVCpus>2</defaultVCpus></vCpuInfo>\
             <memoryInfo><sizeInMiB>8192</sizeInMiB></memoryInfo></item>"
        );
        plan(&quick_xml::de::from_str(&xml).expect("is read"))
    }

    #[test]
    fn a_type_is_a_plan_with_its_price_for_the_longest_month() {
        let plan = read("m5.large", true, "x86_64").expect("is offered");
        assert_eq!((plan.cpus, plan.memory_mib, plan.disk_gib), (2, 8192, 0));
        assert_eq!(plan.family, "General Purpose");
        assert_eq!(plan.hourly, Money(96_000));
        assert_eq!(plan.monthly, Money(96_000 * 744));
    }

    #[test]
    fn what_no_server_can_be_made_of_is_not_offered() {
        assert!(read("m6g.large", true, "arm64").is_none());
        assert!(read("r4.large", false, "x86_64").is_none());
        assert!(read("m3.large", false, "x86_64").is_some());
    }

    #[test]
    fn series_are_grouped_in_the_words_that_customers_know() {
        for (series, expected) in [
            ("t2", "General Purpose"),
            ("m3", "General Purpose"),
            ("m7i-flex", "General Purpose"),
            ("m2", "High Memory"),
            ("r3", "High Memory"),
            ("x2iedn", "High Memory"),
            ("u-6tb1", "High Memory"),
            ("cr1", "High-Memory Cluster"),
            ("cc2", "Cluster Compute"),
            ("cg1", "Cluster CPU"),
            ("c4", "Compute Optimized"),
            ("i2", "High I/O"),
            ("hs1", "High Storage"),
            ("d3en", "High Storage"),
            ("p5", "Accelerated Computing"),
        ] {
            assert_eq!(family(series), expected, "{series}");
        }
    }
}
