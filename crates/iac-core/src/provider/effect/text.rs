//! Effects as sentences.

use super::{
    DataEffect, DataFate, Effect, HoldsUp, HowLong, Readers, Rename, Restart, Run, Scale, Sees, Through, Undo, Unit,
    Way,
};

use std::time::Duration;

use crate::duration::for_people;
use crate::provider::authors::minute;
use crate::state::StepKind;

/// The author of a change who is not known.
pub(crate) const SOMEBODY: &str = "somebody else";

/// The label of times: they are no news where nothing else is, and differ between objects with the same change.
pub(crate) const HOW_LONG: &str = "how long";

/// The number of names that a sentence gives before it counts the rest.
const NAMES: usize = 5;

impl Effect {
    /// One word or two for what sort of effect it is.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Restart(_) => "restart",
            Self::Scale(_) => "scale",
            Self::Readers(_) => "readers",
            Self::Data(_) => "data",
            Self::Run(_) => "run",
            Self::BrokenReference(_) => "broken reference",
            Self::Exposure(_) => "exposure",
            Self::Closed(_) => "closed",
            Self::Privilege(_) => "privilege",
            Self::Undo(_) => "undo",
            Self::Rename(_) => "rename",
            Self::HoldsUp(_) => "order",
            Self::HowLong(_) => HOW_LONG,
            Self::Other(_) => "effect",
        }
    }

    /// The effect as a sentence, without a full stop.
    pub fn text(&self) -> String {
        match self {
            Self::Restart(restart) => restart.text(),
            Self::Scale(scale) => scale.text(),
            Self::Readers(readers) => readers.text(),
            Self::Data(data) => data.text(),
            Self::Run(run) => run.text(),
            Self::BrokenReference(broken) => {
                format!(
                    "{} names {} in {}, and will not find it",
                    broken.holder, broken.names, broken.path
                )
            }
            Self::Exposure(said) | Self::Closed(said) | Self::Privilege(said) | Self::Other(said) => {
                said.message.clone()
            }
            Self::Undo(undo) => undo.text(),
            Self::Rename(rename) => rename.text(),
            Self::HoldsUp(HoldsUp { steps }) => match steps.len() {
                1 => format!("{} waits for it, and is not touched if this fails", names(steps)),
                count => format!(
                    "{count} steps wait for it, and are not carried out if this fails: {}",
                    names(steps)
                ),
            },
            Self::HowLong(how_long) => how_long.text(),
        }
    }
}

/// The first few of some names, and how many more there are.
fn names(all: &[String]) -> String {
    match all.len() {
        count if count > NAMES => format!("{} and {} more", all[..NAMES].join(", "), count - NAMES),
        _ => all.join(", "),
    }
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Container => "container",
        }
    }

    /// `1 pod`, `2 pods`.
    pub(crate) fn counted(self, count: u64) -> String {
        let name = self.name();
        match count {
            1 => format!("1 {name}"),
            count => format!("{count} {name}s"),
        }
    }
}

impl Scale {
    fn text(&self) -> String {
        let Self { unit, from, to, .. } = self;
        if *to > 0 {
            return format!("from {from} to {}", unit.counted(*to));
        }
        let what = format!("stops {}{}", unit.counted(*from), within(self.stop_seconds));
        match &self.instead {
            Some(instead) => format!("{what}; {instead}"),
            None => format!("{what}, and nothing takes the place"),
        }
    }
}

/// ` (up to 30 s)`.
fn within(seconds: Option<u64>) -> String {
    seconds.map_or_else(String::new, |seconds| format!(" (up to {seconds} s)"))
}

impl Restart {
    fn text(&self) -> String {
        let unit = self.unit.name();
        let within = within(self.stop_seconds);
        let what = match self.count {
            Some(count) => self.unit.counted(count),
            None => format!("its {unit}s"),
        };
        let single = self.count == Some(1);
        let mut text = match self.way {
            Way::Rolling { surge, unavailable } => {
                let fewest = self.count.map(|count| count.saturating_sub(unavailable));
                let fewest = match (unavailable, fewest) {
                    (0, _) => "none missing".to_owned(),
                    (_, Some(fewest)) => format!("at least {fewest} at work"),
                    (missing, None) => format!("up to {missing} missing"),
                };
                let more = match surge {
                    0 => String::new(),
                    surge => format!("up to {surge} more at a time and "),
                };
                format!("replaces {what}, with {more}{fewest}")
            }
            Way::OneByOne if single => format!("stops 1 {unit}{within}, then starts the new one"),
            Way::OneByOne => format!("replaces {what}, one at a time: each stops{within} before the new one starts"),
            Way::StartFirst if single => format!("starts the new {unit}, then stops the old one"),
            Way::StartFirst => format!("replaces {what}, one at a time: the new one starts before the old one stops"),
            Way::StopFirst if single => format!("stops 1 {unit}{within}, then starts the new one"),
            Way::StopFirst => format!("stops {what}{within}, then starts the new ones"),
        };
        if let Some(because) = &self.because {
            text.push_str(&format!(" ({because})"));
        }
        match &self.gap {
            Some(gap) => text.push_str(&format!("; {gap}")),
            None => match (self.way, self.stop_seconds) {
                (Way::Rolling { .. }, Some(seconds)) => text.push_str(&format!(
                    "; no gap expected for new connections, open ones to the old {unit}s end within {seconds} s"
                )),
                (Way::StartFirst, _) => text.push_str(&format!(
                    "; no gap expected for those that look the name up again, connections to the old {unit} break"
                )),
                _ => text.push_str("; no gap expected"),
            },
        }
        if let Some(failure) = &self.failure {
            text.push_str(&format!("; {failure}"));
        }
        text
    }
}

