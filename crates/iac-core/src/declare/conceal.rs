//! Secrets in texts that others wrote: a file's variables, a pod's environment. They are found by their names and forms, and
//! stay usable: as outputs in inputs, or in clear where a text has to be read here and now.

use super::Stack;
use crate::secret_names::{SecretNames, can_be_secret};
use crate::value::{Expr, FieldPath, Part, Secret, Source, Transform, Value, token};

/// A text that is not known in clear now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it depends on an output of another resource, which is known only once that is there")]
pub struct NotKnown;

impl Stack {
    /// Which names say that a value is a secret, in this stack.
    pub fn secret_names(&self) -> SecretNames {
        self.config().secret_names()
    }

    /// A value with its secrets as outputs: all of it where its name says that it is secret, else the parts that are
    /// secret anywhere, such as the password in a URL. A value without secrets comes back as it is.
    ///
    /// `label` says in plans what it is; it has to be stable and unique within the stack.
    pub fn conceal(&self, names: &SecretNames, label: &str, name: &str, text: &str) -> String {
        let whole = names.is_secret(name);
        if !token::is_token(text) {
            return self.conceal_literal(names, label, whole, text);
        }
        // A damaged token stays as it is: the declaration reports it with its path.
        let Ok(Value::Expr(mut expr)) = token::parse(text, &FieldPath::root()) else {
            return text.to_owned();
        };
        let parts = expr.parts.iter_mut().enumerate();
        let parts = parts.map(|(index, part)| match part {
            Part::Literal(text) => self.conceal_literal(names, &format!("{label} part {}", index + 1), whole, text),
            Part::Output(output) => {
                output.secret |= whole;
                token::encode(output)
            }
        });
        parts.collect()
    }

    fn conceal_literal(&self, names: &SecretNames, label: &str, whole: bool, text: &str) -> String {
        if whole {
            return match can_be_secret(text) {
                true => self.own_secret(label, text),
                false => text.to_owned(),
            };
        }
        let mut concealed = String::new();
        let mut end = 0;
        let parts = names.inside(text);
        for (index, part) in parts.iter().enumerate() {
            concealed.push_str(&text[end..part.start]);
            let label = match parts.len() {
                1 => format!("{label} password"),
                _ => format!("{label} password {}", index + 1),
            };
            concealed.push_str(&self.own_secret(&label, &text[part.clone()]));
            end = part.end;
        }
        concealed + &text[end..]
    }

    /// A secret under the label, or under one with a number where that already means another: two files may each have
    /// their own value of a variable.
    fn own_secret(&self, label: &str, text: &str) -> String {
        let labels = std::iter::once(label.to_owned()).chain((2..).map(|number| format!("{label} ({number})")));
        let mut free = labels.filter(|label| {
            let known = self.known_secret(&Source::Local(label.clone()));
            known.is_none_or(|known| known.expose() == text)
        });
        let label = free.next().unwrap_or_default();
        self.secret(&label, text).to_string()
    }

    /// A secret that stands in the inputs in clear, because it is a number, a name or a path there: no message quotes it.
    pub fn keep_quiet(&self, secret: &Secret) {
        self.config().known().learn_secret(secret);
    }

    /// A text with the secrets in it in clear, for a value that has to be read here and now: a port, a size, a path.
    /// Whatever is made of it in clear is shown as anything else.
    ///
    /// # Errors
    /// When the text holds another resource's output.
    pub fn reveal(&self, text: &str) -> Result<Secret, NotKnown> {
        if !token::is_token(text) {
            return Ok(Secret::from(text));
        }
        let Ok(Value::Expr(Expr { parts })) = token::parse(text, &FieldPath::root()) else {
            return Err(NotKnown);
        };
        let mut clear = String::new();
        for part in &parts {
            match part {
                Part::Literal(text) => clear.push_str(text),
                Part::Output(output) => {
                    let secret = self.known_secret(&output.source).ok_or(NotKnown)?;
                    let apply = |text: String, transform: &Transform| transform.apply(&text).map_err(|_| NotKnown);
                    let text = output.transforms.iter().try_fold(secret.expose().clone(), apply)?;
                    clear.push_str(&text);
                }
            }
        }
        Ok(Secret::from(clear))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::declare::NewResource;

    #[test]
    fn secrets_are_concealed_by_name_and_by_form_and_can_be_revealed() {
        let stack = Stack::new("t", Config::default());
        let names = stack.secret_names();
        let host = stack
            .declare::<()>(NewResource::new("t:core/X", "x", serde_json::json!({})))
            .output("/host");
        for (name, text, shown) in [
            ("DB_PASS", "hunter2", "<secret DB_PASS>"),
            ("DB_HOST", "db", "db"),
            ("DB_PASS", "true", "true"),
            ("DB_PASS", "", ""),
            ("URL", "pg://a:hunter2@db/x", "pg://a:<secret URL password>@db/x"),
            (
                "TWO",
                "pg://a:one@db redis://:two@c",
                "pg://a:<secret TWO password 1>@db redis://:<secret TWO password 2>@c",
            ),
        ] {
            let concealed = stack.conceal(&names, name, name, text);
            assert_eq!(token::describe(&concealed), shown);
            assert_eq!(stack.reveal(&concealed).expect("known").expose(), text);
            assert_eq!(stack.conceal(&names, name, "PLAIN", &concealed), concealed);
        }
        let other = stack.conceal(&names, "DB_PASS", "DB_PASS", "hunter3");
        assert_eq!(token::describe(&other), "<secret DB_PASS (2)>");
        assert_eq!(stack.reveal(&other).expect("known").expose(), "hunter3");
        let mixed = format!("a-{host}-b");
        let concealed = stack.conceal(&names, "X", "API_TOKEN", &mixed);
        assert_eq!(
            token::describe(&concealed),
            "<secret X part 1><X/x.host><secret X part 3>"
        );
        assert_eq!(stack.reveal(&concealed), Err(NotKnown));
    }
}
