//! Host names in texts: whether the value of a variable, or a configuration, says that something is asked at a host.

/// Words in the name of a variable that say that its value is an address.
const ADDRESSES: [&str; 8] = ["HOST", "HOSTS", "URL", "URI", "ADDR", "ADDRESS", "SERVER", "ENDPOINT"];

/// True if a text names a host: as the host of a URL, with a port, or alone in a variable that is an address.
pub fn names_host(text: &str, host: &str, variable: Option<&str>) -> bool {
    if text == host {
        let words = variable.unwrap_or_default().to_ascii_uppercase();
        return words
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|word| ADDRESSES.contains(&word));
    }
    text.match_indices(host).any(|(start, _)| {
        let (before, after) = (&text[..start], &text[start + host.len()..]);
        let is_url = before.ends_with("//") || before.ends_with('@');
        let alone = before.chars().next_back().is_none_or(|c| !is_name(c));
        let ends = after.chars().next().is_none_or(|c| !is_name(c));
        let mut port = after.strip_prefix(':').unwrap_or_default().chars();
        let has_port = port.next().is_some_and(|c| c.is_ascii_digit());
        ends && (is_url || alone && has_port)
    })
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_from_other_words() {
        for (text, variable, expected) in [
            ("postgres://a:b@db:5432/shop", None, true),
            ("http://db/x", None, true),
            ("http://db", None, true),
            ("db:5432", None, true),
            ("server db:5432;", None, true),
            ("db", Some("DB_HOST"), true),
            ("db", Some("DATABASE_URL"), true),
            ("db", Some("DB_NAME"), false),
            ("postgres://a:b@host/db", None, false),
            ("other-db:5432", None, false),
            ("db-2:5432", None, false),
            ("db.other:5432", None, false),
            ("a db: x", None, false),
        ] {
            assert_eq!(names_host(text, "db", variable), expected, "{text} in {variable:?}");
        }
    }
}
