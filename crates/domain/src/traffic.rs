//! Traffic: from two readings of a hypervisor's counters to what went through between them, and when.
//!
//! Used by `control::metering`, which reads, and by the store, which adds up. What must stay true: no byte is lost and
//! none is counted twice, however readings and slots fall; the slots of an hour add up to that hour.

use std::time::Duration;

use crate::time::Timestamp;

/// How many microseconds a second has.
const MICROS: i64 = 1_000_000;

/// How finely traffic is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// By five minutes, for a week.
    FiveMinutes,
    /// By the hour, for a year.
    Hour,
}

/// Bytes in both directions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bytes {
    /// Received by the server.
    pub received: u64,
    /// Sent by the server.
    pub sent: u64,
}

/// What the counters of a server said at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// When.
    pub at: Timestamp,
    /// Which counters these are: others began at nothing.
    pub epoch: String,
    /// Since they began.
    pub counted: Bytes,
}

/// What went through in one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// When the slot begins: at a multiple of its length.
    pub began_at: Timestamp,
    /// How much.
    pub bytes: Bytes,
}

// === impl Resolution ===

impl Resolution {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::FiveMinutes, Self::Hour];

    /// How long a slot is, in seconds.
    pub fn secs(self) -> u64 {
        match self {
            Self::FiveMinutes => 300,
            Self::Hour => 3600,
        }
    }

    /// When the slot begins that a moment is in.
    pub fn slot(self, at: Timestamp) -> Timestamp {
        Timestamp(at.0 - at.0.rem_euclid(self.micros()))
    }

    /// The first slot that is still kept: the beginning of an hour, at which the finer slots take over from the hours.
    pub fn kept_since(self, now: Timestamp) -> Timestamp {
        let kept = match self {
            Self::FiveMinutes => Duration::from_hours(7 * 24),
            Self::Hour => Duration::from_hours(366 * 24),
        };
        Self::Hour.slot(now.minus(kept))
    }

    fn micros(self) -> i64 {
        self.secs().cast_signed() * MICROS
    }
}

// === impl Reading ===

impl Reading {
    /// What went through between an earlier reading and this one. Where the counters began anew in between, what they
    /// had counted of that before is nowhere any more, and what they say now is all there is.
    pub fn after(&self, before: &Self) -> Bytes {
        let received = self.counted.received.checked_sub(before.counted.received);
        let sent = self.counted.sent.checked_sub(before.counted.sent);
        match (received, sent) {
            (Some(received), Some(sent)) if self.epoch == before.epoch => Bytes { received, sent },
            _ => self.counted,
        }
    }
}

