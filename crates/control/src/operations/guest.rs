//! What goes on inside a new server: the first login, and its packages.
//!
//! The last part of making a server. What must stay true: the host key of the first login is stored before anything
//! else is done; a customer's cloud can't lead Arcus to an address of the operator's own network.

use std::net::IpAddr;
use std::time::Duration;

use clouds::{Guest, Instance, outgoing};
use domain::account::KeyPurpose;

use super::run::{Fault, Run};
use crate::catalog::{house, packages};
use crate::provision::{self, ProvisionError};

/// How long a system may take until it lets us in.
const LOGIN: Duration = Duration::from_mins(10);

/// How long the packages may take.
const INSTALL: Duration = Duration::from_mins(20);

/// The most reports of one installation that are recorded.
const MAX_REPORTS: usize = 200;

/// Installs the server's packages and proves them.
pub(super) async fn install(run: &mut Run, instance: &Instance) -> Result<(), Fault> {
    match run.account.cloud.guest() {
        // Much is held while packages are installed; boxed, it burdens no other operation.
        Guest::Ssh => Box::pin(by_ssh(run, instance)).await,
        Guest::Simulated => {
            let report = run
                .interruptible(run.account.cloud.guest_report(&instance.at))
                .await??;
            match report {
                Ok(log) => {
                    let last = log.lines().last().unwrap_or("installed").to_owned();
                    run.note("installing", 90, &last).await
                }
                Err(why) => Err(Fault::Failed(why)),
            }
        }
    }
}

async fn by_ssh(run: &mut Run, instance: &Instance) -> Result<(), Fault> {
    let mut session = run.app.store.read().await?;
    let server = &run.server;
    let control = KeyPurpose::Control;
    let pair = store::key_pairs::by_purpose(&mut session, server.organisation_id, control).await?;
    let image = house::image(&mut session, &server.image).await?;
    drop(session);
    let packages = packages::resolve(&server.packages, &image.distribution)?;
    let near = run.account.is_house() || run.app.settings.allow_private_networks;
    let target = ssh::Target {
        address: address(instance, near).map_err(Fault::Failed)?.to_string(),
        port: 22,
        user: server.login_user.clone(),
        key: pair.private_key,
        host_key: server.host_key.clone(),
    };
    let guest = provision::login(target, &run.stop, LOGIN).await;
    let guest = guest.map_err(|error| fault(run, &error))?;
    if let Some(host_key) = guest.host_key() {
        let mut session = run.step("login", 50, "the server lets us in").await?;
        store::servers::pin_host_key(&mut session, run.server.id, host_key).await?;
        session.commit().await?;
    }
    // The latest alone is kept, and so many are recorded: the server is its owner's, who may report what they like.
    let (progress, mut reports) = tokio::sync::watch::channel((50, String::new()));
    let on_progress = move |percent: u8, words: &str| {
        // Nobody listens any more only when the operation has stopped.
        let _ = progress.send((50 + i64::from(percent) * 45 / 100, words.to_owned()));
    };
    let reporting = async {
        let mut recorded = 0;
        while reports.changed().await.is_ok() && recorded < MAX_REPORTS {
            let (percent, words) = reports.borrow_and_update().clone();
            run.note("installing", percent, &words).await?;
            recorded += 1;
        }
        Ok::<_, Fault>(())
    };
    let installing = provision::install(guest, &packages, on_progress, &run.stop, INSTALL);
    let (installed, reported) = tokio::join!(installing, reporting);
    reported?;
    installed.map_err(|error| fault(run, &error))?;
    run.note("proved", 95, "every package has proved that it works")
        .await
}

fn fault(run: &Run, error: &ProvisionError) -> Fault {
    if run.stop.is_cancelled() {
        Fault::Interrupted
    } else {
        Fault::Failed(error.to_string())
    }
}

/// Where the instance is logged in to: inside the private network where this process is `near` it, else from outside
/// and only at a public address. The words of an error are for the user.
fn address(instance: &Instance, near: bool) -> Result<IpAddr, String> {
    let (first, second) = if near {
        (&instance.private_ip, &instance.public_ip)
    } else {
        (&instance.public_ip, &instance.private_ip)
    };
    let addresses = || [first, second].into_iter().flatten();
    if addresses().next().is_none() {
        return Err("the instance has no address".to_owned());
    }
    addresses()
        .filter_map(|address| address.parse().ok())
        .find(|address| near || outgoing::is_public(*address))
        .ok_or_else(|| {
            "the instance has no public address, so nothing was installed on it; the operator of this Arcus can allow \
             private networks"
                .to_owned()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(public: Option<&str>, private: Option<&str>) -> Instance {
        Instance {
            at: clouds::InstanceRef {
                region: "r".to_owned(),
                id: "i".to_owned(),
            },
            name: "i".to_owned(),
            tag: None,
            power: domain::server::Power::Running,
            public_ip: public.map(str::to_owned),
            private_ip: private.map(str::to_owned),
            network: clouds::Network::default(),
            plan: None,
            created_at: None,
        }
    }

    #[test]
    fn a_customers_cloud_can_not_lead_to_an_address_of_the_operators_network() {
        for inside in [
            "127.0.0.1",
            "10.0.0.5",
            "169.254.169.254",
            "::1",
            "db.internal",
        ] {
            assert!(address(&at(Some(inside), Some(inside)), false).is_err());
        }
        let both = at(Some("8.8.8.8"), Some("10.0.0.5"));
        assert_eq!(
            address(&both, false).expect("public").to_string(),
            "8.8.8.8"
        );
    }

    #[test]
    fn inside_the_operators_network_the_private_address_comes_first() {
        let both = at(Some("8.8.8.8"), Some("10.0.0.5"));
        assert_eq!(
            address(&both, true).expect("private").to_string(),
            "10.0.0.5"
        );
        let named = at(None, Some("db.internal"));
        assert!(address(&named, true).is_err());
    }
}
