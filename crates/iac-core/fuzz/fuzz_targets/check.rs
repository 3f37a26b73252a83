//! Feeds `iac_fuzz::targets::check`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| iac_fuzz::targets::check(bytes));
