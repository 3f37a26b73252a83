//! Splits a command line into words as docker compose does, without expanding anything.

/// Why a command line has no words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// A quote, a backquote or `$(` is open at the end.
    #[error("a quote or $( is not closed; a command that a shell has to read is written as [sh, -c, \"…\"]")]
    Open,
    /// A parenthesis stands outside quotes.
    #[error("a parenthesis stands outside quotes; a command that a shell has to read is written as [sh, -c, \"…\"]")]
    Parenthesis,
}

/// The words of a command line: blanks separate, `'…'` and `"…"` hold together, a backslash takes the next character
/// as it is. As in docker compose, the line ends at a shell's operator (`;`, `&`, `|`, `<`, `>`) outside quotes.
///
/// # Errors
/// When a quote is open at the end, or a parenthesis stands outside quotes.
pub fn split(line: &str) -> Result<Vec<String>, WordsError> {
    read(line).map(|(words, _)| words)
}

/// The shell's operator at which a line ends for docker compose, if there is one.
pub fn operator(line: &str) -> Option<char> {
    read(line).ok()?.1
}

/// The quotes or the substitution that a character stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    Single,
    Double,
    Back,
    Dollar,
}

fn read(line: &str) -> Result<(Vec<String>, Option<char>), WordsError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut inside = Inside::Nothing;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        let next = match (c, inside) {
            ('\\', Inside::Single) => Inside::Single,
            ('\\', _) => {
                word.get_or_insert_default().push(chars.next().ok_or(WordsError::Open)?);
                continue;
            }
            (' ' | '\t' | '\r' | '\n', Inside::Nothing) => {
                words.extend(word.take());
                continue;
            }
            ('\'', Inside::Nothing | Inside::Back) | ('"', Inside::Nothing | Inside::Back) => {
                word.get_or_insert_default();
                inside = if c == '"' { Inside::Double } else { Inside::Single };
                continue;
            }
            ('\'', Inside::Single) | ('"', Inside::Double) => {
                inside = Inside::Nothing;
                continue;
            }
            ('`', Inside::Nothing) => Inside::Back,
            ('`', Inside::Back) | (')', Inside::Dollar) => Inside::Nothing,
            ('(', Inside::Nothing) if word.as_deref().is_some_and(|word| word.ends_with('$')) => Inside::Dollar,
            ('(' | ')', Inside::Nothing) | ('(', Inside::Dollar) => return Err(WordsError::Parenthesis),
            (';' | '&' | '|' | '<' | '>', Inside::Nothing) => {
                let is_number = c == '>'
                    && word
                        .as_deref()
                        .is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()));
                words.extend(word.filter(|_| !is_number));
                return Ok((words, Some(c)));
            }
            _ => inside,
        };
        inside = next;
        word.get_or_insert_default().push(c);
    }
    if inside != Inside::Nothing {
        return Err(WordsError::Open);
    }
    words.extend(word);
    Ok((words, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_compose_does() {
        let table: [(&str, &[&str]); 11] = [
            ("", &[]),
            ("  a  b ", &["a", "b"]),
            ("sh -c 'echo \"hi\" $X'", &["sh", "-c", "echo \"hi\" $X"]),
            (r#"a "b \"c\" \d" e"#, &["a", r#"b "c" d"#, "e"]),
            (r"a\ b c", &["a b", "c"]),
            ("'' \"\"", &["", ""]),
            ("a'b'\"c\"d", &["abcd"]),
            ("echo $(date -u) x", &["echo", "$(date -u)", "x"]),
            ("a `b c` d", &["a", "`b c`", "d"]),
            ("echo a > b; c", &["echo", "a"]),
            ("run 2>&1", &["run"]),
        ];
        for (line, words) in table {
            assert_eq!(
                split(line),
                Ok(words.iter().map(|word| (*word).to_owned()).collect()),
                "{line}"
            );
        }
        assert_eq!(operator("echo a > b; c"), Some('>'));
        assert_eq!(operator("echo 'a > b'"), None);
        for (line, error) in [
            ("a 'b", WordsError::Open),
            ("a \"b", WordsError::Open),
            ("a \\", WordsError::Open),
            ("echo $(date", WordsError::Open),
            ("if (a) b", WordsError::Parenthesis),
        ] {
            assert_eq!(split(line), Err(error), "{line}");
        }
    }
}
