//! Placeholder
use iac_core::declare::ResourceDecl;
use iac_core::provider::Reference;
pub(crate) fn all(_: &[&ResourceDecl]) -> Vec<Reference> {
    Vec::new()
}
