//! From a booted instance to a proved one, in two parts: [`login`] and [`install`].
//!
//! Called by the operations that make a server, once the cloud has given it an address. What must stay true: both can
//! be called again after a crash at any point and take up the work where it is; they end within their time limits, and
//! soon after they are cancelled.

use std::future::Future;
use std::time::Duration;

use ssh::Target;
use tokio_util::sync::CancellationToken;

use super::boot::{Ended, PackageResult, Reader};
use super::connect::Guest;
use super::error::ProvisionError;
use super::progress::Progress;
use super::prove::prove;
use crate::catalog::packages::Package;

/// How often the script is run again after a fault that may pass.
const RERUNS: usize = 2;

/// How long a fault gets to pass before that.
const BEFORE_RERUN: Duration = Duration::from_secs(5);

/// Waits until the server lets us in. What comes back knows the server's host key, which the caller stores before
/// anything else is done: a server that another one stands in for later is told by it.
///
/// Errors: [`ProvisionError`] says why nobody gets in.
pub async fn login(
    target: Target,
    cancel: &CancellationToken,
    limit: Duration,
) -> Result<Guest, ProvisionError> {
    let mut guest = Guest::new(target);
    let connecting = async { Ok(guest.connect().await.map(drop)?) };
    match bounded(connecting, cancel, limit).await {
        Some(connected) => connected.map(|()| guest),
        None => Err(timed_out(limit, "waiting for the server to answer by SSH")),
    }
}

/// Waits until cloud-init has ended, sees to it that the packages are installed, and proves each of them.
/// `on_progress` gets the percentage and words, many times.
///
/// Errors: [`ProvisionError`] says which package is to blame and what the server printed last.
pub async fn install(
    mut guest: Guest,
    packages: &[&Package],
    on_progress: impl FnMut(u8, &str) + Send,
    cancel: &CancellationToken,
    limit: Duration,
) -> Result<(), ProvisionError> {
    let mut progress = Progress::new(on_progress);
    let result = bounded(work(&mut guest, packages, &mut progress), cancel, limit).await;
    match result {
        Some(Ok(())) => {
            progress.report(100, "ready");
            Ok(())
        }
        Some(Err(error)) => Err(error),
        None => Err(ProvisionError {
            log: progress.last_lines(),
            ..timed_out(limit, progress.words())
        }),
    }
}

/// `None` when the time is over.
async fn bounded<T>(
    work: impl Future<Output = Result<T, ProvisionError>>,
    cancel: &CancellationToken,
    limit: Duration,
) -> Option<Result<T, ProvisionError>> {
    tokio::select! {
        result = tokio::time::timeout(limit, work) => result.ok(),
        () = cancel.cancelled() => Some(Err(ProvisionError::new("making the server ready was called off"))),
    }
}

fn timed_out(limit: Duration, doing: &str) -> ProvisionError {
    let seconds = limit.as_secs();
    ProvisionError::new(format!(
        "the server is not ready after {seconds} s; it was {doing}"
    ))
}

async fn work<F: FnMut(u8, &str) + Send>(
    guest: &mut Guest,
    packages: &[&Package],
    progress: &mut Progress<F>,
) -> Result<(), ProvisionError> {
    progress.report(10, "waiting for the system to finish its first boot");

    let mut reader = Reader::default();
    let mut ended = reader
        .follow_boot(guest, !packages.is_empty(), progress)
        .await?;
    let complaints = std::mem::take(&mut ended.complaints);
    if packages.is_empty() {
        return Ok(());
    }

    for _ in 0..RERUNS {
        if !may_pass(&ended) {
            break;
        }
        progress.report(
            20,
            "installing the packages again after a fault that may pass",
        );
        tokio::time::sleep(BEFORE_RERUN).await;
        ended = reader.run_script(guest, progress).await?;
    }
    judge(ended, &complaints, &progress.last_lines())?;

    for (index, package) in packages.iter().enumerate() {
        let percent = 85 + 14 * index / packages.len();
        let words = format!("proving that {} works", package.name);
        progress.report(u8::try_from(percent).unwrap_or(85), &words);
        prove(guest, package).await?;
    }
    Ok(())
}

