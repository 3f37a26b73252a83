//! Outputs that travel inside plain Rust strings.
//!
//! Other people's structs (`k8s_openapi`'s, say) hold `String`s. An output that is put into one becomes a *token*: the
//! output's description between two private-use characters, with a number that is drawn again for each process, so that
//! no text from outside can pass for one. In between are only letters, digits, `-` and `_`, so that what splits a text at
//! blanks, quotes or colons leaves a token whole. [`parse_tree`] finds them again in the serialized resource, and
//! [`describe`] puts into a message what a token stands for. No token holds a value.

use std::borrow::Cow;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Expr, FieldPath, Map, OutputRef, Part, Trail, Value};

/// Opens a token: the first character of Unicode's private use area.
const OPEN: char = '\u{E000}';
/// Closes a token.
const CLOSE: char = '\u{E001}';

/// A token that cannot be used where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// An output stands in an object's key, which has to be known when planning.
    #[error(
        "{path}: the key is an output of another resource; a key has to be known when planning. Use a fixed key and put the output into its value"
    )]
    InKey {
        /// The object.
        path: FieldPath,
    },
    /// A token was cut, changed or comes from elsewhere.
    #[error(
        "{path}: an output was cut or changed as text. Put it in whole (format!(\"…{{output}}…\")) and use its own methods (url_encode, base64, sha256, json_pointer) to transform it"
    )]
    Damaged {
        /// The string that holds the rest of it.
        path: FieldPath,
    },
}

/// A number that only this process knows.
fn nonce() -> &'static str {
    static NONCE: OnceLock<String> = OnceLock::new();
    NONCE.get_or_init(|| {
        let mut bytes = [0_u8; 8];
        // Without a source of randomness the token is still unambiguous within the process; only the guard against
        // look-alikes from outside is weaker.
        let _ = getrandom::fill(&mut bytes);
        super::expr::hex(&bytes)
    })
}

/// The text that stands for `output` inside a string.
pub fn encode(output: &OutputRef) -> String {
    // The description holds strings, an enum and a boolean: it always serializes.
    let description = serde_json::to_vec(output).unwrap_or_default();
    format!("{OPEN}iac-{}-{}{CLOSE}", nonce(), URL_SAFE_NO_PAD.encode(description))
}

/// The output that the text between the two marks describes.
fn decode(body: &str) -> Option<OutputRef> {
    let description = body.strip_prefix("iac-")?.strip_prefix(nonce())?.strip_prefix('-')?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(description).ok()?).ok()
}

/// The text for people: each token as what it stands for (`<config db>`), and of a damaged one that it is one.
pub fn describe(text: &str) -> Cow<'_, str> {
    let text = unescaped(text);
    if !is_token(&text) {
        return text;
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(start) = rest.find(OPEN) {
        shown.push_str(&rest[..start]);
        let body = &rest[start + OPEN.len_utf8()..];
        let (token, after) = body.split_once(CLOSE).unwrap_or((body, ""));
        match decode(token) {
            Some(output) => shown.push_str(&format!("<{output}>")),
            None => shown.push_str("<an output>"),
        }
        rest = after;
    }
    shown.push_str(rest);
    Cow::Owned(shown.replace(CLOSE, ""))
}

/// The text with the marks of tokens as they are, where somebody quoted it the way Rust does.
fn unescaped(text: &str) -> Cow<'_, str> {
    let quoted = |mark: char| mark.escape_unicode().to_string();
    if !text.contains(&quoted(OPEN)) && !text.contains(&quoted(CLOSE)) {
        return Cow::Borrowed(text);
    }
    let text = text.replace(&quoted(OPEN), OPEN.encode_utf8(&mut [0; 4]));
    Cow::Owned(text.replace(&quoted(CLOSE), CLOSE.encode_utf8(&mut [0; 4])))
}

/// True if a text holds anything of a token.
pub fn is_token(text: &str) -> bool {
    text.contains([OPEN, CLOSE])
}

/// The output of a text that is one token and nothing else.
pub(crate) fn only(text: &str) -> Option<OutputRef> {
    decode(text.strip_prefix(OPEN)?.strip_suffix(CLOSE)?)
}

