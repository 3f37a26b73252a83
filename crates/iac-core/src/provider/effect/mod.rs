//! Effects: the consequences of a step for the running system, beside the fields that it changes.
//!
//! A provider derives effects from a whole plan ([`Provider::effects`](super::Provider::effects)): from what is declared,
//! recorded and there, without a call to its system. The engine adds those that follow from the plan alone. Effects are
//! facts for a reviewer; one that can hurt is also a [`Risk`].

mod host;
mod image;
mod item;
mod text;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::host::{names_host, names_port};
pub use self::image::other_repository;
pub use self::item::{PlanItem, Transition};
pub(crate) use self::text::{HOW_LONG, SOMEBODY};
use super::{Risk, RiskKind};
use crate::state::{StepKind, Took};

/// A consequence of a step for the running system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Effect {
    /// Pods or containers are stopped, and started again in their new form.
    Restart(Restart),
    /// More or fewer of the same run.
    Scale(Scale),
    /// Others use the value that changes.
    Readers(Readers),
    /// Data is kept, left, resized or missing.
    Data(DataEffect),
    /// A program runs once.
    Run(Run),
    /// Something that stays names something that goes.
    BrokenReference(BrokenReference),
    /// There is a new way in from outside.
    Exposure(Said),
    /// A way in from outside goes, though what it led to stays.
    Closed(Said),
    /// Somebody may do more than before.
    Privilege(Said),
    /// A change that somebody else made is taken back.
    Undo(Undo),
    /// It looks like another resource under a new name.
    Rename(Rename),
    /// Other steps wait for this one.
    HoldsUp(HoldsUp),
    /// The same kind of step has been timed before.
    HowLong(HowLong),
    /// Anything else worth a line.
    Other(Said),
}

/// A fact in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The fact, without a full stop.
    pub message: String,
}

/// The unit in which restarts are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// A pod.
    Pod,
    /// A container.
    Container,
}

/// Pods or containers are stopped, and started again in their new form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restart {
    /// The unit that is restarted.
    pub unit: Unit,
    /// The number of them; none where that is not known, one for each node for example.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The order of stopping and starting.
    pub way: Way,
    /// Why in this way, where there is a choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// The longest time that one of them may take to stop, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_seconds: Option<u64>,
    /// Why nobody is served for a while; none where no gap is expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
    /// The state that is left if the new ones do not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// The order in which pods or containers are stopped and started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "order")]
pub enum Way {
    /// Step by step.
    Rolling {
        /// The number of additional ones that there may be meanwhile.
        surge: u64,
        /// The number of those that may be missing meanwhile.
        unavailable: u64,
    },
    /// One after the other; each stops before its successor starts.
    OneByOne,
    /// A new one starts before the old one stops, one after the other.
    StartFirst,
    /// All stop before the new ones start.
    StopFirst,
}

/// More or fewer of the same run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// The unit.
    pub unit: Unit,
    /// The number that runs until now.
    pub from: u64,
    /// The number that runs afterwards.
    pub to: u64,
    /// The longest time that one of them may take to stop, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_seconds: Option<u64>,
    /// The successor of those that go, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
}

/// Others use the value that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readers {
    /// The readers, by their names in the outside world.
    pub readers: Vec<String>,
    /// The way in which they read it: `environment`, `files`.
    pub through: Through,
    /// When they see the new value.
    pub sees: Sees,
}

/// A way of reading a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Through {
    /// As variables of its environment, read at its start.
    Environment,
    /// As files, which follow.
    Files,
    /// As files that are put there at its start.
    FilesAtStart,
    /// As the credentials for its images.
    Images,
}

/// When a reader sees a new value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sees {
    /// At once: this plan restarts it.
    Restarted,
    /// Once somebody restarts it; it keeps the old value until then.
    AtItsNextStart,
    /// In about a minute, if it reads the file again.
    WithinAMinute,
    /// When it runs next.
    AtItsNextRun,
}

/// The consequence of a step for some data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataEffect {
    /// The claim or volume, for people: `claim shop/data-db-0`.
    pub holder: String,
    /// The amount of room that there is: `10Gi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// Its fate.
    pub fate: DataFate,
}

/// The fate of data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "fate")]
pub enum DataFate {
    /// It stays, and what is new uses it.
    UsedAgain,
    /// It stays, and nothing uses it any more.
    LeftBehind,
    /// It is new, and empty.
    StartsEmpty {
        /// What had the data until now, and stays with it, where there is such a thing: `volume shop_data`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instead_of: Option<String>,
    },
    /// It is new and empty, and what is written there is lost whenever what uses it ends.
    Fleeting {
        /// What had the data until now, and stays with it, where there is such a thing: `claim shop/media (64Mi)`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instead_of: Option<String>,
    },
    /// Several containers write to it at the same time.
    Shared {
        /// How many do.
        writers: u64,
    },
    /// It gets more room.
    Grows {
        /// The amount of room that it has then.
        to: String,
    },
    /// It was to get another size, and stays as it is.
    KeepsSize {
        /// The size that the program asks for.
        asked: String,
    },
}

