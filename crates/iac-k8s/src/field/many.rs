//! Fields that hold many: lists and maps.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::IntoField;

/// A type of fields that holds items.
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` takes no list",
    label = "this is a list",
    note = "`[…]` and `vec![…]` become `Vec` and `BTreeMap<String, _>`"
)]
pub trait Items {
    /// The type of an item; for a map it is a pair.
    type Item;

    /// Makes it of its items.
    fn of_items(items: impl Iterator<Item = Self::Item>) -> Self;
}

impl<T> Items for Vec<T> {
    type Item = T;

    fn of_items(items: impl Iterator<Item = T>) -> Self {
        items.collect()
    }
}

impl<V> Items for BTreeMap<String, V> {
    type Item = (String, V);

    fn of_items(items: impl Iterator<Item = (String, V)>) -> Self {
        items.collect()
    }
}

impl<L: Items> Items for Option<L> {
    type Item = L::Item;

    fn of_items(items: impl Iterator<Item = L::Item>) -> Self {
        Some(L::of_items(items))
    }
}

/// A field of these items: what `[…]` becomes inside of [`k8s!`](crate::k8s).
pub fn list<L: Items, const N: usize>(items: [L::Item; N]) -> L {
    L::of_items(items.into_iter())
}

/// A field of the items of an iterator: what `.collect()` becomes inside of [`k8s!`](crate::k8s).
pub fn collect<L: Items, I: IntoIterator<Item: IntoField<L::Item>>>(items: I) -> L {
    L::of_items(items.into_iter().map(IntoField::into_field))
}

impl<V: IntoField<T>, T, const N: usize> IntoField<Vec<T>> for [V; N] {
    fn into_field(self) -> Vec<T> {
        self.into_iter().map(IntoField::into_field).collect()
    }
}

impl<V: IntoField<T>, T, const N: usize> IntoField<Option<Vec<T>>> for [V; N] {
    fn into_field(self) -> Option<Vec<T>> {
        Some(self.into_field())
    }
}

impl<V: Clone + IntoField<T>, T> IntoField<Vec<T>> for &[V] {
    fn into_field(self) -> Vec<T> {
        self.iter().cloned().map(IntoField::into_field).collect()
    }
}

impl<V: Clone + IntoField<T>, T> IntoField<Option<Vec<T>>> for &[V] {
    fn into_field(self) -> Option<Vec<T>> {
        Some(self.into_field())
    }
}

/// Lists of pairs become maps.
macro_rules! pairs {
    ($([$($size:tt)*] $pairs:ty),*) => {$(
        impl<K: IntoField<String>, V: IntoField<T>, T, $($size)*> IntoField<BTreeMap<String, T>> for $pairs {
            fn into_field(self) -> BTreeMap<String, T> {
                let pair = |(key, value): (K, V)| (key.into_field(), value.into_field());
                self.into_iter().map(pair).collect()
            }
        }

        impl<K: IntoField<String>, V: IntoField<T>, T, $($size)*> IntoField<Option<BTreeMap<String, T>>> for $pairs {
            fn into_field(self) -> Option<BTreeMap<String, T>> {
                Some(self.into_field())
            }
        }
    )*};
}

pairs!([const N: usize] [(K, V); N], [] Vec<(K, V)>);

/// The texts of a map as quantities, such as requests that are read from configuration.
impl IntoField<BTreeMap<String, Quantity>> for &BTreeMap<String, String> {
    fn into_field(self) -> BTreeMap<String, Quantity> {
        let pair = |(key, text): (&String, &String)| (key.clone(), text.into_field());
        self.iter().map(pair).collect()
    }
}

impl IntoField<Option<BTreeMap<String, Quantity>>> for &BTreeMap<String, String> {
    fn into_field(self) -> Option<BTreeMap<String, Quantity>> {
        Some(self.into_field())
    }
}

/// Pairs that an iterator gives.
impl<V: IntoField<T>, T> IntoField<(String, T)> for (&str, V) {
    fn into_field(self) -> (String, T) {
        (self.0.to_owned(), self.1.into_field())
    }
}

impl<V: IntoField<T>, T> IntoField<(String, T)> for (&String, V) {
    fn into_field(self) -> (String, T) {
        (self.0.clone(), self.1.into_field())
    }
}
