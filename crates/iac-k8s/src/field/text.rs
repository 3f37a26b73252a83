//! Fields that are written as a text.

use std::borrow::Cow;

use iac_core::Output;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::IntoField;

/// A type of fields that takes a text.
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` takes no text",
    label = "this is a text",
    note = "texts become `String`, `Quantity` and `IntOrString`"
)]
pub trait OfText {
    /// Makes it of a text.
    fn of_text(text: String) -> Self;
}

impl OfText for String {
    fn of_text(text: String) -> Self {
        text
    }
}

impl OfText for Quantity {
    fn of_text(text: String) -> Self {
        Self(text)
    }
}

impl OfText for IntOrString {
    fn of_text(text: String) -> Self {
        Self::String(text)
    }
}

/// Conversions of types that are texts by themselves: alone, in an `Option` and in a `Vec`.
macro_rules! texts {
    ($($text:ty),*) => {$(
        impl<T: OfText> IntoField<T> for $text {
            fn into_field(self) -> T {
                T::of_text(self.to_string())
            }
        }

        impl<T: OfText> IntoField<Option<T>> for $text {
            fn into_field(self) -> Option<T> {
                Some(T::of_text(self.to_string()))
            }
        }

        impl<T: OfText> IntoField<Option<T>> for Option<$text> {
            fn into_field(self) -> Option<T> {
                self.map(|text| T::of_text(text.to_string()))
            }
        }

        impl<T: OfText> IntoField<Vec<T>> for Vec<$text> {
            fn into_field(self) -> Vec<T> {
                self.into_iter().map(|text| T::of_text(text.to_string())).collect()
            }
        }

        impl<T: OfText> IntoField<Option<Vec<T>>> for Vec<$text> {
            fn into_field(self) -> Option<Vec<T>> {
                Some(self.into_field())
            }
        }
    )*};
}

texts!(&str, &&str, Cow<'_, str>, Output, &Output);

/// Conversions of a `String`. A field that holds a `String` already takes it as it is, so only the others are left.
macro_rules! strings {
    ($($field:ty),*) => {$(
        impl IntoField<$field> for String {
            fn into_field(self) -> $field {
                <$field>::of_text(self)
            }
        }

        impl IntoField<Option<$field>> for String {
            fn into_field(self) -> Option<$field> {
                Some(self.into_field())
            }
        }

        impl IntoField<$field> for &String {
            fn into_field(self) -> $field {
                self.as_str().into_field()
            }
        }

        impl IntoField<Option<$field>> for &String {
            fn into_field(self) -> Option<$field> {
                self.as_str().into_field()
            }
        }

        impl IntoField<Option<$field>> for Option<String> {
            fn into_field(self) -> Option<$field> {
                self.map(String::into_field)
            }
        }
    )*};
}

strings!(Quantity, IntOrString);
