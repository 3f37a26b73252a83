//! Handles: a program's reference to a resource that it declared.

use std::fmt;
use std::marker::PhantomData;

use super::{Dependency, Output, Stack};
use crate::provider::Phase;
use crate::urn::Key;

/// A declared resource of the type `R`.
///
/// The methods of [`Declared`](super::Declared) set its options; at the end of a chain it may be dropped. Providers add typed references with extension traits (`secret.env_var("KEY")`, `service.backend(80)`).
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

    /// The phase in which it does its work, for [`after`](super::Declared::after).
    pub fn ready(&self) -> Dependency {
        Dependency {
            on: self.key.clone(),
            phase: Phase::Ready,
        }
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
