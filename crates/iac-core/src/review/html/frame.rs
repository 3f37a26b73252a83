//! The head of every page: its title, a line about it, and what the keys do.

use maud::{Markup, html};

/// The header of a page.
pub(super) fn header(title: &Markup, lead: &str, more: &Markup) -> Markup {
    html! {
        a.skip href="#steps" { "Skip to the steps" }
        header {
            h1 { (title) }
            p.lead { (lead) }
            (more)
            p.buttons hidden {
                button type="button" id="theme" { "Dark or light" }
                button type="button" id="help-button" { "Keys" }
            }
            (help())
        }
    }
}

/// Returns the help on the keys.
fn help() -> Markup {
    let keys = [
        ("j", "next step"),
        ("k", "step before"),
        ("Enter", "open or close a step"),
        ("/", "search"),
        ("?", "these keys"),
        ("Esc", "close this, leave the search"),
    ];
    html! {
        dialog id="help" aria-labelledby="help-title" {
            h2 id="help-title" { "Keys" }
            dl { @for (key, what) in keys { dt { kbd { (key) } } dd { (what) } } }
            form method="dialog" { button { "Close" } }
        }
    }
}
