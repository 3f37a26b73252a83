//! The number of containers of a part.

use serde::{Deserialize, Serialize};

/// The number of containers of a part: fixed, or between limits by its load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scale {
    Fixed(u32),
    Auto { min: u32, max: u32, by: Vec<Autoscale> },
}

impl Default for Scale {
    fn default() -> Self {
        Self::Fixed(1)
    }
}

/// A metric that an autoscaler looks at: the average use of all containers, in percent of what they ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Autoscale {
    pub(crate) resource: &'static str,
    pub(crate) percent: u8,
}

impl Autoscale {
    /// So many percent of the requested processor time.
    pub fn cpu(percent: u8) -> Self {
        Self {
            resource: "cpu",
            percent,
        }
    }

    /// So many percent of the requested memory.
    pub fn memory(percent: u8) -> Self {
        Self {
            resource: "memory",
            percent,
        }
    }
}

/// Whether and how far the number of containers follows the load, for [`Web::autoscale`](crate::Web::autoscale): a field of a
/// program's settings, such as `autoscale: Autoscaler = Autoscaler::to(10).cpu(70)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Autoscaler {
    /// Whether it does.
    pub enabled: bool,
    /// The largest number.
    pub max: u32,
    /// See [`Autoscale::cpu`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u8>,
    /// See [`Autoscale::memory`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u8>,
}

impl Autoscaler {
    /// At most so many.
    pub const fn to(max: u32) -> Self {
        Self {
            enabled: true,
            max,
            cpu: None,
            memory: None,
        }
    }

    /// As [`Autoscale::cpu`].
    #[must_use]
    pub const fn cpu(mut self, percent: u8) -> Self {
        self.cpu = Some(percent);
        self
    }

    /// As [`Autoscale::memory`].
    #[must_use]
    pub const fn memory(mut self, percent: u8) -> Self {
        self.memory = Some(percent);
        self
    }

    /// The metrics that it looks at.
    pub(crate) fn by(self) -> impl Iterator<Item = Autoscale> {
        let by = [self.cpu.map(Autoscale::cpu), self.memory.map(Autoscale::memory)];
        by.into_iter().flatten()
    }
}
