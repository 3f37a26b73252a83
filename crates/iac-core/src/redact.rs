//! URLs as people may see them: the one place that takes credentials out.
//!
//! The parts that may be shown are listed, and everything else is hidden: the name of a user only where it is one by the scheme,
//! parameters only by their names. A URL that is not encoded as it should be hides too much rather than too little.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Stands for what is hidden.
const HIDDEN: &str = "***";

/// Schemes in which a name by itself before the `@` is that of an account. Elsewhere it may be a token.
const NAMED: [&str; 3] = ["postgres", "postgresql", "ssh"];

/// Parameters whose values may be shown.
const SHOWN: [&str; 22] = [
    "application_name",
    "bucket",
    "channel_binding",
    "connect_timeout",
    "context",
    "dbname",
    "endpoint",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "kubeconfig",
    "load_balance_hosts",
    "namespace",
    "port",
    "region",
    "sslmode",
    "sslnegotiation",
    "sslrootcert",
    "table",
    "target_session_attrs",
    "tcp_user_timeout",
];

/// The shortest piece of a credential that is looked for in a text about its URL.
const SHORTEST: usize = 3;

/// The depth to which URLs in URLs are followed.
const DEPTH: usize = 3;

/// A URL as a person may see it: without passwords, tokens and unknown parameters. What is no URL stays as it is, but for
/// what stands as a password before an `@`.
pub fn url(text: &str) -> String {
    shown(text, DEPTH)
}

/// A text with each URL in it as [`url`] shows it.
pub fn text(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let (mut told, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find("://") {
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let start = rest[..at]
            .rfind(|c| !is_scheme(c))
            .map_or(0, |last| last + rest[last..].chars().next().map_or(1, char::len_utf8));
        let end = rest[at..]
            .find(|c: char| c.is_whitespace() || c == '"')
            .map_or(rest.len(), |end| at + end);
        let found = rest[start..end].trim_end_matches([')', ']', '\'', '`', '.', ',', ';', ':', '>']);
        told.push_str(&rest[..start]);
        told.push_str(&url(found));
        rest = &rest[start + found.len()..];
        // Nothing but the scheme: what is left would be found again.
        if found.len() < at + 3 - start {
            break;
        }
    }
    told.push_str(rest);
    Cow::Owned(told)
}

/// A text about a URL, without what [`url`] hides of it.
pub fn about(url: &str, text: &str) -> String {
    let seen = self::url(url);
    let decoded = decode(url);
    let is_end = |c: char| c.is_whitespace() || "/?#@&=:;,".contains(c);
    let mut pieces: Vec<&str> = url.split(is_end).chain(decoded.split(is_end)).collect();
    pieces.retain(|piece| piece.len() >= SHORTEST && !seen.contains(piece));
    pieces.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
    let mut told = self::text(&text.replace(url, &seen)).into_owned();
    for piece in pieces {
        told = told.replace(piece, HIDDEN);
    }
    told
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn shown(text: &str, depth: usize) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return without_scheme(text);
    };
    let (user, rest) = authority(scheme, rest);
    let (rest, fragment) = split(rest, '#');
    let (place, query) = split(rest, '?');
    let mut told = format!("{scheme}://{user}{place}");
    if let Some(query) = query {
        told.push('?');
        told.push_str(&parameters(query, fragment, depth).join("&"));
    }
    if fragment.is_some_and(|fragment| !fragment.is_empty()) {
        told.push('#');
        told.push_str(HIDDEN);
    }
    told
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at)
        .map_or((text, None), |(before, after)| (before, Some(after)))
}

/// `me:password@host`, as somebody may give for a host.
fn without_scheme(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((user, host)) if user.contains(':') => format!("{HIDDEN}@{host}"),
        _ => text.to_owned(),
    }
}

/// Returns the part before the host, hidden, and all that follows. A password that holds `/`, `?` or `#` as they are reaches
/// beyond what counts as the authority: then all up to the last `@` is taken for it.
fn authority<'a>(scheme: &str, rest: &'a str) -> (String, &'a str) {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, beyond) = rest.split_at(end);
    let has_password = authority
        .rsplit_once('@')
        .map_or(authority, |(user, _)| user)
        .contains(':');
    if has_password && beyond.contains('@') {
        let (_, rest) = rest.rsplit_once('@').unwrap_or(("", ""));
        return (format!("{HIDDEN}@"), rest);
    }
    let Some((user, host)) = authority.rsplit_once('@') else {
        // A password whose `@` and host were left out, or cut off.
        return match authority.split(',').all(has_port_or_none) {
            true => (String::new(), rest),
            false => (HIDDEN.to_owned(), beyond),
        };
    };
    let rest = &rest[user.len() + 1..];
    debug_assert!(rest.starts_with(host));
    let (name, password) = split(user, ':');
    let is_name = NAMED.contains(&scheme)
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    let user = match (is_name, password) {
        (true, Some(_)) => format!("{name}:{HIDDEN}@"),
        (true, None) => format!("{name}@"),
        (false, _) => format!("{HIDDEN}@"),
    };
    (user, rest)
}

/// The parameters as they may be seen. A URL among them that is not encoded may be cut within its password: its `@` comes
/// later then, and nothing of it is shown.
fn parameters(query: &str, fragment: Option<&str>, depth: usize) -> Vec<String> {
    let mut is_cut = fragment.is_some_and(|fragment| fragment.contains('@'));
    let mut told = Vec::new();
    for text in query.rsplit(['&', ';']) {
        told.push(match text.split_once('=') {
            Some((name, value)) if is_cut && value.contains(':') => parameter(&format!("{name}=://"), 0),
            _ => parameter(text, depth),
        });
        is_cut |= text.contains('@');
    }
    told.reverse();
    told
}

