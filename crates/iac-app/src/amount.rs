//! Processor time and memory, as Kubernetes writes them: `500m`, `2`, `512Mi`, `1.5Gi`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// The text is no amount of processor time.
    #[error("{0:?} is no amount of processor time: write cores (\"2\", \"0.5\") or thousandths of one (\"500m\")")]
    Cpu(String),
    /// The text is no amount of memory.
    #[error("{0:?} is no amount of memory: write bytes with a unit (\"512Mi\", \"1.5Gi\", \"1G\")")]
    Memory(String),
}

/// Processor time in thousandths of a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cpu(u32);

impl Cpu {
    /// So many thousandths of a core.
    pub const fn millis(millis: u32) -> Self {
        Self(millis)
    }

    /// It in cores.
    pub fn cores(self) -> f64 {
        f64::from(self.0) / 1000.0
    }

    /// It as a share of the processor in competition with others, where a core is 1024: what a kubelet makes of a request.
    pub(crate) fn shares(self) -> i64 {
        (i64::from(self.0) * 1024 / 1000).max(2)
    }
}

impl FromStr for Cpu {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let millis = match text.strip_suffix('m') {
            Some(millis) => millis.parse().ok(),
            None => text.parse().ok().and_then(thousandths),
        };
        let wrong = || AmountError::Cpu(text.to_owned());
        millis.filter(|millis| *millis > 0).map(Self).ok_or_else(wrong)
    }
}

/// Cores in whole thousandths, which is as fine as Kubernetes takes them.
fn thousandths(cores: f64) -> Option<u32> {
    let millis = cores * 1000.0;
    let fits = (0.0..=f64::from(u32::MAX)).contains(&millis) && (millis - millis.round()).abs() < 1e-6;
    // The range is checked.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fits.then_some(millis.round() as u32)
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % 1000 {
            0 => write!(f, "{}", self.0 / 1000),
            _ => write!(f, "{}m", self.0),
        }
    }
}

/// Memory in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Memory(u64);

/// The units of memory, the longer ones first.
const UNITS: [(&str, u64); 9] = [
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("k", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("", 1),
];

impl Memory {
    /// So many times 1024 × 1024 bytes.
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// It in bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Memory {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (number, factor) = UNITS
                .iter()
                .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))?;
            let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
            let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
            let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
                return None;
            }
            let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
            let bytes = digits.checked_mul(u128::from(factor))? / scale;
            u64::try_from(bytes).ok().filter(|bytes| *bytes > 0)
        };
        read().map(Self).ok_or_else(|| AmountError::Memory(text.to_owned()))
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let binary = UNITS[..4].iter().rev();
        let unit = binary.clone().find(|(_, factor)| self.0.is_multiple_of(*factor));
        match unit {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}", self.0),
        }
    }
}

macro_rules! as_text {
    ($($type:ident),*) => {$(
        impl TryFrom<String> for $type {
            type Error = AmountError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(amount: $type) -> Self {
                amount.to_string()
            }
        }
    )*};
}

as_text!(Cpu, Memory);

/// The resources that a container requests, and its limits. An amount that is not given is left to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resources {
    /// The amounts that are reserved for it.
    pub requests: Amounts,
    /// The most that it may use: it gets no more processor time, and is killed when it takes more memory.
    pub limits: Amounts,
}

/// Amounts of what a container uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Amounts {
    /// Processor time: `500m`, `2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Memory: `512Mi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
}

impl Resources {
    /// From requests and limits, each in thousandths of a core and in MiB: `Resources::of([500, 512], [2000, 2048])`.
    pub const fn of(requests: [u32; 2], limits: [u32; 2]) -> Self {
        Self {
            requests: Amounts::of(requests),
            limits: Amounts::of(limits),
        }
    }

    /// From requests and limits, each processor time and memory: `Resources::new(["500m", "512Mi"], ["2", "2Gi"])`.
    ///
    /// # Errors
    /// When a text is no amount.
    pub fn new(requests: [&str; 2], limits: [&str; 2]) -> Result<Self, AmountError> {
        Ok(Self {
            requests: Amounts::new(requests)?,
            limits: Amounts::new(limits)?,
        })
    }
}

impl Amounts {
    const fn of([millis, mib]: [u32; 2]) -> Self {
        Self {
            cpu: Some(Cpu::millis(millis)),
            memory: Some(Memory::mib(mib as u64)),
        }
    }

    fn new([cpu, memory]: [&str; 2]) -> Result<Self, AmountError> {
        Ok(Self {
            cpu: Some(cpu.parse()?),
            memory: Some(memory.parse()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_in_numbers_are_those_in_texts() {
        let texts = Resources::new(["500m", "512Mi"], ["2000m", "2Gi"]);
        assert_eq!(texts, Ok(Resources::of([500, 512], [2000, 2048])));
    }

    #[test]
    fn amounts_are_read_as_kubernetes_reads_them_and_written_back() {
        for (text, millis, written) in [
            ("500m", 500, "500m"),
            ("0.5", 500, "500m"),
            ("2", 2000, "2"),
            ("2000m", 2000, "2"),
        ] {
            let cpu: Cpu = text.parse().expect(text);
            assert_eq!((cpu, cpu.to_string().as_str()), (Cpu(millis), written));
        }
        for text in ["", "m", "-1", "0", "0.0005", "half", "1e99", "NaN"] {
            assert_eq!(text.parse::<Cpu>(), Err(AmountError::Cpu(text.to_owned())));
        }
        for (text, bytes, written) in [
            ("512Mi", 512 << 20, "512Mi"),
            ("1.5Gi", 1536 << 20, "1536Mi"),
            ("1G", 1_000_000_000, "976562500Ki"),
            ("1000", 1000, "1000"),
        ] {
            let memory: Memory = text.parse().expect(text);
            assert_eq!(memory.bytes(), bytes);
            let again: Memory = memory.to_string().parse().expect(written);
            assert_eq!(again, memory);
        }
        for text in ["", "Mi", "-1Mi", "1gb", "1.2.3Mi", "0", "99999999999999999Ti"] {
            assert_eq!(text.parse::<Memory>(), Err(AmountError::Memory(text.to_owned())));
        }
    }
}
