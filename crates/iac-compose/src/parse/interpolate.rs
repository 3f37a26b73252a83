//! Variables in compose files: `$V`, `${V}`, `${V:-default}`, `${V-default}`, `${V:?error}`, `${V?error}`,
//! `${V:+instead}`, `${V+instead}`, nested, and `$$` for a dollar sign.

/// Why a text could not be interpolated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InterpolationError {
    /// It is not of the form.
    #[error("{text:?}: {why}; write ${{NAME}} for a variable and $$ for a dollar sign")]
    Syntax {
        /// The text.
        text: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A variable that `:?` demands is missing.
    #[error("the variable {name} is required: {message}")]
    Required {
        /// Its name.
        name: String,
        /// What the file says about it.
        message: String,
    },
}

/// What came of an interpolation.
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
    let mut parser = Parser {
        text,
        position: 0,
        lookup,
        unset: Vec::new(),
    };
    let result = parser.until(None)?;
    Ok(Interpolated {
        text: result,
        unset: parser.unset,
    })
}

struct Parser<'a> {
    text: &'a str,
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
            text: self.text.to_owned(),
            why,
        }
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest().chars().next()?;
        self.position += next.len_utf8();
        Some(next)
    }

    /// Everything up to `end`, which is consumed, or to the end of the text.
    fn until(&mut self, end: Option<char>) -> Result<String, InterpolationError> {
        let mut out = String::new();
        loop {
            match self.next() {
                None if end.is_some() => return Err(self.fail("a brace is not closed")),
                None => return Ok(out),
                Some(c) if Some(c) == end => return Ok(out),
                Some('$') => out.push_str(&self.variable()?),
                Some(c) => out.push(c),
            }
        }
    }

    /// What follows a dollar sign.
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
            _ => Err(self.fail("no variable's name follows the dollar sign")),
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
            if !self.unset.contains(&name) {
                self.unset.push(name);
            }
            String::new()
        })
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
                Ok(if present { instead } else { String::new() })
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

    /// The text after an operator. One that is not taken is read over: what is unset or required in it does not count.
    fn branch(&mut self, taken: bool) -> Result<String, InterpolationError> {
        if taken {
            return self.until(Some('}'));
        }
        let mut idle = Parser {
            text: self.text,
            position: self.position,
            lookup: &|_| Some("x".to_owned()),
            unset: Vec::new(),
        };
        let text = idle.until(Some('}'));
        self.position = idle.position;
        text
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
            ("${SET:-${UNSET:?not reached}}", "value"),
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
        ] {
            match run(text) {
                Err(InterpolationError::Required { message: found, .. }) => assert_eq!(found, message, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        for text in [
            "$",
            "$1",
            "${",
            "${}",
            "${1}",
            "${SET",
            "${SET:}",
            "${SET/a/b}",
            "${SET:-a",
            "a $ b",
        ] {
            assert!(matches!(run(text), Err(InterpolationError::Syntax { .. })), "{text:?}");
        }
    }
}
