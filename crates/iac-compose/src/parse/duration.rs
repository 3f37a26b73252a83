//! Durations as compose writes them: `1h5m30s20ms`.

use std::time::Duration;

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no duration; write numbers with units, such as \"90s\" or \"1m30s\" (h, m, s, ms, us)")]
pub struct DurationError(String);

const UNITS: [(&str, u64); 9] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
    ("w", 604_800_000_000_000),
];

/// The duration that a text means.
///
/// # Errors
/// When a number has no unit, a unit no number, or the whole does not fit into 63 bits of nanoseconds.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let fail = || DurationError(text.to_owned());
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(fail());
    }
    let mut nanos: f64 = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(fail)?;
        let number: f64 = rest[..end].parse().map_err(|_| fail())?;
        rest = &rest[end..];
        let end = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let (_, factor) = UNITS.iter().find(|(unit, _)| *unit == &rest[..end]).ok_or_else(fail)?;
        nanos += number * *factor as f64;
        rest = &rest[end..];
    }
    if nanos < i64::MAX as f64 {
        Ok(Duration::from_nanos(nanos.round() as u64))
    } else {
        Err(fail())
    }
}

/// The shortest text that means exactly this duration.
pub fn format(duration: Duration) -> String {
    let mut nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, factor) in UNITS
        .iter()
        .rev()
        .filter(|(unit, _)| !matches!(*unit, "w" | "d" | "µs"))
    {
        let count = nanos / u128::from(*factor);
        if count > 0 {
            text.push_str(&std::format!("{count}{unit}"));
            nanos %= u128::from(*factor);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_add_up() {
        let table = [
            ("0", 0),
            ("10s", 10_000),
            ("1m30s", 90_000),
            ("1.5h", 5_400_000),
            ("250ms", 250),
            ("1h5m30s20ms", 3_930_020),
            ("2d", 172_800_000),
            ("1w", 604_800_000),
        ];
        for (text, millis) in table {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse("3us"), Ok(Duration::from_micros(3)));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "10", "s", "10x", "-5s", "1s5", "1 s", "99999999999999h"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_written_form_reads_back() {
        for text in ["0s", "10s", "1m30s", "1h", "1h5m30s20ms", "3us", "7ns"] {
            assert_eq!(parse(text).map(format).as_deref(), Ok(text));
        }
    }
}