impl Readers {
    fn text(&self) -> String {
        let (many, who) = (self.readers.len() > 1, names(&self.readers));
        let through = match self.through {
            Through::Environment => "as environment variables",
            Through::Files | Through::FilesAtStart => "as files",
            Through::Images => "to pull images",
        };
        let sees = match (self.sees, many) {
            (Sees::Restarted, false) => "it is restarted",
            (Sees::Restarted, true) => "they are restarted",
            (Sees::AtItsNextStart, false) => "it keeps the value that it started with until it is restarted",
            (Sees::AtItsNextStart, true) => "they keep the value that they started with until they are restarted",
            (Sees::WithinAMinute, _) => "the files change within about a minute, without a restart",
            (Sees::AtItsNextRun, false) => "it gets the new value when it runs next",
            (Sees::AtItsNextRun, true) => "they get the new value when they run next",
        };
        format!("{who} {} it {through}: {sees}", if many { "read" } else { "reads" })
    }
}

impl DataEffect {
    fn text(&self) -> String {
        let size = self.size.as_ref().map_or_else(String::new, |size| format!(" ({size})"));
        let holder = format!("{}{size}", self.holder);
        match &self.fate {
            DataFate::UsedAgain => format!("{holder}: used again, with the data in it"),
            DataFate::LeftBehind => format!("{holder}: kept with the data in it, and used by nothing any more"),
            DataFate::StartsEmpty { instead_of } => format!("{holder}: new and empty{}", unused(instead_of.as_ref())),
            DataFate::Fleeting { instead_of } => format!(
                "{holder}: in an emptyDir from now on, which is empty, and lost with each pod{}",
                unused(instead_of.as_ref())
            ),
            DataFate::Grows { to } => format!("{holder}: grows to {to}, and cannot shrink again"),
            DataFate::Shared { writers } => format!("{holder}: {writers} containers write to it at the same time"),
            DataFate::KeepsSize { asked } => format!("{holder}: the size stays, though {asked} is asked for"),
        }
    }
}

/// Where the data is that was used until now.
fn unused(holder: Option<&String>) -> String {
    let said = |holder| format!("; the data stays in {holder}, and nothing uses it there any more");
    holder.map_or_else(String::new, said)
}

impl Run {
    fn text(&self) -> String {
        let again = if self.again { "runs again" } else { "runs" };
        let mut text = format!("{again}: {}", self.command);
        if let Some(tries) = self.tries.filter(|tries| *tries > 1) {
            text.push_str(&format!("; up to {tries} tries"));
        }
        if let Some(last) = &self.last {
            text.push_str(&format!("; the last run {last}"));
        }
        if self.again {
            text.push_str("; what it does is not undone by a rollback");
        }
        text
    }
}

impl Undo {
    fn text(&self) -> String {
        let paths: Vec<String> = self.paths.iter().map(ToString::to_string).collect();
        let at = match self.at {
            Some(at) => format!(" at {}", minute(at)),
            None if self.who == SOMEBODY => String::new(),
            None => " (when is not known)".to_owned(),
        };
        format!(
            "takes back what {} changed{at}: {}; to keep it, change the program",
            self.who,
            names(&paths)
        )
    }
}

impl Rename {
    fn text(&self) -> String {
        if self.is_new {
            let advice = self.advice.as_deref().unwrap_or(
                "what uses the old name loses it: leave the name as it is, or change its users as well; data that it alone \
                 holds has to be moved first",
            );
            return format!("it looks like {} under another name; {advice}", self.other);
        }
        format!("{} looks like it under another name", self.other)
    }
}

