//! Env files: `KEY=value` lines with comments, quotes and variables, read as docker compose reads them.
//!
//! - `export` before a key is ignored; `#` begins a comment on its own line, or after a blank behind an unquoted value.
//! - Single quotes are literal but for `\'`. Double quotes know the usual escapes, `\$`, and variables. Both may span
//!   lines.
//! - Unquoted values are trimmed and know variables: those of `lookup`, then the ones set before in the same file.
//! - A key alone takes its value from `lookup`, and is left out where that has none.

use std::collections::HashMap;

use super::interpolate::interpolate;

/// The most that the values of env files may be in all, in bytes.
const LONGEST: usize = 4 << 20;

/// Why a text is no env file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct DotenvError {
    /// The line, from 1.
    pub line: usize,
    /// The message for people.
    pub message: String,
}

/// The variables of an env file in the order of the file; a later one of the same name counts.
///
/// # Errors
/// The first line that is not of the form.
pub fn parse(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Vec<(String, String)>, DotenvError> {
    let mut variables = Vec::new();
    parse_into(text, lookup, &mut variables)?;
    Ok(variables)
}

/// As [`parse`], for several files: adds the variables to those of the files before, which this one can use.
///
/// # Errors
/// The first line that is not of the form.
pub fn parse_into(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    variables: &mut Vec<(String, String)>,
) -> Result<(), DotenvError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut places: HashMap<String, usize> = HashMap::new();
    places.extend(
        variables
            .iter()
            .enumerate()
            .map(|(place, (key, _))| (key.clone(), place)),
    );
    let mut length: usize = variables.iter().map(|(_, value)| value.len()).sum();
    let (mut line, mut counted) = (1, 0);
    let mut rest = statement(text);
    while !rest.is_empty() {
        let start = text.len() - rest.len();
        line += text[counted..start].matches('\n').count();
        counted = start;
        let fail = |message: String| DotenvError { line, message };
        let (key, value) = key_of(rest).map_err(fail)?;
        let Some(value) = value else {
            if let Some(value) = lookup(key) {
                places.insert(key.to_owned(), variables.len());
                variables.push((key.to_owned(), value));
            }
            rest = statement(rest.split_once('\n').map_or("", |(_, next)| next));
            continue;
        };
        let known = |name: &str| {
            let earlier = || places.get(name).and_then(|place| variables.get(*place));
            lookup(name).or_else(|| earlier().map(|(_, value)| value.clone()))
        };
        let (value, after) = value_of(value, &known).map_err(fail)?;
        length += value.len();
        if length > LONGEST {
            let message = format!("the values up to here are longer than {} MiB in all", LONGEST >> 20);
            return Err(DotenvError { line, message });
        }
        places.insert(key.to_owned(), variables.len());
        variables.push((key.to_owned(), value));
        rest = statement(after);
    }
    Ok(())
}

/// The line on which an env file names a variable last, from 1; none where it does not, or is not of the form. `is_raw` says that it is
/// one that docker itself would read.
pub(crate) fn line_of(text: &str, wanted: &str, is_raw: bool) -> Option<usize> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if is_raw {
        let name = |line: &str| line.trim_start().split('=').next() == Some(wanted);
        let named = text.lines().zip(1..).filter(|(line, _)| name(line));
        return named.map(|(_, number)| number).last();
    }
    let (mut line, mut counted, mut found) = (1, 0, None);
    let mut rest = statement(text);
    while !rest.is_empty() {
        let start = text.len() - rest.len();
        line += text[counted..start].matches('\n').count();
        counted = start;
        let (key, value) = key_of(rest).ok()?;
        if key == wanted {
            found = Some(line);
        }
        rest = match value {
            Some(value) => statement(value_of(value, &|_| Some(String::new())).ok()?.1),
            None => statement(rest.split_once('\n').map_or("", |(_, next)| next)),
        };
    }
    found
}

/// The variables of a file that docker itself would read: no quotes, no variables, a value is the rest of its line.
///
/// # Errors
/// The first line that is not of the form.
pub fn parse_raw(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Vec<(String, String)>, DotenvError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut variables = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = match line.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (line, lookup(line)),
        };
        if key.is_empty() || key.contains([' ', '\t']) {
            let message = format!("{key:?} is no variable's name");
            return Err(DotenvError { line: number, message });
        }
        variables.extend(value.map(|value| (key.to_owned(), value)));
    }
    Ok(variables)
}

/// The text from the next statement on.
fn statement(text: &str) -> &str {
    let mut rest = text.trim_start();
    while rest.starts_with('#') {
        rest = rest.split_once('\n').map_or("", |(_, next)| next).trim_start();
    }
    rest
}

