//! The structs of settings with their defaults, each field in one line.

/// Declares structs for [`Stack::settings_with_defaults`](crate::Stack::settings_with_defaults): each field with its
/// default, which is that of its type where none is given. The program needs serde among its own dependencies.
///
/// ```
/// use iac_core::{Output, Result, Stack, settings};
///
/// settings! {
///     /// The keys are `host`, `api.image`, `api.replicas` and `api.token`.
///     pub struct Settings {
///         host: String = "shop.example.com".into(),
///         api: Api,
///     }
///
///     pub struct Api {
///         image: String = "shop:1".into(),
///         replicas: u32 = 3,
///         token: Option<Output>, // a secret
///     }
/// }
///
/// fn shop(stack: &Stack) -> Result<()> {
///     let s: Settings = stack.settings_with_defaults(Settings::default())?;
///     stack.export("url", format!("https://{}", s.host));
///     Ok(())
/// }
/// # let stack = Stack::new("prod", iac_core::config::Config::default());
/// # assert!(shop(&stack).is_ok());
/// # assert_eq!(Settings::default().api.replicas, 3);
/// ```
#[macro_export]
macro_rules! settings {
    (@default) => { ::std::default::Default::default() };
    (@default $default:expr) => { $default };
    ($($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field:ident: $type:ty $(= $default:expr)?),* $(,)?
    })*) => {$(
        $(#[$meta])*
        #[allow(missing_docs, reason = "the fields are the keys; `config list` shows them")]
        #[derive(Debug, Clone, ::serde::Serialize, ::serde::Deserialize)]
        $vis struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl ::std::default::Default for $name {
            fn default() -> Self {
                Self { $($field: $crate::settings!(@default $($default)?),)* }
            }
        }
    )*};
}
