//! The handle of an object that a program declared.

use std::fmt;
use std::ops::Deref;

use iac_core::declare::{Declared, Dependency, Handle};
use iac_core::{Key, Stack};

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
}

impl<K> Declared for Object<K> {
    fn place(&self) -> (&Stack, &Key) {
        self.handle.place()
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
