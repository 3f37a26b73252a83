//! A plan of 5,000 steps.

use iac_core::plan::Action;
use iac_core::provider::RiskKind;
use iac_core::review::model::View;

use super::browser::{follow, picture, with_page};
use super::views::{after, field, group, risk, step, view};

/// Fifty components of a hundred steps each.
fn large() -> View {
    let groups = (0..50).map(|part| {
        let component = format!("part{part}");
        let steps = (0..100).map(|number| {
            let id = part * 100 + number + 1;
            let action = if number % 3 == 0 {
                Action::Update
            } else {
                Action::Create
            };
            let mut one = step(id, &component, &format!("ConfigMap shop/part{part}-{number}"), action);
            one.fields = vec![field(
                "data.key",
                Some("\"before\""),
                Some(&format!("\"after {number}\"")),
            )];
            one.reasons = vec!["data.key was changed".to_owned()];
            if number > 0 {
                one.after = vec![after(id - 1, false)];
            } else if part > 0 {
                one.after = vec![after((part - 1) / 2 * 100 + 1, true)];
            }
            if number == 42 {
                risk(&mut one, RiskKind::Downtime, "downtime", "stops for a while");
            }
            one
        });
        group(&component, steps.collect())
    });
    view(groups.collect())
}

#[test]
fn five_thousand_steps_open_and_are_filtered() -> Result<(), Box<dyn std::error::Error>> {
    with_page(&large(), |page, _| {
        let shown = "document.querySelector('#shown').textContent";
        assert_eq!(page.evaluate(shown)?, "All 5000");
        assert_eq!(page.evaluate("document.querySelectorAll('.drawing .node').length")?, 50);
        picture(page, "large")?;
        page.evaluate("document.querySelector('input[value=downtime]').click()")?;
        assert_eq!(page.evaluate(shown)?, "50 of 5000");
        page.evaluate("document.querySelector('#reset').click()")?;
        page.press("/")?;
        page.write("part7-42 after")?;
        page.evaluate("new Promise(done => setTimeout(done, 300))")?;
        assert_eq!(page.evaluate(shown)?, "1 of 5000");
        // A box leads to the steps of its component.
        follow(page, "#g-c3")?;
        assert_eq!(page.evaluate("document.querySelector('#c3').checkVisibility()")?, true);
        assert_eq!(page.evaluate(shown)?, "All 5000");
        Ok(())
    })
}
