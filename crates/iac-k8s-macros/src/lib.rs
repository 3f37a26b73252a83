//! The macro of `iac-k8s` that takes the noise out of Kubernetes objects. Use it as `iac_k8s::k8s`; its documentation is
//! there too.

mod convert;
mod literals;

use proc_macro::TokenStream;

#[expect(
    missing_docs,
    reason = "its documentation is at `iac_k8s::k8s`, where its examples compile"
)]
#[proc_macro]
pub fn k8s(input: TokenStream) -> TokenStream {
    literals::expand(&input.into()).into()
}
