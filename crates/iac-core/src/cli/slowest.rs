//! The slowest steps of a run, for its end: where the time went, and what each of them waited for.

use std::collections::BTreeMap;
use std::time::Duration;

use super::progress::done;
use crate::apply::{Outcome, Report, Timeline};
use crate::duration::for_people;
use crate::render::sanitize;
use crate::urn::Key;

/// The shortest time of a run that gets such a list.
const LONG: Duration = Duration::from_secs(5);
/// The shortest time of a step, or of a part of it, that is named.
const NOTABLE: Duration = Duration::from_secs(1);
/// The number of steps that are named.
const STEPS: usize = 5;

/// The message that each step showed for the longest time while it went on, with that time.
pub(super) type Said = BTreeMap<Key, (String, Duration)>;

/// The slowest steps as lines; nothing for a short run.
pub(super) fn slowest(names: &BTreeMap<Key, String>, report: &Report, said: &Said, elapsed: Duration) -> String {
    if elapsed < LONG {
        return String::new();
    }
    let mut steps: Vec<(&Key, &Timeline)> = report
        .timelines
        .iter()
        .filter(|(_, line)| line.total() >= NOTABLE)
        .collect();
    steps.sort_by_key(|(key, line)| (std::cmp::Reverse(line.total()), *key));
    let name = |key: &Key| {
        names
            .get(key)
            .cloned()
            .unwrap_or_else(|| sanitize(&key.short()).into_owned())
    };
    let mut text = String::new();
    for (key, line) in steps.into_iter().take(STEPS) {
        let total = for_people(line.total());
        text.push_str(&format!("  {total:>6}  {}: {}\n", name(key), parts(key, line, report)));
        if let Some((message, time)) = said.get(key).filter(|(_, time)| *time >= NOTABLE) {
            let time = for_people(*time);
            text.push_str(&format!("          {time} of it: {}\n", sanitize(message)));
        }
        if let Some(other) = line.waited_for.as_ref().filter(|_| line.waited >= NOTABLE) {
            let waited = for_people(line.waited);
            text.push_str(&format!(
                "          began after {waited}, once {} was through\n",
                name(other)
            ));
        }
    }
    match text.is_empty() {
        true => text,
        false => format!("The slowest steps:\n{text}"),
    }
}

/// The parts of a step's way.
fn parts(key: &Key, line: &Timeline, report: &Report) -> String {
    let outcome = report.outcomes.get(key);
    let action = report.done.get(key);
    let mut parts = Vec::new();
    if let Some(there) = line.there {
        let word = match (outcome, action) {
            (Some(Outcome::Failed(_)), _) => "failed",
            (_, Some(action)) => done(*action),
            (_, None) => "given up",
        };
        parts.push(format!("{word} in {}", for_people(there)));
    }
    if let Some(ready) = line.ready.filter(|ready| *ready >= NOTABLE) {
        let word = match outcome {
            Some(Outcome::NotReady(_)) => "not ready",
            _ => "ready",
        };
        parts.push(format!("{word} {} later", for_people(ready)));
    }
    if let Some(gone) = line.gone.filter(|gone| *gone >= NOTABLE) {
        parts.push(format!("the old one deleted in {}", for_people(gone)));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::plan::Action;
    use crate::provider::{ErrorKind, ProviderError};

    fn line(waited: u64, there: u64, ready: u64) -> Timeline {
        Timeline {
            waited: Duration::from_secs(waited),
            there: Some(Duration::from_secs(there)),
            ready: Some(Duration::from_secs(ready)),
            ..Timeline::default()
        }
    }

    #[test]
    fn the_slowest_steps_are_told_with_what_they_waited_for() {
        let keys = ["a", "b", "c"].map(|name| Key::new("", "test:core/Thing", name).unwrap());
        let key = |place: usize| keys[place].clone();
        let names = [(key(0), "Deployment shop/db".to_owned())].into();
        let mut report = Report::default();
        report.timelines.insert(key(0), line(0, 2, 40));
        report.timelines.insert(key(1), line(42, 1, 600));
        report.timelines.insert(key(2), line(0, 0, 0));
        report.timelines.get_mut(&key(1)).unwrap().waited_for = Some(key(0));
        report.done = [(key(0), Action::Create), (key(1), Action::Update)].into();
        report.outcomes.insert(key(0), Outcome::Done(Action::Create));
        let error = ProviderError::new(ErrorKind::Failed, "not ready");
        report.outcomes.insert(key(1), Outcome::NotReady(error));
        let said = [(key(0), ("pulling\u{1b}[1m".to_owned(), Duration::from_secs(30)))].into();
        let text = slowest(&names, &report, &said, Duration::from_secs(700));
        let expected = concat!(
            "The slowest steps:\n",
            "  10 min 1 s  Thing/b: updated in 1 s, not ready 10 min later\n",
            "          began after 42 s, once Deployment shop/db was through\n",
            "    42 s  Deployment shop/db: created in 2 s, ready 40 s later\n",
            "          30 s of it: pulling\\u{1b}[1m\n",
        );
        assert_eq!(text, expected);
        assert_eq!(slowest(&names, &report, &said, Duration::from_secs(4)), "");
    }
}
