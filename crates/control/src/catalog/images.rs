//! What an image asks of the servers that are made from it: a plan that is large enough, and its packages.
//!
//! An image with packages is an application, one without any a template. Called by every use case that makes servers or
//! gives one another image or plan, before anything is written. What must stay true: a list that [`with_packages`]
//! returned can be installed on the image's distribution.

use domain::{Error, Image, Plan, Result};

use super::packages;

/// Whether a server of that plan is large enough for that image.
///
/// Errors: `Invalid`, with all that the plan lacks.
pub(crate) fn fit(plan: &Plan, image: &Image) -> Result<()> {
    let least = &image.minimum;
    let mut lacking = Vec::new();
    if let Some(cpus) = least.cpus.filter(|least| plan.cpus < *least) {
        lacking.push(format!("{cpus} CPUs (it has {})", plan.cpus));
    }
    if let Some(memory) = least.memory_mib.filter(|least| plan.memory_mib < *least) {
        lacking.push(format!(
            "{memory} MiB of memory (it has {})",
            plan.memory_mib
        ));
    }
    // Where disks are separate, the plan says nothing of them.
    if let Some(disk) = least.disk_gib
        && plan.disk_gib != 0
        && plan.disk_gib < disk
    {
        lacking.push(format!("{disk} GiB of disk (it has {})", plan.disk_gib));
    }
    if lacking.is_empty() {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{:?} is too small for {:?}, which needs at least {}; nothing was done: choose a larger size",
        plan.slug,
        image.slug,
        lacking.join(" and ")
    ))
    .field("size"))
}

/// The packages of a server whose system is replaced by that image's: those that come with it, and of those that the server
/// `has` its owner's own, which did not come with the image `before`. Where nobody knows that one any more, all are.
///
/// Errors: `Invalid` for own ones that can't be beside those of the image.
pub(crate) fn packages_after(
    image: &Image,
    before: Option<&Image>,
    has: &[String],
) -> Result<Vec<String>> {
    let came = |package: &String| before.is_some_and(|before| before.packages.contains(package));
    let own: Vec<String> = has.iter().filter(|one| !came(one)).cloned().collect();
    with_packages(image, &own)
}

/// The packages of a server made from that image: those that come with it, and its owner's own, each once.
///
/// Errors: `Invalid` for those that [`packages::resolve`] refuses.
pub(crate) fn with_packages(image: &Image, own: &[String]) -> Result<Vec<String>> {
    let mut all: Vec<String> = Vec::with_capacity(image.packages.len() + own.len());
    for package in image.packages.iter().chain(own) {
        if !all.contains(package) {
            all.push(package.clone());
        }
    }
    packages::resolve(&all, &image.distribution)?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use domain::offer::Minimum;
    use domain::{ErrorKind, ImageSource, Money};

    use super::*;

    fn plan(cpus: u32, memory_mib: u64, disk_gib: u64) -> Plan {
        Plan {
            slug: "small".to_owned(),
            family: String::new(),
            cpus,
            memory_mib,
            disk_gib,
            bandwidth_tb: 0,
            hourly: Money(0),
            monthly: Money(0),
            open: true,
        }
    }

    fn image(packages: &[&str]) -> Image {
        Image {
            slug: "blog".to_owned(),
            name: "Blog".to_owned(),
            distribution: "debian-12".to_owned(),
            login_user: "root".to_owned(),
            source: ImageSource::default(),
            packages: words(packages),
            minimum: Minimum {
                cpus: None,
                memory_mib: Some(1024),
                disk_gib: Some(10),
            },
            open: true,
        }
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn a_plan_of_just_the_minimum_is_large_enough() {
        assert!(fit(&plan(1, 1024, 10), &image(&[])).is_ok());
    }

    #[test]
    fn a_plan_that_is_too_small_is_refused_with_all_that_it_lacks() {
        let error = fit(&plan(1, 512, 5), &image(&[])).expect_err("too small");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        for words in [
            "\"small\"",
            "\"blog\"",
            "1024 MiB of memory (it has 512)",
            "10 GiB of disk (it has 5)",
        ] {
            assert!(error.message().contains(words), "{error}");
        }
    }

    #[test]
    fn a_plan_without_a_disk_of_its_own_is_not_too_small_for_want_of_one() {
        assert!(fit(&plan(1, 1024, 0), &image(&[])).is_ok());
    }

    #[test]
    fn a_server_has_the_packages_of_its_image_and_its_own_each_once() {
        let own = words(&["redis", "apache", "redis"]);
        let all = with_packages(&image(&["apache", "php"]), &own).expect("merges");
        assert_eq!(all, ["apache", "php", "redis"]);
    }

    #[test]
    fn another_image_takes_the_packages_of_the_last_away_and_leaves_the_owners() {
        let has = words(&["apache", "php", "redis"]);
        let before = image(&["apache", "php"]);
        let after = |image: &Image, before| packages_after(image, before, &has).expect("merges");
        assert_eq!(after(&image(&["nginx"]), Some(&before)), ["nginx", "redis"]);
        assert_eq!(after(&before, Some(&before)), has);
        assert_eq!(after(&image(&[]), None), has);
    }

    #[test]
    fn what_can_not_be_beside_the_packages_of_the_image_is_refused() {
        let error = with_packages(&image(&["apache"]), &words(&["nginx"])).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().contains("apache and nginx"), "{error}");
    }
}
