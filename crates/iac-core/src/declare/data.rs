//! A declaration as plain data.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{FieldLines, Options};
use crate::provider::Phase;
use crate::urn::{Key, KeyError};
use crate::value::token::TokenError;
use crate::value::{Secret, Value};

/// Where in the program something is declared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SourceLine {
    /// The file, relative to the workspace.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

impl SourceLine {
    /// The place of the caller of the innermost function that is not `#[track_caller]`.
    #[track_caller]
    pub fn caller() -> Self {
        Self::from(Location::caller())
    }
}

impl From<&Location<'_>> for SourceLine {
    fn from(location: &Location<'_>) -> Self {
        Self {
            file: location.file().to_owned(),
            line: location.line(),
            column: location.column(),
        }
    }
}

impl fmt::Display for SourceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl fmt::Debug for SourceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl From<SourceLine> for String {
    fn from(line: SourceLine) -> Self {
        line.to_string()
    }
}

impl TryFrom<String> for SourceLine {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut parts = text.rsplitn(3, ':');
        let (column, line, file) = (parts.next(), parts.next(), parts.next());
        let number = |part: Option<&str>| part.and_then(|part| part.parse().ok());
        match (file, number(line), number(column)) {
            (Some(file), Some(line), Some(column)) => Ok(Self {
                file: file.to_owned(),
                line,
                column,
            }),
            _ => Err(format!("{text:?} is no file:line:column")),
        }
    }
}

/// Something that has to be there, or ready, first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dependency {
    /// What.
    pub on: Key,
    /// Which phase it has to have reached.
    pub phase: Phase,
}

/// One declared resource.
#[derive(Clone, Debug)]
pub struct ResourceDecl {
    /// Its name in the stack; the provider is part of it.
    pub key: Key,
    /// Its inputs, with expressions where they depend on outputs.
    pub inputs: Value,
    /// Its options.
    pub options: Options,
    /// The resources that the program says have to come first.
    pub after: Vec<Dependency>,
    /// Where it is declared: the user's own call, also when a component's code made it.
    pub source: SourceLine,
    /// The places of its fields, where a file declares it.
    pub lines: Option<Arc<dyn FieldLines>>,
}

/// Something that a reader of the plan should know, said by the program or by what it loads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// What.
    pub message: String,
    /// Where it was said.
    pub at: SourceLine,
}

/// All that a program said.
#[derive(Clone, Debug, Default)]
pub struct Declaration {
    /// The stack's name.
    pub stack: String,
    /// The resources, in the order of their declaration.
    pub resources: Vec<ResourceDecl>,
    /// The notes for a reader of the plan.
    pub notes: Vec<Note>,
    /// The values that the program exports, by name.
    pub exports: BTreeMap<String, Value>,
    /// The values of secret configuration and of secrets that the program made, by the source that names them.
    pub secrets: BTreeMap<crate::value::Source, Secret>,
    /// The files that the command line names for what the run itself reads and writes.
    pub own_files: Vec<std::path::PathBuf>,
}

impl Declaration {
    /// True if any value in it is secret, so that the stack's key is needed.
    pub fn has_secrets(&self) -> bool {
        let inputs = self.resources.iter().map(|resource| &resource.inputs);
        let generated = self
            .resources
            .iter()
            .any(|resource| resource.key.kind() == super::PASSWORD_KIND);
        generated || !self.secrets.is_empty() || inputs.chain(self.exports.values()).any(Value::has_secret)
    }

    /// A resource by its key.
    pub fn get(&self, key: &Key) -> Option<&ResourceDecl> {
        self.resources.iter().find(|resource| resource.key == *key)
    }
}

/// A resource as a provider's scope hands it to [`Stack::declare`](super::Stack::declare).
#[derive(Debug)]
pub struct NewResource {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) inputs: serde_json::Value,
    pub(super) options: Options,
    pub(super) after: Vec<Dependency>,
    pub(super) object: Option<ObjectContent>,
}

/// The object outside that a resource is, and its content.
#[derive(Debug)]
pub(super) struct ObjectContent {
    pub(super) name: String,
    pub(super) digest: String,
}

impl NewResource {
    /// A resource of the type `provider:group/Kind`. `inputs` may hold tokens of outputs in its strings.
    pub fn new(kind: impl Into<String>, name: impl Into<String>, inputs: serde_json::Value) -> Self {
        Self {
            kind: kind.into(),
            name: name.into(),
            inputs,
            options: Options::default(),
            after: Vec::new(),
            object: None,
        }
    }

    /// Lets it count once where it is declared again, in whatever component: as the object that has this full name outside,
    /// with the content of this digest. For what stands in files, of which several may say the same.
    #[must_use]
    pub fn counts_once(mut self, name: impl Into<String>, digest: impl Into<String>) -> Self {
        self.object = Some(ObjectContent {
            name: name.into(),
            digest: digest.into(),
        });
        self
    }

    /// Lets it wait for something else.
    #[must_use]
    pub fn after(mut self, dependency: Dependency) -> Self {
        self.after.push(dependency);
        self
    }

    /// Sets its options.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }
}

/// An error in a declaration, with its source line.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DeclareError {
    /// Two resources have one name.
    #[error(
        "{second}: {key} is declared already at {first}; names have to be unique among resources of a type within a component"
    )]
    Duplicate {
        /// The name.
        key: Key,
        /// The first declaration.
        first: SourceLine,
        /// The second one.
        second: SourceLine,
    },
    /// Two files say different things of one object.
    #[error(
        "{second}: {key} is declared already at {first}, with other content: an object can be declared in one way only"
    )]
    Contradiction {
        /// The name of the first declaration.
        key: Key,
        /// The first declaration.
        first: SourceLine,
        /// The second one.
        second: SourceLine,
    },
    /// A name that cannot be used.
    #[error("{at}: {error}")]
    Name {
        /// Why.
        error: KeyError,
        /// Where.
        at: SourceLine,
    },
    /// An output that stands where it cannot be used.
    #[error("{at}: {key}: {error}")]
    Token {
        /// Which resource.
        key: Key,
        /// Why.
        error: TokenError,
        /// Where.
        at: SourceLine,
    },
    /// A resource that cannot be written as JSON.
    #[error("{at}: {name}: {message}")]
    Inputs {
        /// Which resource.
        name: String,
        /// The message of its serializer or of a scope.
        message: String,
        /// Where.
        at: SourceLine,
    },
    /// An export that cannot be used.
    #[error("{at}: export {name:?}: {message}")]
    Export {
        /// Its name.
        name: String,
        /// Why.
        message: String,
        /// Where.
        at: SourceLine,
    },
    /// Something is wrong in a file that the program reads.
    #[error("{at}: {name}{}{message}", if .name.is_empty() { "" } else { ": " })]
    File {
        /// Which part of it; empty where it is the file as a whole.
        name: String,
        /// The error, in words.
        message: String,
        /// Where in the file.
        at: SourceLine,
    },
    /// Required configuration is missing.
    #[error("{at}: {message}")]
    Config {
        /// Which, and how to set it.
        message: String,
        /// Where it is asked for.
        at: SourceLine,
    },
}

impl DeclareError {
    /// The text that somebody wrote for it, where there is one.
    pub(super) fn message_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Inputs { message, .. }
            | Self::File { message, .. }
            | Self::Export { message, .. }
            | Self::Config { message, .. } => Some(message),
            Self::Duplicate { .. } | Self::Contradiction { .. } | Self::Name { .. } | Self::Token { .. } => None,
        }
    }
}
