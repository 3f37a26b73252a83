//! Errors with what they came of, for messages that have one line.

use std::error::Error;

/// An error and its causes, down to the system's own words; what is said already is not said again.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Told(&'static str, #[source] Option<Box<Self>>);

    #[test]
    fn each_cause_is_said_once() {
        let root = Told("refused", None);
        let middle = Told("cannot connect: refused", Some(Box::new(root)));
        let top = Told("no answer", Some(Box::new(middle)));
        assert_eq!(with_causes(&top), "no answer: cannot connect: refused");
    }
}
