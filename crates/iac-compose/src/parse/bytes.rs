//! Byte sizes as compose writes them: `512m`, `1.5gb`, `64kb`; every unit is a power of 1024.

/// Why a text is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no size; write a number with b, k, m, g, t or p (1024-based), such as \"512m\"")]
pub struct BytesError(String);

const UNITS: [(&str, u64); 6] = [
    ("p", 1 << 50),
    ("t", 1 << 40),
    ("g", 1 << 30),
    ("m", 1 << 20),
    ("k", 1 << 10),
    ("b", 1),
];

/// The number of bytes that a text means.
///
/// # Errors
/// When there is no number, an unknown unit, or more than `i64::MAX` bytes.
pub fn parse(text: &str) -> Result<u64, BytesError> {
    let fail = || BytesError(text.to_owned());
    let trimmed = text.trim().to_ascii_lowercase();
    let split = trimmed
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(split);
    let factor = match unit.trim() {
        "" | "b" => 1,
        unit => {
            let letter = unit.strip_suffix("ib").or(unit.strip_suffix('b')).unwrap_or(unit);
            let known = UNITS.iter().find(|(name, _)| *name == letter && letter != "b");
            known.map(|(_, factor)| *factor).ok_or_else(fail)?
        }
    };
    if let Ok(whole) = number.parse::<u64>() {
        let bytes = whole.checked_mul(factor).filter(|bytes| i64::try_from(*bytes).is_ok());
        return bytes.ok_or_else(fail);
    }
    let fraction: f64 = number.parse().map_err(|_| fail())?;
    let bytes = fraction * factor as f64;
    if bytes < i64::MAX as f64 {
        Ok(bytes as u64)
    } else {
        Err(fail())
    }
}

/// The shortest text that means exactly this many bytes.
pub fn format(bytes: u64) -> String {
    let fits = UNITS
        .iter()
        .find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor));
    match fits {
        Some((unit, factor)) => std::format!("{}{unit}", bytes / factor),
        None => std::format!("{bytes}b"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_1024_based() {
        let table: [(&str, u64); 12] = [
            ("0", 0),
            ("17", 17),
            ("17b", 17),
            ("1k", 1024),
            ("1kb", 1024),
            ("1KiB", 1024),
            ("512m", 536_870_912),
            ("512 MB", 536_870_912),
            ("1.5g", 1_610_612_736),
            ("2G", 2_147_483_648),
            ("0.5k", 512),
            ("1t", 1 << 40),
        ];
        for (text, bytes) in table {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in [
            "",
            "m",
            "-1",
            "12q",
            "1bb",
            "1mm",
            "1.2.3k",
            "99999999999999999999",
            "9999999t",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_written_form_reads_back() {
        for (bytes, text) in [
            (0, "0b"),
            (1, "1b"),
            (1536, "1536b"),
            (2048, "2k"),
            (1 << 29, "512m"),
            (3 << 30, "3g"),
        ] {
            assert_eq!(format(bytes), text);
            assert_eq!(parse(text), Ok(bytes));
        }
    }
}
