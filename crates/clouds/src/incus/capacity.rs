//! What the machines of a region have: processors, memory, and room in the pool of root disks.
//!
//! What must stay true: a machine that doesn't answer is an error and no smaller number; a pool that all machines share
//! counts once.

use domain::offer::Capacity;
use futures::future::try_join_all;

use super::Incus;
use super::shown::root_disk;
use super::wire::{Member, Pool, PoolResources, Resources};
use crate::cloud::CloudResult;

/// Pools that are the same one from every machine.
const SHARED: &[&str] = &[
    "ceph",
    "cephfs",
    "cephobject",
    "linstor",
    "lvmcluster",
    "truenas",
];

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

// === impl Incus ===

impl Incus {
    pub(super) async fn read_capacity(&self) -> CloudResult<Option<Capacity>> {
        let pool = self.pool().await?;
        let pool = pool.as_deref();
        if !self.client.server().await?.environment.server_clustered {
            return self.machine(pool, None).await.map(Some);
        }
        let members: Vec<Member> = self
            .client
            .query(&["cluster", "members"], &[("recursion", "1")])
            .await?;
        let target = self.options.target.as_deref();
        let ours = members.iter().filter(|member| member.takes(target));
        let machines = ours.map(|member| self.machine(pool, Some(&member.server_name)));
        let machines = try_join_all(machines).await?;
        let is_shared = match pool {
            Some(pool) => {
                let pool: Pool = self.client.get(&["storage-pools", pool]).await?;
                SHARED.contains(&pool.driver.as_str())
            }
            None => false,
        };
        Ok(Some(sum(&machines, is_shared)))
    }

    /// One machine: that one of the cluster, or the only one.
    async fn machine(&self, pool: Option<&str>, member: Option<&str>) -> CloudResult<Capacity> {
        let target = member.map(|member| ("target", member));
        let parameters = target.as_slice();
        let resources = self.client.query::<Resources>(&["resources"], parameters);
        let space = async {
            let Some(pool) = pool else { return Ok(0) };
            let path = ["storage-pools", pool, "resources"];
            let pool = self
                .client
                .query::<PoolResources>(&path, parameters)
                .await?;
            Ok(pool.space.total)
        };
        let (resources, space) = tokio::try_join!(resources, space)?;
        Ok(Capacity {
            cpus: resources.cpu.total,
            memory_mib: resources.memory.total / MIB,
            disk_gib: space / GIB,
        })
    }

    /// The pool that new root disks come from.
    async fn pool(&self) -> CloudResult<Option<String>> {
        if let Some(pool) = &self.options.pool {
            return Ok(Some(pool.clone()));
        }
        let inherited = self.inherited().await?;
        Ok(root_disk(&inherited).and_then(|(_, root)| root.get("pool").cloned()))
    }
}

fn sum(machines: &[Capacity], pool_is_shared: bool) -> Capacity {
    let add = |of: fn(&Capacity) -> u64| machines.iter().map(of).fold(0, u64::saturating_add);
    let disk = |machine: &Capacity| machine.disk_gib;
    Capacity {
        cpus: add(|machine| machine.cpus),
        memory_mib: add(|machine| machine.memory_mib),
        disk_gib: if pool_is_shared {
            machines.iter().map(disk).max().unwrap_or_default()
        } else {
            add(disk)
        },
    }
}

// === impl Member ===

impl Member {
    /// Whether new instances may go to it: `target` is a member, a group after an `@`, or any.
    fn takes(&self, target: Option<&str>) -> bool {
        let named = match target.map(|target| (target, target.strip_prefix('@'))) {
            None => true,
            Some((_, Some(group))) => self.groups.iter().any(|of| of == group),
            Some((name, None)) => self.server_name == name,
        };
        named && self.status != "Evacuated"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_that_all_machines_share_counts_once() {
        let machine = |disk_gib| Capacity {
            cpus: 8,
            memory_mib: 1024,
            disk_gib,
        };
        let own = sum(&[machine(100), machine(50)], false);
        assert_eq!((own.cpus, own.memory_mib, own.disk_gib), (16, 2048, 150));
        assert_eq!(sum(&[machine(100), machine(100)], true).disk_gib, 100);
    }

    #[test]
    fn only_the_machines_that_new_instances_go_to_count() {
        let member = |status: &str| Member {
            server_name: "one".to_owned(),
            status: status.to_owned(),
            groups: vec!["default".to_owned(), "fast".to_owned()],
        };
        for target in [None, Some("one"), Some("@fast")] {
            assert!(member("Online").takes(target), "{target:?}");
            assert!(!member("Evacuated").takes(target), "{target:?}");
        }
        for target in ["two", "@slow", "fast"] {
            assert!(!member("Online").takes(Some(target)), "{target}");
        }
    }
}
