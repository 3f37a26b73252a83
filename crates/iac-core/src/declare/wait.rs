//! Whether a run waits until a resource does its work, and how files say so.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Whether a run waits until the resource is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wait {
    /// It does, and what does not become ready in time fails.
    #[default]
    Ready,
    /// Once the object is there, that is enough. Nothing else may need it ready.
    No,
}

impl Wait {
    /// Reads what a file says of the wait: `false` for none, `true` for the usual one, or the longest time that it may
    /// take, such as `90s` or `10m`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with any other text.
    pub fn parse(text: &str) -> Result<(Self, Option<Duration>), String> {
        let not_understood =
            || format!("{text:?} does not say how long to wait: write false, true or a time such as 10m");
        match text {
            "false" => return Ok((Self::No, None)),
            "true" => return Ok((Self::Ready, None)),
            _ => {}
        }
        let duration: jiff::SignedDuration = text.parse().map_err(|_| not_understood())?;
        match Duration::try_from(duration) {
            Ok(limit) if limit > Duration::ZERO => Ok((Self::Ready, Some(limit))),
            _ => Err(format!(
                "{text:?} is no time to wait for: write false where nothing is to be waited for"
            )),
        }
    }

    /// True if it is the usual one, which records leave out.
    pub(crate) fn is_usual(&self) -> bool {
        *self == Self::Ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_say_whether_and_how_long() {
        for (text, expected) in [
            ("false", Some((Wait::No, None))),
            ("true", Some((Wait::Ready, None))),
            ("10m", Some((Wait::Ready, Some(600)))),
            ("1h30m", Some((Wait::Ready, Some(5400)))),
            ("90s", Some((Wait::Ready, Some(90)))),
            ("0s", None),
            ("-5m", None),
            ("90", None),
            ("no", None),
            ("False", None),
            ("10 minutes or so", None),
            ("", None),
        ] {
            let read = Wait::parse(text);
            let read = read.map(|(wait, limit)| (wait, limit.map(|limit| limit.as_secs())));
            assert_eq!(read.clone().ok(), expected, "{text}: {read:?}");
        }
    }
}
