//! The plans and images that Arcus comes with. The operator may change, close or remove any of them.

use domain::offer::Minimum;
use domain::{Image, ImageSource, Money, Plan, Result};
use store::Session;

/// The public simplestreams server of Incus images.
const IMAGES: &str = "https://images.linuxcontainers.org";

/// Lays down the defaults where nothing of that slug is, once per installation: what the operator removed stays away.
pub async fn seed(session: &mut Session) -> Result<()> {
    if !store::settings::first_time(session, "defaults").await? {
        return Ok(());
    }
    for plan in plans() {
        store::house::put_plan(session, &plan, "default", true).await?;
    }
    for image in images() {
        store::house::put_image(session, &image, "default", true).await?;
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

fn images() -> Vec<Image> {
    let image = |slug: &str, name: &str, alias: &str, remote: &str| Image {
        slug: slug.to_owned(),
        name: name.to_owned(),
        distribution: slug.to_owned(),
        login_user: "root".to_owned(),
        source: ImageSource {
            alias: Some(alias.to_owned()),
            server: Some(IMAGES.to_owned()),
            remote_alias: Some(remote.to_owned()),
        },
        packages: Vec::new(),
        minimum: Minimum::default(),
        open: true,
    };
    vec![
        image("debian-12", "Debian 12", "debian/12", "debian/12/cloud"),
        image("debian-13", "Debian 13", "debian/13", "debian/13/cloud"),
        image(
            "ubuntu-24.04",
            "Ubuntu 24.04",
            "ubuntu/24.04",
            "ubuntu/24.04/cloud",
        ),
    ]
}