/// Whether running the script again may help: the network failed, or the script was cut off or never started.
fn may_pass(ended: &Ended) -> bool {
    match &ended.result {
        Some(result) => {
            result.state == "running" || (result.state == "failed" && result.fault == "network")
        }
        None => true,
    }
}

fn judge(ended: Ended, complaints: &[String], last_lines: &[String]) -> Result<(), ProvisionError> {
    let Some(result) = ended.result else {
        let message = "the system has booted and Arcus's instructions for it were not carried out: its image has no \
                       working cloud-init, or the cloud did not pass the user data on";
        return Err(ProvisionError {
            log: complaints.to_vec(),
            ..ProvisionError::new(message)
        });
    };
    if result.state == "installed" {
        return Ok(());
    }
    let failed: Vec<PackageResult> = result
        .packages
        .into_iter()
        .filter(|package| package.state != "installed")
        .collect();
    let names: Vec<&str> = failed.iter().map(|package| package.name.as_str()).collect();
    let Some(first) = failed.first() else {
        let message = "installing the packages was cut off, several times";
        return Err(ProvisionError {
            log: last_lines.to_vec(),
            ..ProvisionError::new(message)
        });
    };
    let mut what = "can't be installed".to_owned();
    if result.fault == "network" {
        what.push_str(": the server can't reach where it comes from");
    }
    if names.len() > 1 {
        what.push_str(&format!(" (nor can {})", names[1..].join(", ")));
    }
    Err(ProvisionError::package(
        &first.name,
        &what,
        first.log.clone(),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::boot::ScriptResult;
    use super::*;

    fn ended(state: &str, fault: &str, failed: &[&str]) -> Ended {
        let package = |name: &&str| PackageResult {
            name: (*name).to_owned(),
            state: "failed".to_owned(),
            log: vec![format!("E: {name}")],
        };
        let packages = failed.iter().map(package).collect();
        let result = ScriptResult {
            state: state.to_owned(),
            fault: fault.to_owned(),
            packages,
        };
        Ended {
            complaints: Vec::new(),
            result: Some(result),
        }
    }

    #[test]
    fn a_fault_of_the_network_and_a_cut_off_run_are_tried_again_and_nothing_else_is() {
        assert!(may_pass(&ended("failed", "network", &["redis"])));
        assert!(may_pass(&ended("running", "", &[])));
        assert!(may_pass(&Ended::default()));
        assert!(!may_pass(&ended("failed", "", &["redis"])));
        assert!(!may_pass(&ended("installed", "", &[])));
    }

    #[test]
    fn an_error_names_the_package_and_ends_with_its_log() {
        let error =
            judge(ended("failed", "network", &["redis", "nginx"]), &[], &[]).expect_err("failed");
        let text = error.to_string();
        assert!(
            text.starts_with("the package redis can't be installed: the server can't reach"),
            "{text}"
        );
        assert!(
            text.contains("nginx") && text.ends_with("\nE: redis"),
            "{text}"
        );
    }

    #[test]
    fn complaints_of_cloud_init_matter_only_where_the_script_left_no_result() {
        let complaints = ["no locale".to_owned()];
        assert!(judge(ended("installed", "", &[]), &complaints, &[]).is_ok());
        let error = judge(Ended::default(), &complaints, &[]).expect_err("nothing was installed");
        assert_eq!(error.log, complaints.to_vec());
    }

    #[tokio::test]
    async fn a_server_that_never_answers_ends_in_time_and_a_cancelled_wait_at_once() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
        let target = Target {
            address: "127.0.0.1".to_owned(),
            port: silent.local_addr().expect("an address").port(),
            user: "root".to_owned(),
            key: ssh::keys::ed25519("test").expect("a pair").private_pem,
            host_key: None,
        };
        let cancel = CancellationToken::new();
        let error = login(target.clone(), &cancel, Duration::from_millis(50)).await;
        let error = error.err().expect("silent").to_string();
        assert!(
            error.contains("waiting for the server to answer by SSH"),
            "{error}"
        );
        cancel.cancel();
        let error = login(target, &cancel, Duration::from_mins(10)).await;
        let error = error.err().expect("cancelled").to_string();
        assert!(error.contains("called off"), "{error}");
    }
}