/// The key at the beginning of a text, and what follows its `=`; nothing where it stands alone on its line.
fn key_of(text: &str) -> Result<(&str, Option<&str>), String> {
    let exported = text
        .strip_prefix("export")
        .filter(|rest| rest.starts_with(char::is_whitespace));
    let text = exported.map_or(text, str::trim_start);
    let end = text.find(['=', ':', '\n']).unwrap_or(text.len());
    let key = text[..end].trim_end();
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '[' | ']');
    if key.is_empty() || !key.chars().all(fits) {
        let line = text.lines().next().unwrap_or_default();
        let name = line.split(['=', ':']).next().unwrap_or_default().trim();
        return Err(format!("{name:?} is no variable's name"));
    }
    let value =
        (!text[end..].starts_with('\n') && end < text.len()).then(|| text[end + 1..].trim_start_matches(is_blank));
    Ok((key, value))
}

/// A blank that does not end a line.
fn is_blank(c: char) -> bool {
    c.is_whitespace() && c != '\n'
}

/// The value at the beginning of `text`, and what follows it.
fn value_of<'a>(text: &'a str, known: &dyn Fn(&str) -> Option<String>) -> Result<(String, &'a str), String> {
    let expand = |text: &str| {
        interpolate(text, known)
            .map(|result| result.text)
            .map_err(|error| error.to_string())
    };
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
        let (line, after) = text.split_once('\n').unwrap_or((text, ""));
        let value = line.split_once(" #").map_or(line, |(value, _)| value);
        return Ok((expand(value.trim_end())?, after));
    };
    let (raw, after) = quoted(&text[1..], quote).ok_or_else(|| format!("the quote {quote} is not closed"))?;
    match quote {
        '\'' => Ok((raw, after)),
        _ => Ok((expand(&unescape(&raw))?, after)),
    }
}

/// The text up to the closing quote without the backslashes before quotes, and what follows.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match (c, escaped) {
            (c, false) if c == quote => return Some((out, &text[at + 1..])),
            ('\\', false) => {
                escaped = true;
                continue;
            }
            (c, true) if c != quote => out.push('\\'),
            _ => {}
        }
        escaped = false;
        out.push(c);
    }
    None
}

/// A text with the escapes of double quotes replaced. `\$` becomes the `$$` that is no variable.
fn unescape(raw: &str) -> String {
    let mut out = String::new();
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('a') => out.push('\u{7}'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('v') => out.push('\u{b}'),
            Some('$') => out.push_str("$$"),
            Some(other @ ('\\' | '"')) => out.push(other),
            Some(other) => out.extend(['\\', other]),
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
        let table: [(&str, &[(&str, &str)]); 25] = [
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
            ("A=#x", &[("A", "#x")]),
            ("A=x\t# kept", &[("A", "x\t# kept")]),
            ("A='it\\'s'", &[("A", "it's")]),
            ("A=\"x\" # c\nB=2", &[("A", "x"), ("B", "2")]),
            ("1A=x\nA.b-c=y", &[("1A", "x"), ("A.b-c", "y")]),
            ("HOST=inner\nB=$HOST", &[("HOST", "inner"), ("B", "outer")]),
            ("A=$2y$10$$HOST", &[("A", "$2y$10$HOST")]),
            ("URL=postgres://u:p@h/db?x=1", &[("URL", "postgres://u:p@h/db?x=1")]),
        ];
        for (text, expected) in table {
            let found = run(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
            let found: Vec<(&str, &str)> = found.iter().map(|(k, v)| (&**k, &**v)).collect();
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn raw_files_are_taken_as_they_are() {
        let found = parse_raw("# c\n A='x' # y\nB=$HOST\nHOST\nNONE\n", &|name| {
            (name == "HOST").then(|| "outer".to_owned())
        });
        let expected = [("A", "'x' # y"), ("B", "$HOST"), ("HOST", "outer")];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(found, Ok(expected.to_vec()));
        assert_eq!(parse_raw("A=1\nB C=2\n", &|_| None).expect_err("refused").line, 2);
    }

    #[test]
    fn what_would_grow_without_end_is_refused() {
        let mut text = "V0=xxxxxxxxxx\n".to_owned();
        for number in 1..12 {
            let row = format!("${{V{}}}", number - 1).repeat(10);
            text.push_str(&format!("V{number}={row}\n"));
        }
        let error = run(&text).expect_err("too long");
        assert!(error.to_string().contains("longer than 4 MiB"), "{error}");
        let many = "A=$B\n".repeat(200_000);
        assert_eq!(run(&many).map(|found| found.len()), Ok(200_000));
    }

    #[test]
    fn errors_name_the_line() {
        let table = [
            ("A=1\nB%=2", 2),
            ("A=\"open\nx", 1),
            ("\n\nA='x' y z=1", 3),
            ("A B=1", 1),
            ("A=${x", 1),
            ("=1", 1),
        ];
        for (text, line) in table {
            let error = run(text).expect_err(text);
            assert_eq!(error.line, line, "{text:?}: {error}");
        }
    }
}
