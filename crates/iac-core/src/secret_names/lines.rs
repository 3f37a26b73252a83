//! Secrets in the texts of configuration files: `password: …` of YAML, JSON and headers, `password = …` of TOML and INI,
//! `requirepass …`, `<password>…</password>`.

use std::ops::Range;

use super::inside::after_last;
use super::{SecretNames, rule};

/// A line of a text, and where it starts.
struct Line<'a> {
    text: &'a str,
    start: usize,
}

/// The values behind names that say that they are secret. What a line begins with counts in texts of several lines only:
/// `Password: required` by itself is a sentence.
pub(super) fn values(names: &SecretNames, text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let is_file = text.contains('\n');
    let mut lines = lines(text).peekable();
    while let Some(line) = lines.next() {
        found.extend(colon_values(names, &line, is_file));
        if !is_file {
            continue;
        }
        found.extend(spaced_value(names, &line));
        found.extend(word_value(names, &line));
        found.extend(tag_values(names, &line));
        if is_block(names, line.text) {
            let indent = indent(line.text);
            let mut block: Option<Range<usize>> = None;
            while let Some(next) = lines.next_if(|next| next.text.trim().is_empty() || self::indent(next.text) > indent)
            {
                let end = next.start + next.text.trim_end().len();
                let start = next.start + self::indent(next.text);
                if !next.text.trim().is_empty() {
                    block = Some(block.map_or(start, |block| block.start)..end);
                }
            }
            found.extend(block);
        }
    }
    found
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    text.split_inclusive('\n').scan(0, |start, line| {
        let found = Line {
            text: line,
            start: *start,
        };
        *start += line.len();
        Some(found)
    })
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// The text before a name that begins here: it decides whether the name may be one of a pair.
enum Before {
    /// Nothing but what begins a line: the value reaches to its end.
    Line,
    /// An opening brace or a comma: others may follow.
    Flow,
    /// A quote, around the name and its value together: a header.
    Quote(char),
    /// The name itself is quoted, so that it may stand anywhere.
    Quoted,
}

/// The name that ends at `end`, and what is before it.
fn name_before(line: &str, end: usize) -> Option<(&str, Before)> {
    let before = line[..end].trim_end_matches([' ', '\t']);
    if let Some(quote) = before.chars().next_back().filter(|c| matches!(c, '"' | '\'')) {
        let inner = before[..before.len() - 1].trim_end_matches('\\');
        let start = after_last(inner, |c| !in_name(c));
        return inner[..start]
            .ends_with(quote)
            .then_some((&inner[start..], Before::Quoted));
    }
    let start = after_last(before, |c| !in_name(c));
    // A list's dash is no part of the name.
    let name = before[start..].trim_start_matches('-');
    let lead = before[..before.len() - name.len()].trim();
    let place = match lead.chars().next_back() {
        None => Before::Line,
        Some('{' | ',') => Before::Flow,
        Some(quote @ ('"' | '\'')) => Before::Quote(quote),
        _ if lead.chars().all(|c| matches!(c, '-' | ' ')) => Before::Line,
        _ => return None,
    };
    Some((name, place))
}

/// The values behind colons.
fn colon_values(names: &SecretNames, line: &Line<'_>, is_file: bool) -> Vec<Range<usize>> {
    let value = |(at, _): (usize, &str)| {
        let (name, place) = name_before(line.text, at)?;
        let rest = &line.text[at + 1..];
        let apart = rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']);
        let is_one = apart || matches!(place, Before::Quoted);
        // Behind `auth` stands the method of signing in as often as the secret.
        let counts = is_file || !matches!(place, Before::Line);
        if !(is_one && counts) || name.eq_ignore_ascii_case("auth") || !names.is_secret(name) {
            return None;
        }
        let found = match place {
            Before::Line => plain(rest, |_| false),
            Before::Flow | Before::Quoted => plain(rest, |c| matches!(c, ',' | '}' | ']')),
            Before::Quote(quote) => plain(rest, move |c| c == quote),
        }?;
        Some(line.start + at + 1 + found.start..line.start + at + 1 + found.end)
    };
    line.text.match_indices(':').filter_map(value).collect()
}

/// `password = value` at the beginning of a line; without blanks it is found anywhere.
fn spaced_value(names: &SecretNames, line: &Line<'_>) -> Option<Range<usize>> {
    let at = line.text.find('=')?;
    let (name, place) = name_before(line.text, at)?;
    let is_first = line.text.trim_start().trim_start_matches(['"', '\'']).starts_with(name);
    let rest = &line.text[at + 1..];
    let spaced = line.text[..at].ends_with([' ', '\t']) || rest.starts_with([' ', '\t']);
    let fits = is_first && spaced && matches!(place, Before::Line | Before::Quoted) && names.is_secret(name);
    let found = plain(rest, |_| false).filter(|_| fits)?;
    Some(line.start + at + 1 + found.start..line.start + at + 1 + found.end)
}

/// `requirepass value`: a line of two words, the first of which says in itself that it is the name of a secret.
fn word_value(names: &SecretNames, line: &Line<'_>) -> Option<Range<usize>> {
    let mut words = line.text.split_whitespace();
    let (name, value, None) = (words.next()?, words.next()?, words.next()) else {
        return None;
    };
    let fits = name.chars().all(in_name) && rule::is_compound(name) && names.is_secret(name);
    let start = line.text.rfind(value).filter(|_| fits)?;
    let inner = value.trim_matches(['"', '\'']);
    let start = line.start + start + value.find(inner)?;
    Some(start..start + inner.len())
}

/// `<password>value</password>`.
fn tag_values(names: &SecretNames, line: &Line<'_>) -> Vec<Range<usize>> {
    let value = |(at, _): (usize, &str)| {
        let rest = &line.text[at + 1..];
        let end = rest.find('>')?;
        let name = &rest[..end];
        let inner = &rest[end + 1..];
        let close = inner.find("</")?;
        let fits = !name.is_empty() && name.chars().all(in_name) && names.is_secret(name);
        fits.then(|| line.start + at + 2 + end..line.start + at + 2 + end + close)
    };
    line.text.match_indices('<').filter_map(value).collect()
}

/// The value in what stands behind a name, on the same line; a plain one ends with `ends`, a comment or the line.
fn plain(rest: &str, ends: impl Fn(char) -> bool) -> Option<Range<usize>> {
    let mut start = indent(rest);
    // A tag or an anchor stands before the value.
    while rest[start..].starts_with(['!', '&']) && rest[start..].trim_end().contains([' ', '\t']) {
        let word = rest[start..].find([' ', '\t']).unwrap_or(0);
        start += word + indent(&rest[start + word..]);
    }
    let value = &rest[start..];
    let first = value.chars().next()?;
    if matches!(first, '|' | '>' | '{' | '*' | '\n' | '\r' | '#') {
        return None;
    }
    let escaped = value.strip_prefix('\\').filter(|value| value.starts_with(['"', '\'']));
    let quoted = escaped.unwrap_or(value);
    if let Some(quote @ ('"' | '\'')) = quoted.chars().next() {
        let begin = start + value.len() - quoted.len() + 1;
        let inner = &rest[begin..];
        let found = match escaped {
            Some(_) => inner.find(['\\', '\n']),
            None => closing(inner, quote),
        };
        let end = found.unwrap_or_else(|| inner.trim_end().len());
        return (end > 0).then_some(begin..begin + end);
    }
    let end = value.find(['\n', '\r']).unwrap_or(value.len());
    let value = &value[..end];
    let end = value.find(ends).unwrap_or(value.len());
    let comment = value.find(" #").or_else(|| value.find(" ;")).unwrap_or(end);
    let value = value[..end.min(comment)].trim_end();
    (!value.is_empty()).then(|| start..start + value.len())
}

/// Where a quoted text ends; a quote behind a backslash, or a single one that is doubled, is part of it.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && quote == '"' {
            chars.next();
        } else if c == quote {
            match chars.peek() {
                Some((_, next)) if quote == '\'' && *next == quote => {
                    chars.next();
                }
                _ => return Some(at),
            }
        }
    }
    None
}