/// Splits a string that may hold tokens.
///
/// # Errors
/// [`TokenError::Damaged`] when a token is not whole; `path` is only for that message.
pub fn parse(text: &str, path: &FieldPath) -> Result<Value, TokenError> {
    if !is_token(text) {
        return Ok(Value::String(text.to_owned()));
    }
    let damaged = || TokenError::Damaged { path: path.clone() };
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(OPEN) {
        push_literal(&mut parts, &rest[..start], path)?;
        let body = &rest[start + OPEN.len_utf8()..];
        let end = body.find(CLOSE).ok_or_else(damaged)?;
        parts.push(Part::Output(decode(&body[..end]).ok_or_else(damaged)?));
        rest = &body[end + CLOSE.len_utf8()..];
    }
    push_literal(&mut parts, rest, path)?;
    Ok(Value::Expr(Expr { parts }))
}

fn push_literal(parts: &mut Vec<Part>, text: &str, path: &FieldPath) -> Result<(), TokenError> {
    if is_token(text) {
        return Err(TokenError::Damaged { path: path.clone() });
    }
    if !text.is_empty() {
        parts.push(Part::Literal(text.to_owned()));
    }
    Ok(())
}

/// Turns serialized inputs into a tree in which every token is an expression.
///
/// # Errors
/// A token in a key, or a damaged one, with its path.
pub fn parse_tree(json: serde_json::Value) -> Result<Value, TokenError> {
    fn step(json: serde_json::Value, trail: &Trail<'_>) -> Result<Value, TokenError> {
        match json {
            serde_json::Value::String(text) if is_token(&text) => parse(&text, &trail.path()),
            serde_json::Value::Array(items) => items
                .into_iter()
                .enumerate()
                .map(|(index, item)| step(item, &trail.index(index)))
                .collect::<Result<Vec<_>, _>>()
                .map(Value::Array),
            serde_json::Value::Object(map) => map
                .into_iter()
                .map(|(key, child)| {
                    if is_token(&key) {
                        return Err(TokenError::InKey { path: trail.path() });
                    }
                    let child = step(child, &trail.field(&key))?;
                    Ok((key, child))
                })
                .collect::<Result<Map, _>>()
                .map(Value::Object),
            leaf => Ok(leaf.into()),
        }
    }
    step(json, &Trail::root())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Phase;
    use crate::value::{Source, Transform};

    fn output() -> OutputRef {
        OutputRef {
            source: Source::Config("db".into()),
            path: "/password".into(),
            phase: Phase::Exists,
            secret: true,
            transforms: vec![Transform::UrlEncode],
        }
    }

    #[test]
    fn a_token_is_found_again_in_a_string() {
        let text = format!("postgres://app:{}@db", encode(&output()));
        let Ok(Value::Expr(expr)) = parse(&text, &FieldPath::root()) else {
            unreachable!("no expression")
        };
        assert_eq!(expr.to_string(), "postgres://app:<config db.password|url_encode>@db");
        assert_eq!(expr.parts.len(), 3);
        assert!(expr.is_secret());
    }

    #[test]
    fn a_token_is_shown_as_what_it_stands_for() {
        let token = encode(&output());
        let cut: String = token.chars().take(20).collect();
        for (text, expected) in [
            ("plain".to_owned(), "plain"),
            (
                format!("a {token} b{token}"),
                "a <config db.password|url_encode> b<config db.password|url_encode>",
            ),
            (cut.clone(), "<an output>"),
            (format!("{token:?}"), "\"<config db.password|url_encode>\""),
        ] {
            assert_eq!(describe(&text), expected);
        }
        assert!(
            token
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | OPEN | CLOSE))
        );
    }

    #[test]
    fn a_cut_or_foreign_token_is_an_error() {
        let token = encode(&output());
        let cut: String = token.chars().take(20).collect();
        let tail: String = token.chars().skip(20).collect();
        let foreign = token.replace(nonce(), "0123456789abcdef");
        let upper = token.to_uppercase();
        for text in [cut, tail, foreign, upper] {
            assert!(
                matches!(parse(&text, &FieldPath::root()), Err(TokenError::Damaged { .. })),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_token_in_a_key_is_an_error_that_names_the_object() {
        let tree = serde_json::json!({"data": {encode(&output()): "x"}});
        let error = parse_tree(tree).expect_err("refused");
        assert_eq!(
            error,
            TokenError::InKey {
                path: FieldPath::fields(["data"])
            }
        );
    }
}
