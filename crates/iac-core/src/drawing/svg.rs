//! A drawing as SVG: a box for each node, with a sign, a name and a link, and a line for each edge.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};

use super::layout::{Line, Placed, Size, place};

/// The width of a character of a name, in a font of equal widths at 12 pixels; some have wider ones than others.
const CHARACTER: i64 = 8;
/// The room for the sign before the name.
const SIGN: i64 = 30;
/// The height of a box.
const HEIGHT: i64 = 26;
/// The margin around the drawing.
const MARGIN: i64 = 8;
/// The number of characters of a name that are shown.
const NAME: usize = 48;

/// A box of a drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// The sign before the name: `+`. Without one, there is no room left for it.
    pub(crate) sign: Option<String>,
    /// Its name.
    pub(crate) name: String,
    /// The full text: it is read out and shown as the box's title.
    pub(crate) title: String,
    /// Its look: a class of the style sheet.
    pub(crate) look: String,
    /// The name of its own place in the page, and the place that it links to.
    pub(crate) link: Option<(String, String)>,
}

/// The style of a drawing that is a file of its own: its colours are known to every program that shows such files.
const CSS: &str = include_str!("file.css");

/// A drawing to be put into a page, whose styles say how it looks.
pub(crate) fn svg(title: &str, nodes: &[Node], edges: &[(usize, usize)]) -> Markup {
    let names: Vec<String> = nodes.iter().map(|node| shortened(&node.name)).collect();
    let sizes: Vec<Size> = nodes.iter().zip(&names).map(|(node, name)| size(node, name)).collect();
    let layout = place(&sizes, edges);
    let (width, height) = (layout.width + 2 * MARGIN, layout.height + 2 * MARGIN);
    let view = format!("{} {} {width} {height}", -MARGIN, -MARGIN);
    html! {
        svg.drawing xmlns="http://www.w3.org/2000/svg" viewBox=(view) width=(width) height=(height) role="group" aria-label=(title) {
            defs {
                marker.tip id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto" {
                    path d="M0 0L8 4L0 8z" {}
                }
            }
            g.lines aria-hidden="true" {
                @for line in &layout.lines {
                    path class=[(line.from > line.to).then_some("back")] data-from=(line.from) data-to=(line.to) marker-end="url(#tip)" d=(path(line)) {}
                }
            }
            @for (number, ((node, name), placed)) in nodes.iter().zip(&names).zip(&layout.boxes).enumerate() {
                (drawn(number, node, name, *placed))
            }
        }
    }
}

/// A drawing as a file of its own.
pub(crate) fn svg_file(title: &str, nodes: &[Node], edges: &[(usize, usize)]) -> String {
    let drawing = svg(title, nodes, edges).into_string();
    let style = html! { style { (PreEscaped(CSS)) } }.into_string();
    // The style belongs into the drawing.
    let (head, rest) = drawing.split_once('>').unwrap_or((&drawing, ""));
    format!("{head}>{style}{rest}\n")
}

fn drawn(number: usize, node: &Node, name: &str, placed: Placed) -> Markup {
    let Placed { x, y, size } = placed;
    let inside = html! {
        title { (node.title) }
        rect x=(x) y=(y) width=(size.width) height=(size.height) rx="5" {}
        @if let Some(sign) = &node.sign {
            text.sign x=(x + SIGN / 2) y=(y + size.height / 2 + 4) text-anchor="middle" { (sign) }
        }
        text x=(x + room(node)) y=(y + size.height / 2 + 4) { (name) }
    };
    match &node.link {
        Some((place, to)) => {
            html! { a class=(format!("node {}", node.look)) id=(place) href=(format!("#{to}")) data-node=(number) { (inside) } }
        }
        None => html! { g class=(format!("node {}", node.look)) { (inside) } },
    }
}

/// Returns the room before the name.
fn room(node: &Node) -> i64 {
    node.sign.as_ref().map_or(CHARACTER, |_| SIGN)
}

fn size(node: &Node, name: &str) -> Size {
    let width = name
        .chars()
        .map(|c| if c.is_ascii() { CHARACTER } else { 2 * CHARACTER })
        .sum::<i64>();
    Size {
        width: room(node) + width + CHARACTER,
        height: HEIGHT,
    }
}

/// A name that fits into a box: both of its ends tell more than its middle.
fn shortened(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    if characters.len() <= NAME {
        return name.to_owned();
    }
    let (head, tail) = (&characters[..NAME / 2], &characters[characters.len() - NAME / 2 + 1..]);
    head.iter().chain(&['…']).chain(tail).collect()
}

/// The way of a line.
fn path(line: &Line) -> String {
    let mut path = String::new();
    let mut last: Option<(i64, i64)> = None;
    for (left, right, height) in &line.straights {
        // Writing into a string cannot fail.
        let _ = match last {
            None => write!(path, "M{left} {height}"),
            Some((x, y)) => {
                let middle = (x + left) / 2;
                write!(path, "C{middle} {y} {middle} {height} {left} {height}")
            }
        };
        if right != left {
            let _ = write!(path, "H{right}");
        }
        last = Some((*right, *height));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_their_ends() {
        let name = format!("{}{}", "a".repeat(100), "b".repeat(100));
        let short = shortened(&name);
        assert_eq!(short.chars().count(), NAME);
        assert!(short.starts_with("aaa") && short.contains('…') && short.ends_with("bbb"));
        assert_eq!(shortened("web"), "web");
    }

    #[test]
    fn nothing_in_a_name_ends_the_drawing() {
        let node = Node {
            sign: Some("<".to_owned()),
            name: "</svg><script>".to_owned(),
            title: "\"&".to_owned(),
            look: "create".to_owned(),
            link: Some(("n1\" x=\"".to_owned(), "s1".to_owned())),
        };
        let text = svg_file("a \"b\" <c>", &[node], &[]);
        assert_eq!(text.matches("</svg>").count(), 1);
        assert!(
            !text.contains("<script>") && text.contains("n1&quot; x=&quot;") && text.contains("&quot;&amp;"),
            "{text}"
        );
    }
}
