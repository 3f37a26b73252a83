//! Variables in compose files: `$V`, `${V}`, `${V:-default}`, `${V-default}`, `${V:?error}`, `${V?error}`,
//! `${V:+instead}`, `${V+instead}`, nested, and `$$` for a dollar sign.

/// How deep defaults may stand in one another.
const DEEPEST: usize = 20;

/// The longest text that variables may make, in bytes.
const LONGEST: usize = 4 << 20;

/// Why a text could not be interpolated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InterpolationError {
    /// It is not of the form.
    #[error("{text:?}: {why}; write ${{NAME}} for a variable and $$ for a dollar sign")]
    Syntax {
        /// The text.
        text: String,
        /// The reason why it is refused.
        why: &'static str,
    },
    /// It stands for more than a text may be.
    #[error("with its variables it is longer than {} MiB", LONGEST >> 20)]
    TooLong,
    /// A variable that `:?` demands is missing.
    #[error("the variable {name} is required: {message}")]
    Required {
        /// Its name.
        name: String,
        /// The message that the file gives for it.
        message: String,
    },
}

/// The result of an interpolation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interpolated {
    /// The text.
    pub text: String,
    /// Variables that are not set and have no default; they became empty.
    pub unset: Vec<String>,
}

/// Replaces the variables in `text` by what `lookup` knows.
///
/// # Errors
/// On malformed text, and for a required variable that is missing.
pub fn interpolate(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Interpolated, InterpolationError> {
    within(text, lookup, 0)
}

/// The same for a text that stands so deep in others.
fn within(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    depth: usize,
) -> Result<Interpolated, InterpolationError> {
    let mut parser = Parser {
        text,
        depth,
        position: 0,
        lookup,
        unset: Vec::new(),
    };
    let result = parser.all()?;
    Ok(Interpolated {
        text: result,
        unset: parser.unset,
    })
}

struct Parser<'a> {
    text: &'a str,
    depth: usize,
    position: usize,
    lookup: &'a dyn Fn(&str) -> Option<String>,
    unset: Vec<String>,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.position..]
    }

    fn fail(&self, why: &'static str) -> InterpolationError {
        InterpolationError::Syntax {
            text: self.text.chars().take(200).collect(),
            why,
        }
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest().chars().next()?;
        self.position += next.len_utf8();
        Some(next)
    }

    /// Everything to the end of the text.
    fn all(&mut self) -> Result<String, InterpolationError> {
        let mut out = String::new();
        while let Some(c) = self.next() {
            match c {
                '$' => out.push_str(&self.variable()?),
                c => out.push(c),
            }
            if out.len() > LONGEST {
                return Err(InterpolationError::TooLong);
            }
        }
        Ok(out)
    }

    /// Reads the variable after a dollar sign. A dollar sign that no variable can follow stands for itself.
    fn variable(&mut self) -> Result<String, InterpolationError> {
        match self.rest().chars().next() {
            Some('$') => {
                self.position += 1;
                Ok("$".to_owned())
            }
            Some('{') => {
                self.position += 1;
                self.braced()
            }
            Some(c) if is_name_start(c) => {
                let name = self.name();
                let value = (self.lookup)(&name);
                Ok(self.value_or_empty(name, value))
            }
            _ => Ok("$".to_owned()),
        }
    }

    fn name(&mut self) -> String {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !is_name_start(c) && !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let name = rest[..end].to_owned();
        self.position += end;
        name
    }

    fn value_or_empty(&mut self, name: String, value: Option<String>) -> String {
        value.unwrap_or_else(|| {
            self.is_unset(name);
            String::new()
        })
    }

    fn is_unset(&mut self, name: String) {
        if !self.unset.contains(&name) {
            self.unset.push(name);
        }
    }

    fn braced(&mut self) -> Result<String, InterpolationError> {
        if !self.rest().starts_with(is_name_start) {
            return Err(self.fail("the braces do not begin with a variable's name"));
        }
        let name = self.name();
        let value = (self.lookup)(&name);
        let colon = self.rest().starts_with(':');
        if colon {
            self.position += 1;
        }
        let present = value.as_ref().is_some_and(|value| !colon || !value.is_empty());
        match self.next() {
            Some('}') if !colon => Ok(self.value_or_empty(name, value)),
            Some('-') => {
                let default = self.branch(!present)?;
                Ok(if present { value.unwrap_or_default() } else { default })
            }
            Some('+') => {
                let instead = self.branch(present)?;
                Ok(if present { instead } else { value.unwrap_or_default() })
            }
            Some('?') => {
                let message = self.branch(!present)?;
                match value {
                    Some(value) if present => Ok(value),
                    _ => Err(InterpolationError::Required { name, message }),
                }
            }
            _ => Err(self.fail("after the name in braces comes }, :-, -, :?, ?, :+ or +")),
        }
    }

    /// The text after an operator, up to its brace, with its own variables replaced. Docker compose does that whether or
    /// not the text is taken, so that what is wrong in it counts; what is unset in one that is not taken does not.
    fn branch(&mut self, taken: bool) -> Result<String, InterpolationError> {
        let inner = self.take_to_closing_brace()?;
        if self.depth == DEEPEST {
            return Err(self.fail("variables stand in one another more than 20 deep"));
        }
        let result = within(&inner, self.lookup, self.depth + 1)?;
        if taken {
            result.unset.into_iter().for_each(|name| self.is_unset(name));
        }
        Ok(result.text)
    }

    /// The text up to the brace that closes the one that is open; those in between come in pairs. A text with more open
    /// than closed ones goes to the last brace of its line.
    fn take_to_closing_brace(&mut self) -> Result<String, InterpolationError> {
        let rest = self.rest();
        let line = rest.split('\n').next().unwrap_or_default();
        let mut open = 1_u32;
        let pair = line.char_indices().find(|(_, c)| {
            match c {
                '{' => open += 1,
                '}' => open -= 1,
                _ => {}
            }
            open == 0
        });
        let end = pair.map(|(at, _)| at).or_else(|| line.rfind('}'));
        let end = end.ok_or_else(|| self.fail("a brace is not closed in its line"))?;
        let inner = rest[..end].to_owned();
        self.position += end + 1;
        Ok(inner)
    }
}