/// A program runs once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The command, for people.
    pub command: String,
    /// True if it has run before.
    pub again: bool,
    /// The largest number of tries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tries: Option<u64>,
    /// The result of the last run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
}

/// Something that stays names something that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenReference {
    /// The object that stays, by its name in the outside world.
    pub holder: String,
    /// The field that names it.
    pub path: crate::value::FieldPath,
    /// The object that goes.
    pub names: String,
}

/// A change that somebody else made is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// The author of the change, as far as that is known.
    pub who: String,
    /// When the author last wrote the object, as far as the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The fields.
    pub paths: Vec<crate::value::FieldPath>,
}

/// It looks like another resource under a new name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rename {
    /// The other name, in the outside world.
    pub other: String,
    /// True on the step that makes the new one.
    pub is_new: bool,
    /// What to do to keep what the old one has, where there is a better word than the one for all kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// Other steps wait for this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldsUp {
    /// Those that wait for it, by their names in the outside world.
    pub steps: Vec<String>,
}

/// The time that the same kind of step took with the same resource, in the newest run in which it came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HowLong {
    /// The kind of step.
    pub step: StepKind,
    /// The time that it took, in milliseconds.
    #[serde(flatten)]
    pub took: Took,
}

impl Effect {
    /// A new way in, in words.
    pub fn exposure(message: impl Into<String>) -> Self {
        Self::Exposure(Said {
            message: message.into(),
        })
    }

    /// A way in that goes, in words.
    pub fn closed(message: impl Into<String>) -> Self {
        Self::Closed(Said {
            message: message.into(),
        })
    }

    /// A new right, in words.
    pub fn privilege(message: impl Into<String>) -> Self {
        Self::Privilege(Said {
            message: message.into(),
        })
    }

    /// Anything else, in words.
    pub fn other(message: impl Into<String>) -> Self {
        Self::Other(Said {
            message: message.into(),
        })
    }

    /// The risk that it is, if it can hurt.
    pub fn risk(&self) -> Option<Risk> {
        let kind = match self {
            Self::Restart(Restart { gap: Some(_), .. }) => RiskKind::Downtime,
            Self::Scale(Scale { to: 0, .. }) => RiskKind::Downtime,
            Self::Data(DataEffect {
                fate: DataFate::Fleeting { .. } | DataFate::Shared { .. },
                ..
            }) => RiskKind::DataLoss,
            Self::Data(DataEffect {
                fate: DataFate::StartsEmpty { .. },
                ..
            }) => RiskKind::EmptyData,
            Self::Closed(_) => RiskKind::Downtime,
            Self::BrokenReference(_) => RiskKind::BrokenReference,
            Self::Exposure(_) => RiskKind::Exposure,
            Self::Privilege(_) => RiskKind::Privilege,
            Self::Undo(_) => RiskKind::Undo,
            _ => return None,
        };
        Some(Risk {
            kind,
            message: self.text(),
        })
    }

    /// The texts in it that come from outside, for whoever has to hide something in them.
    pub(crate) fn texts(&mut self) -> Vec<&mut String> {
        match self {
            Self::Restart(restart) => {
                let texts = restart.gap.iter_mut().chain(&mut restart.failure);
                texts.chain(&mut restart.because).collect()
            }
            Self::Scale(scale) => scale.instead.iter_mut().collect(),
            Self::HowLong(_) => Vec::new(),
            Self::Readers(readers) => readers.readers.iter_mut().collect(),
            Self::Data(data) => {
                let fate = match &mut data.fate {
                    DataFate::Grows { to } => Some(to),
                    DataFate::KeepsSize { asked } => Some(asked),
                    DataFate::StartsEmpty { instead_of } | DataFate::Fleeting { instead_of } => instead_of.as_mut(),
                    DataFate::UsedAgain | DataFate::LeftBehind | DataFate::Shared { .. } => None,
                };
                [&mut data.holder]
                    .into_iter()
                    .chain(&mut data.size)
                    .chain(fate)
                    .collect()
            }
            Self::Run(run) => [&mut run.command].into_iter().chain(&mut run.last).collect(),
            Self::BrokenReference(broken) => vec![&mut broken.holder, &mut broken.names],
            Self::Exposure(said) | Self::Closed(said) | Self::Privilege(said) | Self::Other(said) => {
                vec![&mut said.message]
            }
            Self::Undo(undo) => vec![&mut undo.who],
            Self::Rename(rename) => [&mut rename.other].into_iter().chain(&mut rename.advice).collect(),
            Self::HoldsUp(holds) => holds.steps.iter_mut().collect(),
        }
    }
}
