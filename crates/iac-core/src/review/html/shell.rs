//! The frame of a page: its policy, styles and script.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

const STYLES: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A page with this title and content.
pub(super) fn document(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(STYLES)) }
            }
            body {
                (body)
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string() + "\n"
}

/// The policy: nothing is loaded or run but the style sheet and the script of the page itself.
fn policy() -> String {
    format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; img-src data:; base-uri 'none'; form-action 'none'",
        digest(STYLES),
        digest(SCRIPT)
    )
}

fn digest(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_embedded_needs_nothing_else_and_ends_nothing_early() {
        for text in [STYLES, SCRIPT] {
            let lower = text.to_ascii_lowercase();
            for word in [
                "</",
                "<!--",
                "http:",
                "https:",
                "url(",
                "@import",
                "eval(",
                "innerhtml",
                "document.write",
            ] {
                assert!(!lower.contains(word), "{word} in the embedded text");
            }
        }
        assert!(policy().starts_with("default-src 'none'; style-src 'sha256-"));
    }
}