/// True if the value of a secret name follows as a block: `password: |`.
fn is_block(names: &SecretNames, line: &str) -> bool {
    let line = line.split(" #").next().unwrap_or_default().trim_end();
    let Some((head, style)) = line.rsplit_once(':') else {
        return false;
    };
    let style = style.trim();
    let is_style = style.starts_with(['|', '>']) && style[1..].chars().all(|c| matches!(c, '+' | '-' | '1'..='9'));
    let name = name_before(line, head.len()).map(|(name, _)| name);
    is_style && name.is_some_and(|name| names.is_secret(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_configuration_files_are_found() {
        let table: [(&str, &[&str]); 34] = [
            ("db:\n  host: x\n  password: hunter2\n", &["hunter2"]),
            ("password: \"hun: ter2\" # theirs", &["hun: ter2"]),
            ("password: 'it''s'", &["it''s"]),
            ("password: correct horse # four words", &["correct horse"]),
            ("- token: abc\n- name: x\n", &["abc"]),
            ("--- \npassword: !!str &a hunter2", &["hunter2"]),
            ("password: *a\npassword:\ntoken: ~\n", &["~"]),
            ("{user: app, password: hunter2, port: 1}", &["hunter2"]),
            ("{\"user\": \"app\", \"password\": \"hun\\\"ter2\"}", &["hun\\\"ter2"]),
            ("{\"password\":\"hunter2\",\"pin\":1}", &["hunter2"]),
            ("{\"token\": 4711}", &["4711"]),
            ("curl -d '{\\\"password\\\":\\\"hunter2\\\"}'", &["hunter2"]),
            ("curl -H \"Authorization: Bearer abc\" x", &["Bearer abc"]),
            ("Authorization: Basic YTpi", &["Basic YTpi"]),
            ("private_key: |-\n  one\n\n  two\nnext: x", &["one\n\n  two"]),
            ("a:\n  token: >\n    one\n  next: x", &["one"]),
            ("password = hunter2\nuser = app", &["hunter2"]),
            ("password = \"hunter2\" # x", &["hunter2"]),
            ("password = hun ter2 ; x", &["hun ter2"]),
            ("\"client_secret\" = 'x y'", &["x y"]),
            ("spring.datasource.password: hunter2", &["hunter2"]),
            ("requirepass hunter2\nport 6379", &["hunter2"]),
            ("masterauth \"hunter2\"", &["hunter2"]),
            ("<password>hunter2</password>", &["hunter2"]),
            ("ü: é\npassword: é\n", &["é"]),
            // None of these holds a secret.
            ("auth: basic\ntoken_ttl: 5m\npassword_file: /x\n", &[]),
            ("Enter your password: then go on", &[]),
            ("password required", &[]),
            ("secret:\n  name: x\ncredentials: {a: b}", &[]),
            ("if [ \"$password\" = x ]; then", &[]),
            ("image: registry:5000/token:1", &[]),
            ("https://token:1", &[]),
            ("::password:::", &[]),
            ("<a><token></token>", &[]),
        ];
        let found = |text: &str| -> Vec<String> {
            let parts = values(&SecretNames::default(), text).into_iter();
            parts
                .filter(|part| !part.is_empty())
                .map(|part| text[part].to_owned())
                .collect()
        };
        for (text, expected) in table {
            assert_eq!(found(&format!("{text}\n")), expected, "{text}");
        }
        for sentence in [
            "Password: required",
            "token = nothing",
            "requirepass means x",
            "Token: expired",
        ] {
            assert!(found(sentence).is_empty(), "{sentence}");
        }
    }
}
