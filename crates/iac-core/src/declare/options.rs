//! The options of a resource, besides its inputs, and the methods with which a program sets them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DeclareError, Dependency, Handle, Stack, Wait};
use crate::urn::Key;
use crate::value::{FieldPathError, FieldPattern};

/// The options of a resource, besides its inputs.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// A plan that would delete or replace the resource is an error. Recorded, so that it outlives the declaration.
    pub protect: bool,
    /// When it leaves the program it is forgotten, not deleted.
    pub retain_on_delete: bool,
    /// Where it has to be replaced, the old object is deleted before the new one is made.
    pub delete_before_replace: bool,
    /// An object, or a field that somebody else holds, may be taken over even if it is there already and not ours. The option is
    /// about the run, not about the object, so it is not recorded.
    pub adopt: bool,
    /// Fields of an existing object that are left as they are: neither the program's changes of them are applied, nor those
    /// of others taken back. Recorded, for what looks at the object without the program.
    pub ignore_changes: Vec<FieldPattern>,
    /// The time that one operation on it, or the wait for it, may take; the engine's default where none is given.
    pub timeout: Option<Duration>,
    /// The next run replaces the object. No program says so: `state taint` writes it to the record.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tainted: bool,
    /// Whether a run waits until it is ready.
    #[serde(skip_serializing_if = "Wait::is_usual")]
    pub wait: Wait,
}

impl Options {
    /// Those that are recorded.
    pub(crate) fn to_record(&self) -> Self {
        Self {
            adopt: false,
            ..self.clone()
        }
    }
}

/// Whatever a program declared: the methods set its options, and give it back so that they can be chained.
///
/// Every crate that declares resources has the trait in its root, so that a program takes it from where the rest comes from:
///
/// ```
/// use iac_core::Declared as _;
/// use iac_core::declare::{NewResource, Stack};
///
/// let stack = Stack::new("demo", iac_core::config::Config::default());
/// let settings = stack.declare::<()>(NewResource::new("example:core/Settings", "app", serde_json::json!({})));
/// settings.protect().skip_wait();
/// let declaration = stack.finish().expect("nothing wrong with it");
/// assert!(declaration.resources[0].options.protect);
/// ```
///
/// Without the trait the compiler names it:
///
/// ```compile_fail,E0599
/// use iac_core::declare::Handle;
///
/// fn keep(settings: Handle<()>) {
///     settings.protect();
/// }
/// ```
pub trait Declared: Sized {
    /// The stack it is declared in, and its name there.
    fn place(&self) -> (&Stack, &Key);

    /// Changes its options as a function says.
    fn with_options(self, change: impl FnOnce(&mut Options)) -> Self {
        let (stack, key) = self.place();
        stack.edit(key, |resource| change(&mut resource.options));
        self
    }

    /// Lets it wait until something else is there (`&handle`) or ready (`handle.ready()`).
    fn after(self, dependency: impl Into<Dependency>) -> Self {
        let dependency = dependency.into();
        let (stack, key) = self.place();
        stack.edit(key, |resource| resource.after.push(dependency));
        self
    }

    /// Refuses any plan that would delete or replace it.
    fn protect(self) -> Self {
        self.with_options(|options| options.protect = true)
    }

    /// Forgets it instead of deleting it when it leaves the program.
    fn retain_on_delete(self) -> Self {
        self.with_options(|options| options.retain_on_delete = true)
    }

    /// Where it has to be replaced, deletes the old object before it makes the new one, also where both could be there
    /// at the same time.
    fn delete_before_replace(self) -> Self {
        self.with_options(|options| options.delete_before_replace = true)
    }

    /// Takes over an object of that name that is there already. `--adopt NAME` on the command line does so for one run.
    fn adopt(self) -> Self {
        self.with_options(|options| options.adopt = true)
    }

    /// Leaves fields of an existing object as they are, whoever changes them: `spec.replicas`,
    /// `spec.template.spec.containers.*.image`, `metadata.annotations["example.com/x"]`; `*` is any key or element, and
    /// alone every field. A new object is made as declared. A pattern that names no field is an error of the plan.
    #[track_caller]
    fn ignore_changes(self, pattern: &str) -> Self {
        match option_pattern(&self, "ignore_changes", pattern) {
            Some(pattern) => self.with_options(|options| options.ignore_changes.push(pattern)),
            None => self,
        }
    }

    /// Limits how long one operation on it, or the wait for it, may take.
    fn timeout(self, timeout: Duration) -> Self {
        self.with_options(|options| options.timeout = Some(timeout))
    }

    /// Does not wait until it is ready: once the object is there, that is enough. For what becomes ready only after
    /// somebody else did their part, outside of this stack. Nothing may need it ready then: `after(x.ready())` and
    /// [`ready_output`](Handle::ready_output) of it are refused. In a manifest the annotation `iac.dev/wait: "false"` says
    /// so, in a compose file `x-iac: { wait: false }`.
    fn skip_wait(self) -> Self {
        self.with_options(|options| options.wait = Wait::No)
    }
}

impl<R> Declared for Handle<R> {
    fn place(&self) -> (&Stack, &Key) {
        (self.stack(), self.key())
    }
}

/// Reads the pattern of an option, or reports that it cannot be read.
#[track_caller]
fn option_pattern(declared: &impl Declared, option: &str, text: &str) -> Option<FieldPattern> {
    let (stack, key) = declared.place();
    let read = match text.trim() {
        "" => Err("it names no field (* is every field)".to_owned()),
        text => text.parse().map_err(|error: FieldPathError| error.to_string()),
    };
    match read {
        Ok(pattern) => Some(pattern),
        Err(why) => {
            stack.report(DeclareError::Inputs {
                name: key.name().to_owned(),
                message: format!("{option}: {why}"),
                at: stack.source(),
            });
            None
        }
    }
}
