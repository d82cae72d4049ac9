//! The plans and images that Arcus comes with. The operator may change, close or remove any of them.

use domain::offer::Minimum;
use domain::{Image, ImageSource, Money, Plan, Result};
use store::Session;

/// The public simplestreams server of Incus images.
const IMAGES: &str = "https://images.linuxcontainers.org";

/// Lays down the defaults where nothing of that slug is, once per installation: what the operator removed stays away.
pub async fn seed(session: &mut Session) -> Result<()> {
    if store::settings::first_time(session, "defaults").await? {
        for plan in plans() {
            store::house::put_plan(session, &plan, "default", true).await?;
        }
        for image in templates() {
            store::house::put_image(session, &image, "default", true).await?;
        }
    }
    // A mark of their own: an installation that began without them has them from its next start on.
    if store::settings::first_time(session, "default applications").await? {
        for image in applications() {
            store::house::put_image(session, &image, "default", true).await?;
        }
    }
    Ok(())
}

/// `eos1` to `eos3` are Cloude.ro's; the larger ones go on in its steps.
fn plans() -> Vec<Plan> {
    let plan = |slug: &str, cpus, memory_mib, disk_gib, bandwidth_tb, hourly, monthly| Plan {
        slug: slug.to_owned(),
        family: "General Purpose".to_owned(),
        cpus,
        memory_mib,
        disk_gib,
        bandwidth_tb,
        hourly: Money(hourly),
        monthly: Money(monthly),
        open: true,
    };
    vec![
        plan("eos1", 1, 1024, 20, 1, 7_400, 5_000_000),
        plan("eos2", 1, 1024, 40, 4, 15_000, 10_000_000),
        plan("eos3", 2, 2048, 60, 6, 30_000, 20_000_000),
        plan("eos4", 2, 4096, 80, 8, 60_000, 40_000_000),
        plan("eos5", 4, 8192, 160, 10, 119_000, 80_000_000),
        plan("eos6", 8, 16384, 320, 12, 238_000, 160_000_000),
    ]
}

fn templates() -> Vec<Image> {
    vec![
        image("debian-12", "Debian 12", "debian-12", &[]),
        image("debian-13", "Debian 13", "debian-13", &[]),
        image("ubuntu-24.04", "Ubuntu 24.04", "ubuntu-24.04", &[]),
    ]
}

/// All on the distribution that the lab's own image has; the smallest plan is large enough for each.
fn applications() -> Vec<Image> {
    let lamp = ["apache", "mysql", "php", "php.mysql"];
    vec![
        image("wordpress", "Wordpress", "debian-12", &["wordpress"]),
        image("lamp", "LAMP", "debian-12", &lamp),
        image("docker", "Docker", "debian-12", &["docker"]),
    ]
}

fn image(slug: &str, name: &str, distribution: &str, packages: &[&str]) -> Image {
    let alias = distribution.replacen('-', "/", 1);
    Image {
        slug: slug.to_owned(),
        name: name.to_owned(),
        distribution: distribution.to_owned(),
        login_user: "root".to_owned(),
        source: ImageSource {
            remote_alias: Some(format!("{alias}/cloud")),
            server: Some(IMAGES.to_owned()),
            alias: Some(alias),
        },
        packages: packages.iter().map(|&package| package.to_owned()).collect(),
        minimum: Minimum::default(),
        open: true,
    }
}

#[cfg(test)]
mod tests {
    use domain::Clock;
    use store::dialect::Location;
    use store::{Schema, Sealer, Store};

    use super::super::packages;
    use super::*;

    /// A database in a folder of its own.
    async fn store(folder: &tempfile::TempDir) -> Store {
        let sealer = Sealer::open(&folder.path().join("keys")).expect("keys");
        let location = Location::Sqlite(folder.path().join("arcus.db"));
        Store::open(&location, sealer, Clock::System, Schema::Migrate)
            .await
            .expect("a database")
    }

    async fn images(session: &mut Session) -> Vec<Image> {
        store::house::images(session).await.expect("lists")
    }

    fn slugs(images: &[Image]) -> Vec<&str> {
        images.iter().map(|image| image.slug.as_str()).collect()
    }

    #[test]
    fn the_packages_of_every_application_can_be_installed_on_its_distribution() {
        for image in applications() {
            let resolved = packages::resolve(&image.packages, &image.distribution);
            assert!(!resolved.expect("resolves").is_empty(), "{}", image.slug);
        }
    }

    #[tokio::test]
    async fn an_installation_that_began_without_the_applications_has_them_from_its_next_start_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut session = store(&folder).await.write().await.expect("a session");
        // What an Arcus without applications laid down, and what its operator made of that.
        let first = store::settings::first_time(&mut session, "defaults").await;
        assert!(first.expect("answers"));
        let own = image("wordpress", "Our own", "debian-13", &["redis"]);
        for image in [&own, &templates()[0]] {
            let put = store::house::put_image(&mut session, image, "cli", false).await;
            put.expect("puts");
        }
        seed(&mut session).await.expect("seeds");
        let there = images(&mut session).await;
        // What was removed before stays away, and what has the name of a default stays as it is.
        assert_eq!(slugs(&there), ["debian-12", "docker", "lamp", "wordpress"]);
        assert_eq!(there[3], own);
    }

    #[tokio::test]
    async fn an_application_that_was_removed_stays_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut session = store(&folder).await.write().await.expect("a session");
        seed(&mut session).await.expect("seeds");
        assert_eq!(images(&mut session).await.len(), 6);
        let removed = store::house::remove_image(&mut session, "docker").await;
        assert!(removed.expect("removes"));
        seed(&mut session).await.expect("seeds");
        assert!(!slugs(&images(&mut session).await).contains(&"docker"));
    }
}
