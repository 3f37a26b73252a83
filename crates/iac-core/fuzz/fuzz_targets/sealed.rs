//! Feeds `iac_fuzz::targets::sealed`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| iac_fuzz::targets::sealed(bytes));