/// True if what follows the last colon of a host is a port.
fn has_port_or_none(host: &str) -> bool {
    match host.rsplit_once(':') {
        Some(_) if host.ends_with(']') => true,
        Some((_, port)) => port.bytes().all(|byte| byte.is_ascii_digit()),
        None => true,
    }
}

fn parameter(text: &str, depth: usize) -> String {
    let (name, value) = split(text, '=');
    let is_plain = name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'-');
    match value {
        Some(value) if SHOWN.contains(&name) => match depth.checked_sub(1) {
            Some(depth) => format!("{name}={}", shown(&decode(value), depth)),
            None => format!("{name}={HIDDEN}"),
        },
        Some(_) if is_plain && name.len() <= 32 => format!("{name}={HIDDEN}"),
        None if name.is_empty() => String::new(),
        _ => HIDDEN.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn credentials_are_hidden_and_places_are_shown() {
        for (given, expected) in [
            ("postgres://me:s3cret@host/db", "postgres://me:***@host/db"),
            ("postgres://me:p@ss@host/db", "postgres://me:***@host/db"),
            ("postgres://me:p@ss@host/db?x=a@b", "postgres://***@b"),
            ("postgres://me:p/w@host/db", "postgres://***@host/db"),
            ("postgres://me:p?w#@host/db", "postgres://***@host/db"),
            (
                "postgres://me@host/db?sslmode=prefer",
                "postgres://me@host/db?sslmode=prefer",
            ),
            (
                "postgres://host/db?user=me&password=x",
                "postgres://host/db?user=***&password=***",
            ),
            ("postgres://host/db?%70assword=x", "postgres://host/db?***"),
            ("s3://KEY:SECRET@bucket/a", "s3://***@bucket/a"),
            (
                "s3://bucket/a?endpoint=http://u:p@h:9000&region=eu",
                "s3://bucket/a?endpoint=http://***@h:9000&region=eu",
            ),
            (
                "s3://bucket?endpoint=http%3A%2F%2Fu%3Ap%40h",
                "s3://bucket?endpoint=http://***@h",
            ),
            (
                "s3://bucket?endpoint=http://h/?token=x;region=eu",
                "s3://bucket?endpoint=http://h/?token=***&region=eu",
            ),
            (
                "https://ghp_token@host/x?token=t#secret",
                "https://***@host/x?token=***#***",
            ),
            ("http://u:p@proxy:3128", "http://***@proxy:3128"),
            ("tcp://10.0.0.1:2375", "tcp://10.0.0.1:2375"),
            ("ssh://me@far:22/run/docker.sock", "ssh://me@far:22/run/docker.sock"),
            ("unix:///var/run/docker.sock", "unix:///var/run/docker.sock"),
            ("https://[::1]:6443", "https://[::1]:6443"),
            ("postgres://a:1,b:2/db", "postgres://a:1,b:2/db"),
            ("postgres://me:secret/db", "postgres://***/db"),
            ("me:secret@host:2375", "***@host:2375"),
            ("state/a", "state/a"),
        ] {
            assert_eq!(url(given), expected, "{given}");
        }
    }

    #[test]
    fn urls_in_texts_are_found() {
        for (given, expected) in [
            ("nothing here", "nothing here"),
            (
                "cannot reach (http://u:p@h:1/x), twice: \"s3://a:b@c\".",
                "cannot reach (http://***@h:1/x), twice: \"s3://***@c\".",
            ),
            ("é http://h?token=x é", "é http://h?token=*** é"),
            ("://", "://"),
            ("a://) b://", "a://) b://"),
        ] {
            assert_eq!(text(given), expected, "{given}");
        }
        let told = about("postgres://u:p?CANARY@h", "unknown option `CANARY@h`");
        assert_eq!(told, "unknown option `***@h`");
    }

    /// The characters of passwords, including those that should be encoded and are not.
    const AWKWARD: &str = "[a-z0-9@:/?#&=%;+!$ _.-]{0,8}";

    proptest! {
        #[test]
        fn a_password_is_never_shown(
            scheme in "postgres|s3|http|https|tcp|ssh|docker",
            user in "[a-z]{0,6}",
            before in AWKWARD,
            after in AWKWARD,
            host in "[a-z]{1,6}(:[0-9]{1,4})?",
            rest in "(/[a-z]{0,4}){0,2}(\\?sslmode=prefer)?",
        ) {
            let given = format!("{scheme}://{user}:{before}CANARY{after}@{host}{rest}");
            prop_assert!(!url(&given).contains("CANARY"), "{given}");
            prop_assert!(!about(&given, &format!("{given} is wrong")).contains("CANARY"), "{given}");
            let nested = format!("s3://bucket?endpoint={given}&region=eu");
            prop_assert!(!url(&nested).contains("CANARY"), "{nested}");
        }

        #[test]
        fn an_unknown_parameter_is_never_shown(
            scheme in "postgres|s3|http|kubernetes",
            name in "password|token|secret|x-amz-signature|key|[a-z]{1,3}",
            before in "[a-z0-9@:/?#=%+!$_.-]{0,8}",
        ) {
            let given = format!("{scheme}://host/path?region=eu&{name}={before}CANARY&table=t");
            prop_assert!(!url(&given).contains("CANARY"), "{given}");
        }
    }
}
