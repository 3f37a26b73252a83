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

/// True if a text names a port of a host: behind the host, or as the one of a URL that gives none.
pub fn names_port(text: &str, host: &str, port: u16) -> bool {
    text.match_indices(host).any(|(start, _)| {
        let (before, after) = (&text[..start], &text[start + host.len()..]);
        if before.chars().next_back().is_some_and(is_name) {
            return false;
        }
        match after.strip_prefix(':') {
            Some(given) => {
                let end = given.find(|c: char| !c.is_ascii_digit()).unwrap_or(given.len());
                given[..end].parse() == Ok(port)
            }
            None if after.chars().next().is_some_and(is_name) => false,
            None => {
                let of_scheme = |scheme: &str| before.rsplit(scheme).next().is_some_and(|user| !user.contains('/'));
                (port == 80 && before.contains("http://") && of_scheme("http://"))
                    || (port == 443 && before.contains("https://") && of_scheme("https://"))
            }
        }
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

    #[test]
    fn ports_are_those_that_are_given_or_meant() {
        for (text, port, expected) in [
            ("http://web:80/", 80, true),
            ("http://web:8080/", 80, false),
            ("http://web/", 80, true),
            ("http://web", 80, true),
            ("http://a:b@web/x", 80, true),
            ("https://web/", 80, false),
            ("https://web/", 443, true),
            ("http://other/web", 80, false),
            ("web:80", 80, true),
            ("web:801", 80, false),
            ("my-web:80", 80, false),
            ("web-2:80", 80, false),
            ("web", 80, false),
        ] {
            assert_eq!(names_port(text, "web", port), expected, "{text}");
        }
    }
}
