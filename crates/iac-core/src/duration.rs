//! Durations for people.

use std::time::Duration;

/// A duration as it is said: `0.4 s`, `12 s`, `3 min 5 s`, `1 h 20 min`.
pub(crate) fn for_people(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let of = |rest: u64, unit: &str| match rest {
        0 => String::new(),
        rest => format!(" {rest} {unit}"),
    };
    match seconds {
        0..10 if elapsed.subsec_millis() < 50 && seconds > 0 => format!("{seconds} s"),
        0..10 => format!("{:.1} s", elapsed.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        120..3600 => format!("{minutes} min{}", of(seconds % 60, "s")),
        _ => format!("{hours} h{}", of(minutes % 60, "min")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_as_precisely_as_they_matter() {
        for (milliseconds, expected) in [
            (0, "0.0 s"),
            (440, "0.4 s"),
            (3_000, "3 s"),
            (9_960, "10.0 s"),
            (12_900, "12 s"),
            (119_000, "119 s"),
            (120_000, "2 min"),
            (185_000, "3 min 5 s"),
            (4_800_000, "1 h 20 min"),
        ] {
            assert_eq!(for_people(Duration::from_millis(milliseconds)), expected);
        }
    }
}
