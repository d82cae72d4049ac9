//! What the simulated systems say: cloud-init's report, the console, the counters of traffic and disk. Pure.

use std::time::Duration;

use domain::Timestamp;

use super::faults::Faults;
use super::machine::Machine;
use crate::cloud::Traffic;

/// What cloud-init would have said: its log, or why it failed, when user data names the failing package.
pub(super) fn report(
    machine: &Machine,
    user_data: &str,
    failing_package: &str,
) -> Result<String, String> {
    let began = machine.started_at;
    let at = |secs| began.plus(Duration::from_secs(secs)).rfc3339();
    let address = machine.address_text();
    let log = format!(
        "Cloud-init v. 24.4 running 'init' at {}. Up 2.31 seconds.\n\
         ci-info: | eth0 | True | {address} | 255.192.0.0 | global |\n\
         Cloud-init v. 24.4 running 'modules:config' at {}. Up 3.87 seconds.\n\
         Cloud-init v. 24.4 running 'modules:final' at {}. Up 5.02 seconds.\n\
         Reading package lists...\n",
        at(2),
        at(3),
        at(5),
    );
    if names(user_data, failing_package) {
        return Err(format!(
            "{log}E: Unable to locate package {failing_package}\n\
             cc_package_update_upgrade_install.py[ERROR]: failed to install {failing_package}\n\
             status: error\n"
        ));
    }
    Ok(format!(
        "{log}Building dependency tree...\n\
         Cloud-init v. 24.4 finished at {}. Datasource DataSourceNoCloud. Up 9.40 seconds\n\
         status: done\n",
        at(9)
    ))
}

/// What the console printed last.
pub(super) fn console(machine: &Machine, now: Timestamp) -> String {
    if now < machine.started_at {
        return String::new();
    }
    let Machine {
        image,
        name,
        cpus,
        memory_mib,
        ..
    } = machine;
    let address = machine.address_text();
    let halted = match machine.stopped_at {
        Some(at) => format!("[{:>12.6}] reboot: Power down\n", seconds(machine, at)),
        None => format!("{name} login: \n"),
    };
    format!(
        "[    0.000000] Booting {image}: {cpus} CPUs, {memory_mib} MiB\n\
         [    2.310000] cloud-init[312]: eth0 has {address}\n\
         {halted}"
    )
}

fn seconds(machine: &Machine, at: Timestamp) -> f64 {
    at.since(machine.started_at).as_secs_f64()
}

/// The counters since the last start: each instance has a steady rate of its own, in each direction another.
pub(super) fn traffic(machine: &Machine, now: Timestamp) -> Traffic {
    let own = machine.serial.unsigned_abs();
    let millis = u64::try_from(machine.uptime(now).as_millis()).unwrap_or(u64::MAX);
    let bytes = |per_milli: u64| millis.saturating_mul(per_milli);
    Traffic {
        epoch: machine.started_at.0.to_string(),
        received_bytes: bytes(40 + own * 7 % 60),
        sent_bytes: bytes(15 + own * 11 % 30),
    }
}

/// How many bytes a disk holds, that of a snapshot as well: between one and two GiB, by what is on it.
pub(super) fn disk_usage(disk: &str, faults: &Faults) -> u64 {
    const GIB: u64 = 1 << 30;
    match faults.disk_usage_gib {
        Some(gib) => gib.saturating_mul(GIB),
        None => GIB + disk.bytes().map(u64::from).sum::<u64>() * 7919 * 64 % GIB,
    }
}

/// Whether a text has that package's name in it, and not just as a part of a longer one.
fn names(text: &str, package: &str) -> bool {
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || "+-._".contains(c);
    !package.is_empty()
        && text.match_indices(package).any(|(start, _)| {
            let before = text[..start].chars().next_back();
            let after = text[start + package.len()..].chars().next();
            ![before, after].into_iter().flatten().any(part_of_name)
        })
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_package_is_named_by_its_whole_name() {
        let text = "#cloud-config\n{\"packages\":[\"nginx\",\"php-fpm\",[\"redis\",\"7.0\"]]}";
        for named in ["nginx", "php-fpm", "redis"] {
            assert!(names(text, named), "{named}");
        }
        for other in ["", "php", "fpm", "ngin", "docker"] {
            assert!(!names(text, other), "{other}");
        }
    }
}
