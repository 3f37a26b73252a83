//! An estimate of a run's time, as far as earlier runs tell.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::duration::for_people;

/// The estimated time of a run: its longest chain of steps that wait for one another, by their times of the last run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// The longest chain, in seconds.
    pub seconds: u64,
    /// The number of steps that earlier runs tell of.
    pub known: usize,
    /// The number of steps that take time.
    pub steps: usize,
}

impl Estimate {
    /// The estimate for people, without a full stop.
    pub fn text(&self) -> String {
        let time = for_people(Duration::from_secs(rounded(self.seconds)));
        let unknown = match self.steps.saturating_sub(self.known) {
            0 => String::new(),
            unknown => format!(" (no time is known for {unknown} of {} steps)", self.steps),
        };
        format!("takes about {time}, as far as earlier runs tell{unknown}")
    }
}

/// No more precise than it can be.
fn rounded(seconds: u64) -> u64 {
    let unit = match seconds {
        0..20 => 1,
        20..120 => 5,
        120..600 => 30,
        _ => 60,
    };
    (seconds + unit / 2) / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_no_more_precise_than_it_can_be() {
        for (seconds, known, expected) in [
            (7, 3, "takes about 7 s, as far as earlier runs tell"),
            (43, 3, "takes about 45 s, as far as earlier runs tell"),
            (130, 3, "takes about 2 min, as far as earlier runs tell"),
            (
                1000,
                2,
                "takes about 17 min, as far as earlier runs tell (no time is known for 1 of 3 steps)",
            ),
        ] {
            let estimate = Estimate {
                seconds,
                known,
                steps: 3,
            };
            assert_eq!(estimate.text(), expected);
        }
    }
}
