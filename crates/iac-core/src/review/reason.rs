//! Why a step is there, in words.

use super::value::path_text;
use crate::plan::Reason;
use crate::render::sanitize;
use crate::value::FieldPath;

/// The number of paths that a reason names before it counts the rest.
const PATHS: usize = 3;
/// The number of characters that these names may have together. The fields are shown below the reason anyway.
const WIDTH: usize = 120;

/// The reasons as what follows "because", each once: several fields with the same cause are one line.
pub(super) fn texts(reasons: &[Reason]) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for reason in reasons {
        let text = text(reason, reasons);
        if !told.contains(&text) {
            told.push(text);
        }
    }
    told
}

/// The fields of the reasons that are wanted.
fn paths<'a>(reasons: &'a [Reason], wanted: impl Fn(&'a Reason) -> Option<&'a FieldPath>) -> Vec<FieldPath> {
    reasons.iter().filter_map(wanted).cloned().collect()
}

/// One of several reasons, with the fields of those that say the same.
fn text(reason: &Reason, all: &[Reason]) -> String {
    match reason {
        Reason::Upstream { from, .. } => {
            let paths = paths(all, |other| match other {
                Reason::Upstream { path, from: other } if other == from => Some(path),
                _ => None,
            });
            let follow = if paths.len() == 1 { "follows" } else { "follow" };
            format!(
                "{} {follow} from {}, which changes",
                list(&paths),
                sanitize(&from.short())
            )
        }
        Reason::Immutable { why, .. } => {
            let paths = paths(all, |other| match other {
                Reason::Immutable { path, why: other } if other == why => Some(path),
                _ => None,
            });
            format!("{} cannot be changed in place: {}", list(&paths), sanitize(why))
        }
        Reason::New => "it is new".to_owned(),
        Reason::Gone => "it is recorded and no longer exists".to_owned(),
        Reason::Another => "the recorded object no longer exists, and another one has its name".to_owned(),
        Reason::Leaving(why) => format!("it is being deleted ({})", sanitize(why)),
        Reason::NotDeclared => "the program no longer declares it".to_owned(),
        Reason::Inputs(paths) => format!("the program changed {}", list(paths)),
        Reason::Drift(paths) => format!("somebody else changed {}", list(paths)),
        Reason::Interrupted(what) => format!("an earlier run was interrupted: {}", sanitize(what)),
        Reason::NotReady {
            why: Some(why),
            was: false,
        } => {
            format!("it was not ready at the end of the last run: {}", sanitize(why))
        }
        Reason::NotReady {
            why: Some(why),
            was: true,
        } => {
            format!("it was ready and no longer is: {}", sanitize(why))
        }
        Reason::NotReady { why: None, .. } => "the last run ended before it was seen ready".to_owned(),
        Reason::Spent(why) => format!("it failed, and only a new one can try again: {}", sanitize(why)),
        Reason::Exists { ours: true } => "it is there already and bears this stack's mark".to_owned(),
        Reason::Exists { ours: false } => "it is there already and was not made by this stack".to_owned(),
        Reason::CoOwned(names) => {
            let names: Vec<_> = names.iter().map(|name| sanitize(name)).collect();
            format!("it is to take over what else is held by {}", names.join(", "))
        }
        Reason::Destroy => "the whole stack goes".to_owned(),
        Reason::Asked(by) => format!("`{}` asks for a new one", sanitize(by)),
        Reason::Renamed { from } => format!("the program gives it another name than {}", sanitize(from)),
        Reason::Exclusive { path, what } => format!(
            "only one object may hold {}, which {} asks for",
            sanitize(what),
            path_text(path)
        ),
        Reason::Leftover(names) => {
            let names: Vec<_> = names.iter().map(|name| sanitize(name)).collect();
            format!("an earlier replacement or interrupted run left {}", names.join(", "))
        }
        Reason::Option(option) => format!("the program asks for it: {}", sanitize(option)),
    }
}

fn list(paths: &[FieldPath]) -> String {
    let mut names: Vec<String> = paths.iter().take(PATHS).map(path_text).collect();
    while paths.len() > 1 && names.iter().map(String::len).sum::<usize>() > WIDTH {
        names.pop();
    }
    match paths.len() - names.len() {
        0 => {}
        rest if names.is_empty() => return format!("{rest} fields"),
        rest => names.push(format!("{rest} more")),
    }
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => "its options".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_of_several_fields_is_told_once() {
        let path = |text: &str| FieldPath::fields(text.split('.'));
        let upstream = |field: &str, from: &str| Reason::Upstream {
            path: path(field),
            from: from.parse().expect("a key"),
        };
        let immutable = |field: &str, why: &str| Reason::Immutable {
            path: path(field),
            why: why.to_owned(),
        };
        let reasons = [
            Reason::New,
            upstream("a", "k:core/Secret::one"),
            upstream("b", "k:core/Secret::two"),
            upstream("c", "k:core/Secret::one"),
            immutable("d", "no"),
            Reason::New,
            immutable("e", "no"),
            immutable("f", "never"),
        ];
        assert_eq!(
            texts(&reasons),
            [
                "it is new",
                "a and c follow from Secret/one, which changes",
                "b follows from Secret/two, which changes",
                "d and e cannot be changed in place: no",
                "f cannot be changed in place: never",
            ]
        );
    }

    #[test]
    fn fields_with_long_names_are_counted() {
        let long = |number: usize| format!("spec.{}{number}", "x".repeat(70));
        let path = |text: &str| FieldPath::fields(text.split('.'));
        for (paths, expected) in [
            (vec!["a".to_owned()], "a".to_owned()),
            (vec!["a".to_owned(), "b.c".to_owned()], "a and b.c".to_owned()),
            (
                ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec(),
                "a, b, c and 2 more".to_owned(),
            ),
            (vec![long(1)], long(1)),
            (
                vec![long(1), "a".to_owned(), long(2)],
                format!("{}, a and 1 more", long(1)),
            ),
            (vec![long(1).repeat(2), "a".to_owned()], "2 fields".to_owned()),
        ] {
            let paths: Vec<FieldPath> = paths.iter().map(|text| path(text)).collect();
            assert_eq!(list(&paths), expected);
        }
    }
}