fn is_name_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;

    fn run(text: &str) -> Result<Interpolated, InterpolationError> {
        interpolate(text, &|name| match name {
            "SET" => Some("value".to_owned()),
            "EMPTY" => Some(String::new()),
            "n2" => Some("two".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn what_would_grow_without_end_is_refused() {
        let nested = |depth: usize| format!("{}x{}", "${NONE:-".repeat(depth), "}".repeat(depth));
        assert_eq!(run(&nested(20)).map(|result| result.text), Ok("x".to_owned()));
        for depth in [21, 100_000] {
            let error = run(&nested(depth)).expect_err("too deep").to_string();
            assert!(error.contains("more than 20 deep") && error.len() < 400, "{error}");
        }
        let long = |_: &str| Some("x".repeat(1 << 20));
        assert!(interpolate("$A$A$A$A", &long).is_ok());
        assert_eq!(
            interpolate(&"$A".repeat(100_000), &long),
            Err(InterpolationError::TooLong)
        );
    }

    #[test]
    fn the_whole_table_of_forms() {
        let table = [
            ("plain", "plain"),
            ("$SET", "value"),
            ("${SET}", "value"),
            ("a$SET-b", "avalue-b"),
            ("$n2", "two"),
            ("$$SET", "$SET"),
            ("$$${SET}", "$value"),
            ("${UNSET:-d}", "d"),
            ("${UNSET-d}", "d"),
            ("${EMPTY:-d}", "d"),
            ("${EMPTY-d}", ""),
            ("${SET:-d}", "value"),
            ("${SET:+r}", "r"),
            ("${EMPTY:+r}", ""),
            ("${EMPTY+r}", "r"),
            ("${UNSET+r}", ""),
            ("${UNSET:-${SET}}", "value"),
            ("${UNSET:-${ALSO:-deep}}!", "deep!"),
            ("${SET:?needed}", "value"),
            ("${EMPTY?needed}", ""),
            ("${EMPTY:+r}x", "x"),
            ("${UNSET:-{a}}", "{a}"),
            ("${UNSET:-{a}", "{a"),
            ("$", "$"),
            ("$1", "$1"),
            ("a $ b", "a $ b"),
            ("$(date)", "$(date)"),
            ("$2b$10$$SET", "$2b$10$SET"),
            ("two\nlines $SET", "two\nlines value"),
            ("${UNSET:-}", ""),
            ("${UNSET:-http://x:80/}", "http://x:80/"),
            ("é${SET}ü", "évalueü"),
        ];
        for (text, expected) in table {
            let result = run(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(
                (result.text.as_str(), result.unset.is_empty()),
                (expected, true),
                "{text}"
            );
        }
    }

    #[test]
    fn unset_variables_are_reported_once() {
        let result = run("$A ${B} $A").expect("valid");
        assert_eq!(result.text, "  ");
        assert_eq!(result.unset, ["A", "B"]);
    }

    #[test]
    fn required_variables_and_bad_forms_are_errors() {
        for (text, message) in [
            ("${UNSET:?set it}", "set it"),
            ("${EMPTY:?no}", "no"),
            ("${UNSET?}", ""),
            ("${SET:-${UNSET:?not taken}}", "not taken"),
        ] {
            match run(text) {
                Err(InterpolationError::Required { message: found, .. }) => assert_eq!(found, message, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        for text in [
            "${",
            "${}",
            "${1}",
            "${SET",
            "${SET:}",
            "${SET/a/b}",
            "${SET:-a",
            "${UNSET:-two\nlines}",
        ] {
            assert!(matches!(run(text), Err(InterpolationError::Syntax { .. })), "{text:?}");
        }
    }
}
