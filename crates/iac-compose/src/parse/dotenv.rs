//! Env files: `KEY=value` lines with comments, quotes and variables.
//!
//! - `export` before a key is ignored; `#` begins a comment on its own line, or after a blank behind an unquoted value.
//! - Single quotes are literal. Double quotes know `\n`, `\r`, `\t`, `\\`, `\"` and `\$`, and variables. Both may span
//!   lines.
//! - Unquoted values are trimmed and know variables: those set before in the same file, then the ones of `lookup`.
//! - A key alone takes its value from `lookup`, and is left out where that has none.

use super::interpolate::interpolate;

/// Why a text is no env file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct DotenvError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// The variables of an env file in the order of the file; a later one of the same name counts.
///
/// # Errors
/// The first line that is not of the form.
pub fn parse(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Vec<(String, String)>, DotenvError> {
    let mut variables: Vec<(String, String)> = Vec::new();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    while !rest.is_empty() {
        let line = text[..text.len() - rest.len()].matches('\n').count() + 1;
        let fail = |message: String| DotenvError { line, message };
        let (current, next) = rest.split_once('\n').unwrap_or((rest, ""));
        let trimmed = current.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            rest = next;
            continue;
        }
        let (key, value) = match current.find(['=', ':']) {
            Some(at) => (&current[..at], Some(&rest[at + 1..])),
            None => (current, None),
        };
        let key = key_of(key).ok_or_else(|| fail(format!("{:?} is no variable's name", key.trim())))?;
        let Some(value) = value else {
            variables.extend(lookup(key).map(|value| (key.to_owned(), value)));
            rest = next;
            continue;
        };
        let known = |name: &str| {
            let earlier = variables.iter().rev().find(|(key, _)| key == name);
            earlier.map(|(_, value)| value.clone()).or_else(|| lookup(name))
        };
        let (value, after) = value_of(value, &known).map_err(fail)?;
        variables.push((key.to_owned(), value));
        rest = after;
    }
    Ok(variables)
}

fn key_of(text: &str) -> Option<&str> {
    let text = text.trim();
    let key = text
        .strip_prefix("export")
        .filter(|rest| rest.starts_with(char::is_whitespace))
        .map_or(text, str::trim_start);
    let first = key.chars().next()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    (!first.is_ascii_digit() && key.chars().all(fits)).then_some(key)
}

/// The value at the beginning of `text`, and what follows its line.
fn value_of<'a>(text: &'a str, known: &dyn Fn(&str) -> Option<String>) -> Result<(String, &'a str), String> {
    let start = text.trim_start_matches([' ', '\t']);
    let Some(quote) = start.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
        let (line, after) = text.split_once('\n').unwrap_or((text, ""));
        let end = comment_start(line).unwrap_or(line.len());
        let value = interpolate(line[..end].trim(), known).map_err(|error| error.to_string())?;
        return Ok((value.text, after));
    };
    let body = &start[1..];
    let end = closing(body, quote).ok_or_else(|| format!("the quote {quote} is not closed"))?;
    let (tail, after) = body[end + 1..].split_once('\n').unwrap_or((&body[end + 1..], ""));
    let tail = tail.trim();
    if !tail.is_empty() && !tail.starts_with('#') {
        return Err(format!("{tail:?} follows the closing quote"));
    }
    let raw = &body[..end];
    let value = match quote {
        '\'' => raw.to_owned(),
        _ => {
            interpolate(&unescape(raw), known)
                .map_err(|error| error.to_string())?
                .text
        }
    };
    Ok((value, after))
}

fn comment_start(line: &str) -> Option<usize> {
    let hashes = line.match_indices('#').map(|(at, _)| at);
    hashes
        .filter(|at| *at == 0 || line[..*at].ends_with(char::is_whitespace))
        .min()
}

fn closing(body: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            '\\' if quote == '"' && !escaped => escaped = true,
            c if c == quote && !escaped => return Some(at),
            _ => escaped = false,
        }
    }
    None
}

fn unescape(raw: &str) -> String {
    let mut out = String::new();
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('$') => out.push_str("$$"),
            Some(other @ ('\\' | '"')) => out.push(other),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;

    fn run(text: &str) -> Result<Vec<(String, String)>, DotenvError> {
        parse(text, &|name| (name == "HOST").then(|| "outer".to_owned()))
    }

    #[test]
    fn every_form_of_a_line() {
        let table: [(&str, &[(&str, &str)]); 18] = [
            ("", &[]),
            ("# comment\n\n  # another\n", &[]),
            ("A=1", &[("A", "1")]),
            ("A=1\r\nB=2\r\n", &[("A", "1"), ("B", "2")]),
            ("export A=1", &[("A", "1")]),
            ("A = spaced  ", &[("A", "spaced")]),
            ("A=", &[("A", "")]),
            ("A=x # comment", &[("A", "x")]),
            ("A=x#no", &[("A", "x#no")]),
            ("A='lit $HOST \\n' # c", &[("A", "lit $HOST \\n")]),
            ("A=\"a\\tb $HOST \\$HOST\"", &[("A", "a\tb outer $HOST")]),
            ("A=\"two\nlines\"\nB=1", &[("A", "two\nlines"), ("B", "1")]),
            ("A='two\nlines'", &[("A", "two\nlines")]),
            ("A=1\nB=${A}2", &[("A", "1"), ("B", "12")]),
            ("B=${NONE:-d}", &[("B", "d")]),
            ("HOST\nNOWHERE", &[("HOST", "outer")]),
            ("A: yaml", &[("A", "yaml")]),
            ("URL=postgres://u:p@h/db?x=1", &[("URL", "postgres://u:p@h/db?x=1")]),
        ];
        for (text, expected) in table {
            let found = run(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
            let found: Vec<(&str, &str)> = found.iter().map(|(k, v)| (&**k, &**v)).collect();
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn errors_name_the_line() {
        let table = [
            ("A=1\n1B=2", 2),
            ("A=\"open\nx", 1),
            ("\n\nA='x' y", 3),
            ("A B=1", 1),
            ("A=${x", 1),
        ];
        for (text, line) in table {
            assert_eq!(run(text).expect_err(text).line, line, "{text:?}");
        }
    }
}
