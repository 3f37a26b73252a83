//! When a scheduled job runs.

use std::fmt;

/// When a scheduled job runs, in UTC on both targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Five fields as cron has them: minute, hour, day of the month, month, day of the week from Sunday, 0.
    fields: [Field; 5],
    text: String,
}

/// The values that a field allows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    allowed: Vec<u8>,
    /// Whether it is `*`: cron takes a day that either of two restricted day fields allows.
    any: bool,
}

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Not five fields.
    #[error(
        "{0:?} is no schedule: five fields are due, minute, hour, day of the month, month and day of the week (\"0 2 * * *\")"
    )]
    Fields(String),
    /// A field that cannot be read.
    #[error(
        "{text:?} is no schedule: {field:?} is no {what}, which goes from {first} to {last}: write a number, *, a range (1-5), a list (1,3) or steps (*/15)"
    )]
    Field {
        /// The schedule.
        text: String,
        /// The field.
        field: String,
        /// The name of the field: `minute`.
        what: &'static str,
        /// The smallest value.
        first: u8,
        /// The largest one.
        last: u8,
    },
}

const FIELDS: [(&str, u8, u8); 5] = [
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of the month", 1, 31),
    ("month", 1, 12),
    ("day of the week", 0, 7),
];

impl std::str::FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let words: [&str; 5] = words.try_into().map_err(|_| ScheduleError::Fields(text.to_owned()))?;
        let mut fields = Vec::new();
        for (word, (what, first, last)) in words.iter().zip(FIELDS) {
            let field = Field::read(word, first, last).ok_or_else(|| ScheduleError::Field {
                text: text.to_owned(),
                field: (*word).to_owned(),
                what,
                first,
                last,
            })?;
            fields.push(field);
        }
        let [minute, hour, day, month, mut weekday]: [Field; 5] =
            fields.try_into().map_err(|_| ScheduleError::Fields(text.to_owned()))?;
        // Sunday is 7 as well.
        for value in &mut weekday.allowed {
            *value %= 7;
        }
        weekday.allowed.sort_unstable();
        weekday.allowed.dedup();
        Ok(Self {
            fields: [minute, hour, day, month, weekday],
            text: words.join(" "),
        })
    }
}

impl Field {
    fn read(word: &str, first: u8, last: u8) -> Option<Self> {
        let mut allowed = Vec::new();
        for part in word.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, step.parse().ok().filter(|step: &usize| *step > 0)?),
                None => (part, 1),
            };
            let (from, to) = match (range, range.split_once('-')) {
                ("*", _) => (first, last),
                (_, Some((from, to))) => (from.parse().ok()?, to.parse().ok()?),
                // As cron reads it, steps from a number go on to the end.
                (one, None) if step > 1 => (one.parse().ok()?, last),
                (one, None) => (one.parse().ok()?, one.parse().ok()?),
            };
            if from < first || to > last || from > to {
                return None;
            }
            allowed.extend((from..=to).step_by(step));
        }
        allowed.sort_unstable();
        allowed.dedup();
        let any = word.starts_with('*');
        Some(Self { allowed, any })
    }
}

impl Schedule {
    /// Stands for one that was refused.
    pub(crate) fn never() -> Self {
        let nothing = || Field {
            allowed: Vec::new(),
            any: false,
        };
        Self {
            fields: std::array::from_fn(|_| nothing()),
            text: String::new(),
        }
    }

    /// The test by which a shell finds out whether a minute is one of the schedule, in the variables `m`, `h`, `d`, `n`
    /// and `w`: minute, hour, day, month and day of the week without leading zeros, where Sunday is 0.
    pub(crate) fn shell_test(&self) -> String {
        let [minute, hour, day, month, weekday] = &self.fields;
        let one_of = |variable: &str, field: &Field| {
            let numbers: Vec<String> = field.allowed.iter().map(u8::to_string).collect();
            format!(
                "case \" {} \" in *\" ${variable} \"*) true;; *) false;; esac",
                numbers.join(" ")
            )
        };
        let both = [one_of("d", day), one_of("w", weekday)];
        let days = match day.any || weekday.any {
            true => both.join(" && "),
            false => format!("{{ {}; }}", both.join(" || ")),
        };
        [one_of("m", minute), one_of("h", hour), one_of("n", month), days].join(" && ")
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_finds_the_minutes_of_a_schedule() {
        // Minute, hour, day, month, day of the week.
        for (text, at, runs) in [
            ("0 2 * * *", [0, 2, 1, 1, 4], true),
            ("0 2 * * *", [1, 2, 1, 1, 4], false),
            ("*/15 * * * *", [45, 7, 9, 9, 0], true),
            ("*/15 * * * *", [46, 7, 9, 9, 0], false),
            ("5/20 * * * *", [45, 7, 9, 9, 0], true),
            ("0 0 * * 7", [0, 0, 3, 3, 0], true),
            ("0 0 * * 1-5", [0, 0, 3, 3, 0], false),
            ("0 0 13 * 5", [0, 0, 13, 2, 3], true),
            ("0 0 13 * 5", [0, 0, 14, 2, 5], true),
            ("0 0 13 * 5", [0, 0, 14, 2, 4], false),
            ("0 0 1,15 6 *", [0, 0, 15, 6, 2], true),
            ("0 0 1,15 6 *", [0, 0, 15, 7, 2], false),
        ] {
            let schedule: Schedule = text.parse().expect(text);
            let [m, h, d, n, w] = at;
            let script = format!("m={m} h={h} d={d} n={n} w={w}; {}", schedule.shell_test());
            let status = Command::new("sh").args(["-c", &script]).status().expect("sh");
            assert_eq!(status.success(), runs, "{text} at {at:?}: {script}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_said_with_the_field() {
        let fields = "0 2 * *".parse::<Schedule>().expect_err("four fields").to_string();
        assert!(fields.contains("five fields"), "{fields}");
        for (text, field) in [
            ("60 2 * * *", "\"60\" is no minute"),
            ("0 24 * * *", "\"24\" is no hour"),
            ("0 2 0 * *", "\"0\" is no day of the month"),
            ("0 2 * 5-2 *", "\"5-2\" is no month"),
            ("0 2 * * 8", "\"8\" is no day of the week"),
            ("*/0 2 * * *", "\"*/0\" is no minute"),
            ("0 2 * JAN *", "\"JAN\" is no month"),
        ] {
            let error = text.parse::<Schedule>().expect_err(text).to_string();
            assert!(error.contains(field), "{error}");
        }
    }
}