/// Spreads what went through from one moment to another evenly over the slots in between; those that began before `since`
/// are left out. Where no time has passed, it is all in the slot of that moment.
pub fn spread(
    bytes: Bytes,
    from: Timestamp,
    to: Timestamp,
    resolution: Resolution,
    since: Timestamp,
) -> impl Iterator<Item = Sample> {
    let length = resolution.micros();
    let first = resolution.slot(from).max(resolution.slot(since));
    let first = if first < since {
        first.0 + length
    } else {
        first.0
    };
    // A clock that was set back has no time pass.
    let span = to.0.saturating_sub(from.0).max(0);
    // How much had gone through by a moment: a slot has what this grew by, so that the slots add up to the whole.
    let by = move |moment: i64, all: u64| -> u64 {
        let passed = moment.saturating_sub(from.0).clamp(0, span);
        if passed == span {
            return all;
        }
        let part =
            u128::from(all) * u128::from(passed.unsigned_abs()) / u128::from(span.unsigned_abs());
        u64::try_from(part).unwrap_or(all)
    };
    let last = to.0.max(from.0.saturating_add(1));
    let mut next = first;
    std::iter::from_fn(move || {
        if next >= last {
            return None;
        }
        let (begin, end) = (next, next.saturating_add(length));
        next = end;
        let grew = |all: u64| {
            // What went through when no time passed went through in the first slot.
            let before = if begin <= from.0 { 0 } else { by(begin, all) };
            by(end, all) - before
        };
        Some(Sample {
            began_at: Timestamp(begin),
            bytes: Bytes {
                received: grew(bytes.received),
                sent: grew(bytes.sent),
            },
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LONG_AGO: Timestamp = Timestamp(i64::MIN / 4);

    fn reading(epoch: &str, received: u64, sent: u64) -> Reading {
        Reading {
            at: Timestamp(0),
            epoch: epoch.to_owned(),
            counted: Bytes { received, sent },
        }
    }

    fn seconds(secs: i64) -> Timestamp {
        Timestamp(secs * MICROS)
    }

    fn spread_all(bytes: Bytes, from: Timestamp, to: Timestamp, by: Resolution) -> Vec<Sample> {
        spread(bytes, from, to, by, LONG_AGO).collect()
    }

    fn sum(samples: &[Sample]) -> (u128, u128) {
        let add = |(received, sent), sample: &Sample| {
            (
                received + u128::from(sample.bytes.received),
                sent + u128::from(sample.bytes.sent),
            )
        };
        samples.iter().fold((0, 0), add)
    }

    #[test]
    fn between_two_readings_the_difference_went_through() {
        let bytes = reading("a", 150, 70).after(&reading("a", 100, 70));
        assert_eq!(
            bytes,
            Bytes {
                received: 50,
                sent: 0
            }
        );
    }

    #[test]
    fn counters_of_another_epoch_began_at_nothing() {
        let now = reading("b", 150, 170);
        assert_eq!(now.after(&reading("a", 100, 70)), now.counted);
    }

    #[test]
    fn where_one_counter_is_smaller_than_before_both_began_anew() {
        let now = reading("a", 150, 60);
        assert_eq!(now.after(&reading("a", 100, 70)), now.counted);
    }

    #[test]
    fn a_reading_that_falls_within_a_slot_is_shared_out_by_time() {
        let bytes = Bytes {
            received: 300,
            sent: 7,
        };
        let samples = spread_all(bytes, seconds(200), seconds(500), Resolution::FiveMinutes);
        let expected = [(0, 100, 2), (300, 200, 5)].map(|(secs, received, sent)| Sample {
            began_at: seconds(secs),
            bytes: Bytes { received, sent },
        });
        assert_eq!(samples, expected);
    }

    #[test]
    fn a_reading_at_the_very_edge_of_a_slot_leaves_nothing_to_the_next() {
        let bytes = Bytes {
            received: 9,
            sent: 9,
        };
        let samples = spread_all(bytes, seconds(0), seconds(300), Resolution::FiveMinutes);
        assert_eq!(samples.len(), 1);
        assert_eq!(samples[0].bytes, bytes);
    }

    #[test]
    fn a_gap_of_hours_has_every_slot_even_where_nothing_went_through() {
        let samples = spread_all(
            Bytes::default(),
            seconds(0),
            seconds(2 * 3600),
            Resolution::FiveMinutes,
        );
        assert_eq!(samples.len(), 24);
    }

    #[test]
    fn where_the_clock_was_set_back_nothing_is_lost() {
        let bytes = Bytes {
            received: 10,
            sent: 20,
        };
        for to in [seconds(1000), seconds(10)] {
            let samples = spread_all(bytes, seconds(1000), to, Resolution::FiveMinutes);
            assert_eq!(
                samples,
                [Sample {
                    began_at: seconds(900),
                    bytes
                }]
            );
        }
    }

    #[test]
    fn the_finer_slots_take_over_at_the_beginning_of_an_hour() {
        let since = Resolution::FiveMinutes.kept_since(seconds(1_800_000_123));
        assert_eq!(since, Resolution::Hour.slot(since));
        assert!(Resolution::Hour.kept_since(since) < since);
    }

    proptest! {
        #[test]
        fn the_slots_add_up_to_the_whole(
            received: u64, sent: u64, from in -4_000_000_000..4_000_000_000_i64, span in 0..90_000_000_000_i64,
        ) {
            let (bytes, to) = (Bytes { received, sent }, from + span);
            for resolution in Resolution::ALL {
                let samples = spread_all(bytes, Timestamp(from), Timestamp(to), resolution);
                prop_assert_eq!(sum(&samples), (received.into(), sent.into()));
                for sample in &samples {
                    prop_assert_eq!(resolution.slot(sample.began_at), sample.began_at);
                    prop_assert!(sample.began_at.0 < to.max(from + 1));
                    prop_assert!(sample.began_at.0 + resolution.micros() > from);
                }
            }
        }

        #[test]
        fn the_slots_of_an_hour_add_up_to_that_hour(
            received: u64, sent: u64, from in 0..4_000_000_000_i64, span in 0..90_000_000_000_i64,
        ) {
            let (bytes, from, to) = (Bytes { received, sent }, Timestamp(from), Timestamp(from + span));
            let fine = spread_all(bytes, from, to, Resolution::FiveMinutes);
            for hour in spread_all(bytes, from, to, Resolution::Hour) {
                let of_hour: Vec<_> = fine
                    .iter()
                    .filter(|sample| Resolution::Hour.slot(sample.began_at) == hour.began_at)
                    .copied()
                    .collect();
                prop_assert_eq!(sum(&of_hour), sum(&[hour]));
            }
        }

        #[test]
        fn each_slot_has_its_share_of_the_time(
            received in 0..1_000_000_000_000_u64, from in 0..4_000_000_000_i64, span in 1..90_000_000_000_i64,
        ) {
            let bytes = Bytes { received, sent: 0 };
            for sample in spread_all(bytes, Timestamp(from), Timestamp(from + span), Resolution::FiveMinutes) {
                let begin = sample.began_at.0.max(from);
                let end = (sample.began_at.0 + Resolution::FiveMinutes.micros()).min(from + span);
                let share = i128::from(received) * i128::from(end - begin) / i128::from(span);
                prop_assert!((i128::from(sample.bytes.received) - share).abs() <= 1);
            }
        }

        #[test]
        fn what_is_too_old_is_left_out_and_the_rest_stays_as_it_is(
            received: u64, from in 0..4_000_000_000_i64, span in 0..9_000_000_000_i64, since in 0..9_000_000_000_i64,
        ) {
            let (bytes, from, to) = (Bytes { received, sent: 0 }, Timestamp(from), Timestamp(from + span));
            let since = Timestamp(since);
            let mut all = spread_all(bytes, from, to, Resolution::FiveMinutes);
            all.retain(|sample| sample.began_at >= since);
            let kept: Vec<_> = spread(bytes, from, to, Resolution::FiveMinutes, since).collect();
            prop_assert_eq!(kept, all);
        }
    }
}
