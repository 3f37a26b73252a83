//! Fields that hold a number.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::IntoField;

/// Conversions that lose nothing.
macro_rules! numbers {
    ($($number:ty => $field:ty: $convert:expr),* $(,)?) => {$(
        impl IntoField<$field> for $number {
            fn into_field(self) -> $field {
                $convert(self)
            }
        }

        impl IntoField<Option<$field>> for $number {
            fn into_field(self) -> Option<$field> {
                Some(self.into_field())
            }
        }

        impl IntoField<Option<$field>> for Option<$number> {
            fn into_field(self) -> Option<$field> {
                self.map(<$number as IntoField<$field>>::into_field)
            }
        }
    )*};
}

numbers! {
    u16 => i32: i32::from,
    u16 => i64: i64::from,
    u16 => IntOrString: |port| IntOrString::Int(i32::from(port)),
    i32 => i64: i64::from,
    i32 => IntOrString: IntOrString::Int,
    i32 => Quantity: |number: i32| Quantity(number.to_string()),
    u32 => i64: i64::from,
    i64 => Quantity: |number: i64| Quantity(number.to_string()),
}
