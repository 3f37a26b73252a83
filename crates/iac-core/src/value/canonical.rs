//! The one byte sequence that stands for a JSON tree: for digests, and for files that are compared.
//!
//! Our own writer, so that no Cargo feature of another crate can change it: keys by code point, integers as exact
//! decimals, floats in the shortest form that reads back the same, no white space, and only the escapes that JSON
//! demands.

use serde_json::{Number, Value as Json};
use sha2::{Digest, Sha256};

use super::expr::hex;

/// The canonical text of `json`.
pub fn to_string(json: &Json) -> String {
    let mut out = String::new();
    write(json, &mut out);
    out
}

/// The SHA-256 of the canonical text, in lower-case hexadecimal.
pub fn digest(json: &Json) -> String {
    hex(&Sha256::digest(to_string(json).as_bytes()))
}

fn write(json: &Json, out: &mut String) {
    match json {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Json::Number(number) => write_number(number, out),
        Json::String(text) => write_string(text, out),
        Json::Array(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Json::Object(map) => {
            // The map's own order depends on a Cargo feature of serde_json.
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.push('{');
            for (position, key) in keys.into_iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write(&map[key], out);
            }
            out.push('}');
        }
    }
}

fn write_number(number: &Number, out: &mut String) {
    use std::fmt::Write as _;
    // Writing to a String cannot fail.
    let _ = match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(integer), _, _) => write!(out, "{integer}"),
        (_, Some(integer), _) => write!(out, "{integer}"),
        // `{:?}` is the shortest text that reads back the same, and keeps the mark of a float (`1.0`).
        (_, _, Some(float)) => write!(out, "{float:?}"),
        _ => write!(out, "{number}"),
    };
}

fn write_string(text: &str, out: &mut String) {
    use std::fmt::Write as _;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_exact() {
        let json = serde_json::json!({"b": [1, -2, 1.0, 0.1, 18_446_744_073_709_551_615_u64, 1e300], "a": "é\"\\\n\u{1}", "Z": null, "": true});
        assert_eq!(
            to_string(&json),
            "{\"\":true,\"Z\":null,\"a\":\"é\\\"\\\\\\n\\u0001\",\"b\":[1,-2,1.0,0.1,18446744073709551615,1e300]}"
        );
    }

    proptest::proptest! {
        #[test]
        fn it_reads_back_the_same(text in ".*", float in proptest::num::f64::NORMAL, int in proptest::num::i64::ANY) {
            let json = serde_json::json!({text.clone(): [text, float, int]});
            let back: Json = serde_json::from_str(&to_string(&json)).expect("valid JSON");
            proptest::prop_assert_eq!(back, json);
        }
    }
}
