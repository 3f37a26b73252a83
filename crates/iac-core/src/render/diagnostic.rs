//! Errors and warnings for a terminal: what happened, to which resource, where it is declared, why, and what to do.

use std::error::Error;

use super::sanitize::sanitize;
use super::style::Styles;
use crate::declare::SourceLine;
use crate::plan::PlanProblem;
use crate::provider::ProviderError;
use crate::redact;
use crate::review::value::path_text;
use crate::urn::{Key, Urn};
use crate::value::KnownSecrets;

/// The severity of a diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Nothing was done, or something failed.
    Error,
    /// It went ahead all the same.
    Warning,
}

/// Something that went wrong, with all that is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The severity.
    pub level: Level,
    /// One sentence: what happened.
    pub message: String,
    /// The resource it happened to.
    pub urn: Option<Urn>,
    /// Where that is declared.
    pub source: Option<SourceLine>,
    /// Why, outermost cause first, each in the words of whoever says so.
    pub causes: Vec<String>,
    /// The other facts, a line each.
    pub details: Vec<String>,
    /// The next things to do.
    pub hints: Vec<String>,
}

impl Diagnostic {
    /// An error with nothing but a message.
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            level: Level::Error,
            message: message.into(),
            urn: None,
            source: None,
            causes: Vec::new(),
            details: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// The same without these secrets: a program may well quote what it could not use.
    pub(crate) fn without(mut self, known: &KnownSecrets) -> Self {
        let texts = [&mut self.message].into_iter().chain(&mut self.causes);
        let texts = texts.chain(&mut self.details).chain(&mut self.hints);
        texts.for_each(|text| known.hide(text));
        self
    }

    /// A warning with nothing but a message.
    pub fn warning(message: impl Into<String>) -> Self {
        Self {
            level: Level::Warning,
            ..Self::error(message)
        }
    }

    /// An error and the chain of its sources; a source whose text the error above it already holds is left out.
    pub fn from_error(error: &dyn Error) -> Self {
        let mut diagnostic = Self::error(error.to_string());
        let mut above = diagnostic.message.clone();
        let mut next = error.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            if !above.contains(&text) {
                diagnostic.causes.push(text.clone());
            }
            above = text;
            next = cause.source();
        }
        diagnostic
    }

    /// Returns the diagnostic of a plan's problem.
    pub fn from_problem(problem: &PlanProblem, stack: &str) -> Self {
        let message = if problem.path.is_root() {
            problem.message.clone()
        } else {
            format!("{}: {}", path_text(&problem.path), problem.message)
        };
        let mut diagnostic = Self::error(message).at(problem.source.clone());
        diagnostic.urn = problem.key.as_ref().map(|key| key.in_stack(stack));
        diagnostic.hints.extend(problem.hint.clone());
        diagnostic
    }

    /// Returns the diagnostic of a provider's failure.
    pub fn from_provider(message: impl Into<String>, error: &ProviderError) -> Self {
        let mut diagnostic = Self::error(message);
        diagnostic.causes.push(error.message.clone());
        diagnostic.details.extend(error.details.iter().cloned());
        diagnostic.hints.extend(error.hint.clone());
        diagnostic
    }

    /// Says which resource it is about.
    #[must_use]
    pub fn about(mut self, key: &Key, stack: &str) -> Self {
        self.urn = Some(key.in_stack(stack));
        self
    }

    /// Says where that is declared.
    #[must_use]
    pub fn at(mut self, source: Option<SourceLine>) -> Self {
        self.source = source;
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The text, each line ended; what others wrote is made safe for a terminal, line ends aside.
    pub fn render(&self, styles: &Styles) -> String {
        let (style, word) = match self.level {
            Level::Error => (styles.error, "error"),
            Level::Warning => (styles.warning, "warning"),
        };
        let mut out = String::new();
        push(&mut out, &Styles::paint(style, format_args!("{word}:")), &self.message);
        if let Some(urn) = &self.urn {
            push(&mut out, "  resource:", &urn.to_string());
        }
        if let Some(source) = &self.source {
            push(&mut out, "  declared at:", &source.to_string());
        }
        for cause in &self.causes {
            push(&mut out, "  caused by:", cause);
        }
        for detail in &self.details {
            push(&mut out, "   ", detail);
        }
        for hint in &self.hints {
            push(&mut out, &format!("  {}", Styles::paint(styles.hint, "hint:")), hint);
        }
        out
    }
}

/// Appends a label and a text whose further lines are indented below the first.
fn push(out: &mut String, label: &str, text: &str) {
    for (position, line) in text.lines().enumerate() {
        if position == 0 {
            out.push_str(label);
            out.push(' ');
        } else {
            out.push_str("    ");
        }
        // Libraries quote URLs, and users give them with passwords in them.
        out.push_str(sanitize(&redact::text(line)).trim_end());
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::samples::{key, line};

    #[test]
    fn errors_name_resource_place_cause_and_remedy() {
        let provider = ProviderError::new(
            crate::provider::ErrorKind::Failed,
            "the image cannot be pulled: not found\nsecond line\u{7}",
        )
        .with_details(["event: Failed to pull image \"api:nope\"".to_owned()])
        .with_hint("check the name");
        let deployment = key("kubernetes:apps/Deployment::api");
        let diagnostic = Diagnostic::from_provider("Deployment codelab/api cannot become ready", &provider)
            .about(&deployment, "prod")
            .at(line(40));
        insta::assert_snapshot!(diagnostic.render(&Styles::plain()), @r#"
        error: Deployment codelab/api cannot become ready
          resource: prod::kubernetes:apps/Deployment::api
          declared at: stacks/prod.rs:40:5
          caused by: the image cannot be pulled: not found
            second line\u{7}
            event: Failed to pull image "api:nope"
          hint: check the name
    "#);
        let warning =
            Diagnostic::warning("configuration \"api.replica\" is not used").hint("did you mean \"api.replicas\"?");
        insta::assert_snapshot!(warning.render(&Styles::plain()), @r#"
        warning: configuration "api.replica" is not used
          hint: did you mean "api.replicas"?
    "#);
    }
}
