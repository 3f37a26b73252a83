//! Handles: a program's reference to a resource that it declared.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use super::{Dependency, Output, Stack, Wait};
use crate::provider::Phase;
use crate::urn::Key;
use crate::value::FieldPath;

/// A declared resource of the type `R`.
///
/// Its methods add to the declaration, and give the handle back so that they can be chained; at the end of a chain it may
/// be dropped. Providers add typed references with extension traits (`secret.env_var("KEY")`, `service.backend(80)`).
pub struct Handle<R> {
    stack: Stack,
    key: Key,
    of: PhantomData<fn() -> R>,
}

impl<R> Handle<R> {
    pub(super) fn new(stack: Stack, key: Key) -> Self {
        Self {
            stack,
            key,
            of: PhantomData,
        }
    }

    /// The same resource as a handle of another type; for scopes that declare one type in the form of another.
    pub fn cast<S>(&self) -> Handle<S> {
        Handle::new(self.stack.clone(), self.key.clone())
    }

    /// Its name in the stack.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The stack it is declared in.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The phase in which it does its work, for [`after`](Self::after).
    pub fn ready(&self) -> Dependency {
        Dependency {
            on: self.key.clone(),
            phase: Phase::Ready,
        }
    }

    /// Lets it wait until something else is there (`&handle`) or ready (`handle.ready()`).
    pub fn after(self, dependency: impl Into<Dependency>) -> Self {
        let dependency = dependency.into();
        self.stack.edit(&self.key, |resource| resource.after.push(dependency));
        self
    }

    /// Refuses any plan that would delete or replace it.
    pub fn protect(self) -> Self {
        self.stack.edit(&self.key, |resource| resource.options.protect = true);
        self
    }

    /// Forgets it instead of deleting it when it leaves the program.
    pub fn retain_on_delete(self) -> Self {
        self.stack
            .edit(&self.key, |resource| resource.options.retain_on_delete = true);
        self
    }

    /// Where it has to be replaced, deletes the old object before it makes the new one, also where both could be there
    /// at the same time.
    pub fn delete_before_replace(self) -> Self {
        self.stack
            .edit(&self.key, |resource| resource.options.delete_before_replace = true);
        self
    }

    /// Takes over an object of that name that is there already. `--adopt NAME` on the command line does so for one run.
    pub fn adopt(self) -> Self {
        self.stack.edit(&self.key, |resource| resource.options.adopt = true);
        self
    }

    /// Leaves a field of an existing object alone when the program changes it.
    pub fn ignore_changes(self, path: FieldPath) -> Self {
        self.stack
            .edit(&self.key, |resource| resource.options.ignore_changes.push(path));
        self
    }

    /// Limits how long one operation on it, or the wait for it, may take.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.stack
            .edit(&self.key, |resource| resource.options.timeout = Some(timeout));
        self
    }

    /// Does not wait until it is ready: once the object is there, that is enough. For what becomes ready only after
    /// somebody else did their part, outside of this stack. Nothing may need it ready then: `after(x.ready())` and
    /// [`ready_output`](Self::ready_output) of it are refused.
    pub fn skip_wait(self) -> Self {
        self.stack.edit(&self.key, |resource| resource.options.wait = Wait::No);
        self
    }

    /// One of its outputs, at an RFC 6901 pointer, there as soon as the object is.
    pub fn output(&self, pointer: &str) -> Output {
        Output::of_resource(&self.key, pointer, Phase::Exists, false)
    }

    /// One of its outputs that is there only once it is ready: a load balancer's address.
    pub fn ready_output(&self, pointer: &str) -> Output {
        Output::of_resource(&self.key, pointer, Phase::Ready, false)
    }
}

impl<R> Clone for Handle<R> {
    fn clone(&self) -> Self {
        Self::new(self.stack.clone(), self.key.clone())
    }
}

impl<R> fmt::Debug for Handle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({})", self.key)
    }
}

impl<R> From<&Handle<R>> for Dependency {
    fn from(handle: &Handle<R>) -> Self {
        Self {
            on: handle.key.clone(),
            phase: Phase::Exists,
        }
    }
}
