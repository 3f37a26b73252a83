//! Plans whose names and values try to steer the page.

use iac_core::plan::Action;
use iac_core::provider::RiskKind;
use iac_core::review::model::{ChangeView, EffectView, ExportView, NoteView, Piece, ProblemView, Tag, View};
use serde_json::json;

use super::browser::with_page;
use super::views::{field, group, risk, step, view};

/// Texts that mean something to a browser.
const HOSTILE: [&str; 9] = [
    "<script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    "</style></title></textarea><img src=x onerror=\"document.title='owned'\">",
    "\" autofocus onfocus=\"document.title='owned'\" x=\"",
    "' onmouseover='document.title=1",
    "javascript:document.title='owned'",
    "<svg onload=\"document.title='owned'\"><a href=\"http://127.0.0.1:9/\">",
    "\u{1b}[31m\u{202e}gnp.exe\u{2066}\u{0}",
    "]]>--><!--&lt;script&gt;",
];

/// A plan that has a text in every place.
fn view_of(text: &str) -> View {
    let mut one = step(1, text, text, Action::Update);
    risk(&mut one, RiskKind::Downtime, text, text);
    one.urn = text.to_owned();
    one.sign = text.to_owned();
    one.word = text.to_owned();
    one.source = Some(text.to_owned());
    one.reasons = vec![text.to_owned()];
    one.effects = vec![
        EffectView {
            label: text.to_owned(),
            text: text.to_owned(),
        },
        EffectView {
            label: "data".to_owned(),
            text: text.to_owned(),
        },
    ];
    one.order = vec![text.to_owned()];
    one.counted = Some(text.to_owned());
    one.not_checked = Some(text.to_owned());
    one.notes = vec![text.to_owned()];
    one.new = Some(vec![text.to_owned()]);
    let mut lines = field(text, Some(text), Some(text));
    lines.origin = Some(text.to_owned());
    lines.source = Some(text.to_owned());
    lines.change = ChangeView::Lines {
        lines: [Tag::Same, Tag::Removed, Tag::Added]
            .map(|tag| Piece {
                tag,
                text: text.to_owned(),
            })
            .to_vec(),
        added: 1,
        removed: 1,
    };
    one.fields = vec![field(text, Some(text), Some(text)), lines];
    let mut view = view(vec![group(text, vec![one, step(2, "other", text, Action::Create)])]);
    view.stack = text.to_owned();
    view.targets = vec![text.to_owned()];
    view.notes = vec![NoteView {
        name: Some(text.to_owned()),
        source: Some(text.to_owned()),
        message: text.to_owned(),
    }];
    view.exports = vec![ExportView {
        name: text.to_owned(),
        value: text.to_owned(),
        remark: Some(text.to_owned()),
    }];
    view.problems = vec![ProblemView {
        urn: Some(text.to_owned()),
        source: Some(text.to_owned()),
        message: vec![text.to_owned()],
        hint: vec![text.to_owned()],
    }];
    view
}

#[test]
fn no_text_of_a_plan_becomes_a_part_of_the_page() -> Result<(), Box<dyn std::error::Error>> {
    for text in HOSTILE {
        let view = view_of(text);
        with_page(&view, |page, _| {
            page.evaluate("document.querySelector('#open-all').click()")?;
            page.evaluate("document.querySelectorAll('a, input, select, button').forEach(one => one.focus())")?;
            let title = page.evaluate("document.title")?;
            assert!(
                title.as_str().is_some_and(|title| title.starts_with("Plan: ")),
                "{text:?} changed the title to {title}"
            );
            let made = "[document.scripts.length, document.images.length, document.querySelectorAll('style, iframe, object, link, base').length]";
            assert_eq!(page.evaluate(made)?, json!([1, 0, 1]), "{text:?} made an element");
            let handlers = "[...document.querySelectorAll('*')].flatMap(e => [...e.attributes]).filter(a => a.name.startsWith('on') || (a.name === 'href' && !a.value.startsWith('#'))).length";
            assert_eq!(page.evaluate(handlers)?, 0, "{text:?} made a handler or a link");
            // A browser drops the zero byte, which is no character of a page.
            let name = page.evaluate("document.querySelector('#s1 .name').textContent")?;
            assert_eq!(name, json!(text.replace('\0', "")));
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn a_text_of_a_megabyte_is_folded_and_all_there() -> Result<(), Box<dyn std::error::Error>> {
    let text = "<b>".repeat(1 << 20 >> 2);
    let mut one = step(1, "", "Secret big", Action::Update);
    one.fields = vec![field("data", Some("1"), Some(&text))];
    with_page(&view(vec![group("", vec![one])]), |page, _| {
        assert_eq!(page.evaluate("document.querySelector('#s1 .long').open")?, false);
        assert_eq!(
            page.evaluate(
                "document.querySelectorAll('b').length - document.querySelectorAll('h1 b, .counts b').length"
            )?,
            0
        );
        let whole = format!(
            "document.querySelector('#s1 .long').lastChild.textContent.length === {}",
            text.len()
        );
        assert_eq!(page.evaluate(&whole)?, true);
        Ok(())
    })
}
