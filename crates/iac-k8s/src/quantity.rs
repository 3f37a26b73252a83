//! Kubernetes' numbers with units: `500m`, `1.5Gi`, `2e3`.

/// Billionths, the smallest that there is.
const ONE: i128 = 1_000_000_000;

/// The units, the longer ones first.
const UNITS: [(&str, i128); 15] = [
    ("Ki", ONE << 10),
    ("Mi", ONE << 20),
    ("Gi", ONE << 30),
    ("Ti", ONE << 40),
    ("Pi", ONE << 50),
    ("Ei", ONE << 60),
    ("n", 1),
    ("u", 1_000),
    ("m", 1_000_000),
    ("k", ONE * 1_000),
    ("M", ONE * 1_000_000),
    ("G", ONE * 1_000_000_000),
    ("T", ONE * 1_000_000_000_000),
    ("P", ONE * 1_000_000_000_000_000),
    ("E", ONE * 1_000_000_000_000_000_000),
];

/// A quantity in billionths; none for a text that is none.
pub(crate) fn parse(text: &str) -> Option<i128> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '+' | '-'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = match unit.strip_prefix(['e', 'E']).map(str::parse::<i32>) {
        Some(Ok(exponent)) => power(exponent)?,
        _ if unit.is_empty() => ONE,
        _ => UNITS.iter().find(|(known, _)| *known == unit)?.1,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let places = u32::try_from(fraction.len()).ok()?;
    digits.checked_mul(factor)?.checked_div(10_i128.checked_pow(places)?)
}

fn power(exponent: i32) -> Option<i128> {
    let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
    if exponent < 0 {
        ONE.checked_div(power)
    } else {
        ONE.checked_mul(power)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_the_same_however_it_is_written() {
        for (a, b) in [
            ("1Gi", "1024Mi"),
            ("1.5Gi", "1536Mi"),
            ("1", "1000m"),
            ("2e3", "2k"),
            ("2E3", "2000"),
            ("1E", "1000P"),
            ("0.5", "500m"),
            ("100n", "0.1u"),
        ] {
            assert!(parse(a).is_some() && parse(a) == parse(b), "{a} {b}");
        }
        assert!(parse("1G") < parse("1Gi"));
        for text in ["", "50 m", "1gi", "Gi", "1.2.3", "x"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