impl HowLong {
    fn text(self) -> String {
        let what = match self.step {
            StepKind::Create => "its creation",
            StepKind::Update => "its last update",
            StepKind::Replace => "its last replacement",
            StepKind::Adopt => "taking it over",
            StepKind::Delete => "its last deletion",
        };
        let said = |milliseconds| for_people(Duration::from_millis(milliseconds));
        let mut text = format!("{what} took {}", said(self.took.total()));
        let parts = [
            (self.took.ready, "until it was ready"),
            (self.took.gone, "until the old one was gone"),
        ];
        for (part, until) in parts {
            if let Some(part) = part.filter(|part| *part >= 1000 && *part < self.took.total()) {
                text.push_str(&format!(", {} of it {until}", said(part)));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Took;

    fn restart(count: Option<u64>, way: Way, gap: Option<&str>) -> Effect {
        Effect::Restart(Restart {
            unit: Unit::Pod,
            count,
            way,
            because: None,
            stop_seconds: Some(30),
            gap: gap.map(str::to_owned),
            failure: None,
        })
    }

    fn how_long(step: StepKind, there: u64, ready: Option<u64>) -> Effect {
        let took = Took {
            there,
            ready,
            gone: None,
        };
        Effect::HowLong(HowLong { step, took })
    }

    #[test]
    fn effects_are_sentences() {
        let readers = |count: usize, through, sees| {
            let readers = (0..count).map(|number| format!("Deployment web{number}")).collect();
            Effect::Readers(Readers { readers, through, sees })
        };
        for (effect, expected) in [
            (
                restart(
                    Some(2),
                    Way::Rolling {
                        surge: 1,
                        unavailable: 0,
                    },
                    None,
                ),
                "replaces 2 pods, with up to 1 more at a time and none missing; no gap expected for new connections, open ones to \
                 the old pods end within 30 s",
            ),
            (
                restart(
                    Some(4),
                    Way::Rolling {
                        surge: 0,
                        unavailable: 1,
                    },
                    None,
                ),
                "replaces 4 pods, with at least 3 at work; no gap expected for new connections, open ones to the old pods end \
                 within 30 s",
            ),
            (
                restart(
                    Some(1),
                    Way::OneByOne,
                    Some("nothing serves until the new one is ready"),
                ),
                "stops 1 pod (up to 30 s), then starts the new one; nothing serves until the new one is ready",
            ),
            (
                restart(None, Way::StopFirst, None),
                "stops its pods (up to 30 s), then starts the new ones; no gap expected",
            ),
            (
                readers(1, Through::Environment, Sees::AtItsNextStart),
                "Deployment web0 reads it as environment variables: it keeps the value that it started with until it is restarted",
            ),
            (
                readers(7, Through::Files, Sees::WithinAMinute),
                "Deployment web0, Deployment web1, Deployment web2, Deployment web3, Deployment web4 and 2 more read it \
                 as files: the files change within about a minute, without a restart",
            ),
            (
                Effect::Run(Run {
                    command: "alembic upgrade head".to_owned(),
                    again: true,
                    tries: Some(7),
                    last: Some("completed".to_owned()),
                }),
                "runs again: alembic upgrade head; up to 7 tries; the last run completed; what it does is not undone by \
                 a rollback",
            ),
            (
                Effect::Data(DataEffect {
                    holder: "claim shop/data-db-0".to_owned(),
                    size: Some("1Gi".to_owned()),
                    fate: DataFate::LeftBehind,
                }),
                "claim shop/data-db-0 (1Gi): kept with the data in it, and used by nothing any more",
            ),
            (
                how_long(StepKind::Create, 1_200, Some(10_900)),
                "its creation took 12 s, 10 s of it until it was ready",
            ),
            (
                Effect::Undo(Undo {
                    who: "kubectl-edit".to_owned(),
                    at: "2026-11-30T18:02:59Z".parse().ok(),
                    paths: vec![crate::value::FieldPath::fields(["spec", "replicas"])],
                }),
                "takes back what kubectl-edit changed at 2026-11-30 18:02 UTC: spec.replicas; to keep it, change the \
                 program",
            ),
            (
                Effect::Scale(Scale {
                    unit: Unit::Pod,
                    from: 2,
                    to: 0,
                    stop_seconds: Some(30),
                    instead: Some("Service web finds others".to_owned()),
                }),
                "stops 2 pods (up to 30 s); Service web finds others",
            ),
            (how_long(StepKind::Delete, 4_000, None), "its last deletion took 4 s"),
            (how_long(StepKind::Update, 1_000, Some(20)), "its last update took 1 s"),
        ] {
            assert_eq!(effect.text(), expected);
        }
    }

    #[test]
    fn what_can_hurt_is_a_risk() {
        use crate::provider::RiskKind;
        let kind = |effect: &Effect| effect.risk().map(|risk| risk.kind);
        assert_eq!(
            kind(&restart(Some(1), Way::StopFirst, Some("a gap"))),
            Some(RiskKind::Downtime)
        );
        assert_eq!(kind(&restart(Some(1), Way::StartFirst, None)), None);
        assert_eq!(kind(&Effect::exposure("on every node")), Some(RiskKind::Exposure));
        assert_eq!(kind(&Effect::other("a fact")), None);
    }
}
