//! How many containers a part has.

/// How many containers a part has.
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

/// What an autoscaler looks at: the average use of all containers, in percent of what they ask for.
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
