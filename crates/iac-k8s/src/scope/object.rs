//! The handle of an object that a program declared.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use iac_core::FieldPath;
use iac_core::declare::{Dependency, Handle};

/// A declared object of the type `K`: a [`Handle`] that knows the object's name in the cluster.
pub struct Object<K> {
    handle: Handle<K>,
    name: String,
    namespace: Option<String>,
}

impl<K> Object<K> {
    pub(super) fn new(handle: Handle<K>, name: String, namespace: Option<String>) -> Self {
        Self {
            handle,
            name,
            namespace,
        }
    }

    /// Its name in the cluster.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its namespace; none for an object of the cluster.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Lets it wait until something else is there (`&object`) or ready (`object.ready()`).
    pub fn after(self, dependency: impl Into<Dependency>) -> Self {
        self.with(|handle| handle.after(dependency))
    }

    /// Refuses any plan that would delete or replace it.
    pub fn protect(self) -> Self {
        self.with(Handle::protect)
    }

    /// Forgets it instead of deleting it when it leaves the program.
    pub fn retain_on_delete(self) -> Self {
        self.with(Handle::retain_on_delete)
    }

    /// Where it has to be replaced, deletes the old object before it makes the new one, also where both could be there
    /// at the same time.
    pub fn delete_before_replace(self) -> Self {
        self.with(Handle::delete_before_replace)
    }

    /// Takes over an object of that name that is there already. `--adopt NAME` on the command line does so for one run.
    pub fn adopt(self) -> Self {
        self.with(Handle::adopt)
    }

    /// Leaves a field of an existing object alone when the program changes it.
    pub fn ignore_changes(self, path: FieldPath) -> Self {
        self.with(|handle| handle.ignore_changes(path))
    }

    /// Limits how long one operation on it, or the wait for it, may take.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|handle| handle.timeout(timeout))
    }

    /// Does not wait until it is ready, as the annotation `iac.dev/wait: "false"` does. See [`Handle::skip_wait`].
    pub fn skip_wait(self) -> Self {
        self.with(Handle::skip_wait)
    }

    fn with(self, change: impl FnOnce(Handle<K>) -> Handle<K>) -> Self {
        Self {
            handle: change(self.handle),
            ..self
        }
    }
}

impl<K> Deref for Object<K> {
    type Target = Handle<K>;

    fn deref(&self) -> &Handle<K> {
        &self.handle
    }
}

impl<K> Clone for Object<K> {
    fn clone(&self) -> Self {
        Self::new(self.handle.clone(), self.name.clone(), self.namespace.clone())
    }
}

impl<K> fmt::Debug for Object<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({})", self.handle.key())
    }
}

impl<K> From<&Object<K>> for Dependency {
    fn from(object: &Object<K>) -> Self {
        Self::from(&object.handle)
    }
}
