//! The systems that the programs in this folder put on their targets: one module each, with its description and settings.

pub mod codelab;
pub mod easyflow;
pub mod estimate;
