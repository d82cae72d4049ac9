//! How much an organisation may have in the operator's regions, and how much it asks for. Pure arithmetic, used by
//! `control::quota` and `control::capacity`.

use crate::server::Size;

/// The most that an organisation may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Servers.
    pub servers: u64,
    /// Virtual processors.
    pub cpus: u64,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Disk in GiB.
    pub disk_gib: u64,
    /// Snapshots.
    pub snapshots: u64,
}

/// Limits of one organisation in place of the general ones; what is not set is not replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Servers.
    pub servers: Option<u64>,
    /// Virtual processors.
    pub cpus: Option<u64>,
    /// Memory in MiB.
    pub memory_mib: Option<u64>,
    /// Disk in GiB.
    pub disk_gib: Option<u64>,
    /// Snapshots.
    pub snapshots: Option<u64>,
}

/// So much of everything: what is used, or what is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Servers.
    pub servers: u64,
    /// Virtual processors.
    pub cpus: u64,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Disk in GiB.
    pub disk_gib: u64,
    /// Snapshots.
    pub snapshots: u64,
}

/// The first limit that does not allow what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    /// Which, in words, such as `MiB of memory`.
    pub what: &'static str,
    /// The limit.
    pub limit: u64,
    /// How much is used.
    pub used: u64,
    /// How much more was asked for.
    pub asked: u64,
}

// === impl Limits ===

impl Default for Limits {
    /// Generous: they are there against mistakes and thieves.
    fn default() -> Self {
        Self {
            servers: 100,
            cpus: 400,
            memory_mib: 1 << 20,
            disk_gib: 10 << 10,
            snapshots: 200,
        }
    }
}

impl Limits {
    /// With the organisation's own in place of the general ones.
    #[must_use]
    pub fn with(self, overrides: &Overrides) -> Self {
        Self {
            servers: overrides.servers.unwrap_or(self.servers),
            cpus: overrides.cpus.unwrap_or(self.cpus),
            memory_mib: overrides.memory_mib.unwrap_or(self.memory_mib),
            disk_gib: overrides.disk_gib.unwrap_or(self.disk_gib),
            snapshots: overrides.snapshots.unwrap_or(self.snapshots),
        }
    }

    /// What does not allow `asked` beside `used`. What is not asked for is never in the way: a limit may have been lowered
    /// below what there is.
    pub fn exceeded(&self, used: &Amounts, asked: &Amounts) -> Option<Exceeded> {
        let all = [
            ("servers", self.servers, used.servers, asked.servers),
            ("processors", self.cpus, used.cpus, asked.cpus),
            (
                "MiB of memory",
                self.memory_mib,
                used.memory_mib,
                asked.memory_mib,
            ),
            ("GiB of disk", self.disk_gib, used.disk_gib, asked.disk_gib),
            ("snapshots", self.snapshots, used.snapshots, asked.snapshots),
        ];
        all.into_iter()
            .find(|(_, limit, used, asked)| *asked > 0 && used.saturating_add(*asked) > *limit)
            .map(|(what, limit, used, asked)| Exceeded {
                what,
                limit,
                used,
                asked,
            })
    }
}

// === impl Amounts ===

impl Amounts {
    /// New servers of these sizes.
    pub fn servers(sizes: &[Size]) -> Self {
        let sum = |part: fn(&Size) -> u64| sizes.iter().map(part).fold(0, u64::saturating_add);
        Self {
            servers: u64::try_from(sizes.len()).unwrap_or(u64::MAX),
            cpus: sum(|size| u64::from(size.cpus)),
            memory_mib: sum(|size| size.memory_mib),
            disk_gib: sum(|size| size.disk_gib),
            snapshots: 0,
        }
    }

    /// What a server has more that becomes as large as `to`.
    pub fn change(from: &Size, to: &Size) -> Self {
        Self {
            servers: 0,
            cpus: u64::from(to.cpus.saturating_sub(from.cpus)),
            memory_mib: to.memory_mib.saturating_sub(from.memory_mib),
            disk_gib: to.disk_gib.saturating_sub(from.disk_gib),
            snapshots: 0,
        }
    }

    /// A new snapshot.
    pub fn snapshot() -> Self {
        Self {
            snapshots: 1,
            ..Self::default()
        }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            servers: self.servers.saturating_add(other.servers),
            cpus: self.cpus.saturating_add(other.cpus),
            memory_mib: self.memory_mib.saturating_add(other.memory_mib),
            disk_gib: self.disk_gib.saturating_add(other.disk_gib),
            snapshots: self.snapshots.saturating_add(other.snapshots),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        servers: 10,
        cpus: 20,
        memory_mib: 1024,
        disk_gib: 100,
        snapshots: 5,
    };

    fn size(cpus: u32, memory_mib: u64) -> Size {
        Size {
            cpus,
            memory_mib,
            disk_gib: 10,
            bandwidth_tb: 1,
        }
    }

    #[test]
    fn what_is_as_large_as_the_limit_is_allowed_and_one_more_is_not() {
        let used = Amounts::servers(&[size(8, 100); 2]);
        let asked = |cpus| LIMITS.exceeded(&used, &Amounts::servers(&[size(cpus, 100)]));
        assert_eq!(asked(4), None);
        let exceeded = asked(5).expect("is exceeded");
        assert_eq!(
            (exceeded.what, exceeded.limit, exceeded.used, exceeded.asked),
            ("processors", 20, 16, 5)
        );
    }

    #[test]
    fn who_has_more_than_is_allowed_by_now_may_still_ask_for_something_else() {
        let used = Amounts::servers(&[size(50, 100)]);
        assert_eq!(LIMITS.exceeded(&used, &Amounts::snapshot()), None);
        let smaller = Amounts::change(&size(50, 100), &size(2, 100));
        assert_eq!(LIMITS.exceeded(&used, &smaller), None);
    }

    #[test]
    fn an_organisations_own_limit_stands_in_place_of_the_general_one() {
        let overrides = Overrides {
            servers: Some(1),
            ..Overrides::default()
        };
        let limits = LIMITS.with(&overrides);
        assert_eq!((limits.servers, limits.cpus), (1, 20));
    }
}
