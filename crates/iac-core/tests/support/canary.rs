//! A text that may be seen nowhere, and the forms in which it might be.
#![allow(dead_code, reason = "each test file uses a part of it")]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// The secret. It has something to escape in JSON and in Rust, and `/` or `+` in its base64.
pub(crate) const CANARY: &str = "canary \"5bd1e995\"\\~~~???>>>\u{fe}never-on-disk";

/// The parts of the canary that are the same in every way of escaping.
const PARTS: [&str; 2] = ["5bd1e995", "never-on-disk"];

/// The forms of a secret, without what only the neighbours of a base64 would decide.
fn forms(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let escaped = serde_json::Value::from(secret).to_string();
    let debugged = format!("{secret:?}");
    let mut forms = vec![
        secret.to_owned(),
        escaped[1..escaped.len() - 1].to_owned(),
        debugged[1..debugged.len() - 1].to_owned(),
        hex.to_uppercase(),
        hex,
    ];
    for engine in [STANDARD, URL_SAFE] {
        for offset in 0..3 {
            let encoded = engine.encode(["~".repeat(offset).as_str(), secret].concat());
            forms.push(encoded[4..encoded.len() - 4].to_owned());
        }
    }
    forms
}

/// Sees that the text holds the canary in no form.
#[track_caller]
pub(crate) fn assert_silent(text: &str, what: &str) {
    for part in PARTS {
        assert!(!text.contains(part), "{what} holds {part}: {text}");
    }
    assert_hides(CANARY, text, what);
}

/// Sees that the text holds this secret in no form.
#[track_caller]
pub(crate) fn assert_hides(secret: &str, text: &str, what: &str) {
    for form in forms(secret) {
        assert!(!text.contains(&form), "{what} holds {form}: {text}");
    }
}

#[test]
fn a_canary_is_noticed_in_every_form() {
    for form in forms(CANARY) {
        let heard = std::panic::catch_unwind(|| assert_silent(&format!("a {form} b"), "a test"));
        assert!(heard.is_err(), "{form}");
    }
}
