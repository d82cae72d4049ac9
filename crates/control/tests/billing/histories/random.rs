//! Chance that can be had again by its number.

use crate::oracle::Price;

/// SplitMix64.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, bound: i64) -> i64 {
        let bound = u64::try_from(bound).expect("a bound");
        i64::try_from(self.next() % bound).expect("fits")
    }

    pub(super) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(i64::try_from(length).expect("few"))).expect("fits")
    }

    pub(super) fn one_in(&mut self, bound: i64) -> bool {
        self.below(bound) == 0
    }

    /// Cheap and dear, with months that are used up soon, late and never.
    pub(super) fn price(&mut self) -> Price {
        let hourly = [0, 1, 7_400, 15_000, 238_000, 1_000_003][self.index(6)];
        let hours = [0, 1, 3, 50, 676, 800][self.index(6)];
        (hourly, hourly * hours + self.below(2))
    }
}
