//! Conversion of values into the fields of Kubernetes objects inside of [`k8s!`](crate::k8s).
//!
//! The macro calls [`IntoField::into_field`] for each field, [`list`] for `[…]` and `vec![…]`, and [`collect`] for
//! `.collect()`. Implement [`IntoField`] for a type of your own to use it as a field's value, and [`OfText`] for one
//! that is written as a text.

mod many;
mod number;
mod text;

pub use self::many::{Items, collect, list};
pub use self::text::OfText;

/// Conversion into a field of type `T`.
///
/// | value | field |
/// |---|---|
/// | `T`, `&T` (a clone of it) | `T`, `Option<T>` |
/// | `&str`, `&String`, `String`, an output | `String`, `Quantity`, `IntOrString`; each also as an `Option` |
/// | `u16`, `i32`, `u32`, `i64` | wider numbers; `i32` and `u16` also `IntOrString`, `i32` and `i64` also `Quantity` |
/// | arrays and slices | `Vec` |
/// | arrays of pairs, `Vec`s of pairs | `BTreeMap<String, _>` |
/// | `Option<&T>`, `Option<&str>` | `Option<T>` |
#[diagnostic::on_unimplemented(
    message = "a field of type `{T}` does not take a value of type `{Self}`",
    label = "this is a `{Self}`",
    note = "inside of `k8s!` texts become `String`, `Quantity` and `IntOrString`, numbers become wider ones, arrays become lists and maps; `iac_k8s::field::IntoField` has the whole table"
)]
pub trait IntoField<T> {
    /// Converts it.
    fn into_field(self) -> T;
}

impl<T> IntoField<T> for T {
    fn into_field(self) -> T {
        self
    }
}

impl<T> IntoField<Option<T>> for T {
    fn into_field(self) -> Option<T> {
        Some(self)
    }
}

impl<T: Clone> IntoField<T> for &T {
    fn into_field(self) -> T {
        self.clone()
    }
}

impl<T: Clone> IntoField<Option<T>> for &T {
    fn into_field(self) -> Option<T> {
        Some(self.clone())
    }
}

impl<T: Clone> IntoField<Option<T>> for Option<&T> {
    fn into_field(self) -> Option<T> {
        self.cloned()
    }
}

#[cfg(test)]
mod tests;
