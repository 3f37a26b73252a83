//! The meaning of a YAML text without quotes: nothing, true or false, a number, or the text itself.

use super::tree::Data;

/// Reads a text without quotes, by the rules of the YAML library of docker compose.
///
/// # Errors
/// For a date, which compose refuses as well.
pub(super) fn plain(text: &str) -> Result<Data, String> {
    let data = match text {
        "" | "~" | "null" | "Null" | "NULL" => Data::Null,
        "true" | "True" | "TRUE" => Data::Flag(true),
        "false" | "False" | "FALSE" => Data::Flag(false),
        ".nan" | ".NaN" | ".NAN" => Data::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Data::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Data::Float(f64::NEG_INFINITY),
        text if is_date(text) => return Err(format!("{text} is read as a date; put it into quotes")),
        text => number(text).unwrap_or_else(|| Data::Text(text.to_owned())),
    };
    Ok(data)
}

fn number(text: &str) -> Option<Data> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    let plain = text.replace('_', "");
    if let Some(whole) = integer(&plain) {
        return Some(Data::Int(whole));
    }
    // A number that fits none of our types is still one that is written out.
    if let Some(large) = plain.parse::<u64>().ok().filter(|_| !plain.starts_with('0')) {
        return Some(Data::Text(large.to_string()));
    }
    is_float(&plain).then(|| plain.parse().ok().map(Data::Float)).flatten()
}

/// A whole number in base 10, or in another with its prefix: `0x`, `0b`, `0o`, and `0` as in YAML 1.1.
fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (digits, radix) = match lower.get(..2) {
        Some("0x") => (&lower[2..], 16),
        Some("0b") => (&lower[2..], 2),
        Some("0o") => (&lower[2..], 8),
        Some(two) if two.starts_with('0') => (&lower[1..], 8),
        _ => (lower.as_str(), 10),
    };
    let is_plain = digits.starts_with(|c: char| c.is_ascii_alphanumeric());
    let value = is_plain.then(|| i64::from_str_radix(digits, radix).ok()).flatten()?;
    Some(sign * value)
}

fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_mantissa = match mantissa.split_once('.') {
        Some(("", after)) => are_digits(after),
        Some((before, after)) => are_digits(before) && (after.is_empty() || are_digits(after)),
        None => are_digits(mantissa),
    };
    is_mantissa && exponent.is_none_or(|text| are_digits(text.strip_prefix(['+', '-']).unwrap_or(text)))
}

/// True if it begins as `2024-01-01` does, with nothing or a time behind it.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let day = digits(rest);
    let is_day = (1..=2).contains(&day);
    let after = rest.get(day..).unwrap_or_default();
    let is_time =
        after.starts_with(['T', 't', ' ']) && after[1..].trim_start().starts_with(|c: char| c.is_ascii_digit());
    let are_fields =
        year.len() == 4 && digits(year) == 4 && digits(month) == month.len() && (1..=2).contains(&month.len());
    are_fields && is_day && (after.is_empty() || is_time)
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn texts_without_quotes() {
        let table = [
            ("", "null"),
            ("~", "null"),
            ("true", "true"),
            ("yes", "\"yes\""),
            ("no", "\"no\""),
            ("1", "1"),
            ("-7", "-7"),
            ("0755", "493"),
            ("0o17", "15"),
            ("0x1F", "31"),
            ("1_000", "1000"),
            ("08", "8.0"),
            ("1.10", "1.1"),
            ("1e3", "1000.0"),
            (".5", "0.5"),
            ("1.2.3", "\"1.2.3\""),
            ("22:22", "\"22:22\""),
            ("-", "\"-\""),
            ("1-2", "\"1-2\""),
            ("0x", "\"0x\""),
            ("2024-1", "\"2024-1\""),
        ];
        for (text, expected) in table {
            let data = plain(text).unwrap_or_else(|error| panic!("{error}"));
            let found = super::super::tree::Node::new(data, super::super::tree::At::default()).to_json();
            assert_eq!(found.to_string(), expected, "{text:?}");
        }
        for text in ["2024-01-01", "2024-1-1", "2001-12-14t21:59:43", "2001-12-14 21:59:43"] {
            assert!(plain(text).is_err(), "{text}");
        }
    }
}
