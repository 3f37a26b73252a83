//! Saved plans, and paths of fields.

use iac_core::FieldPath;
use iac_core::review::{COMMENT, TextOptions};
use iac_core::saved::SavedPlan;

/// The input is a plan, or a path.
pub fn plan(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let again = |path: &FieldPath| path.to_string().parse::<FieldPath>().ok();
    if let Ok(path) = text.parse::<FieldPath>() {
        assert_eq!(again(&path).as_ref(), Some(&path), "a path that was read");
    }
    let fields = FieldPath::fields(text.split('.'));
    assert_eq!(again(&fields).as_ref(), Some(&fields), "a path of any names");
    // Behind the digest, which nothing but an unchanged plan passes.
    let _ = SavedPlan::parse(text);
    if let Ok(plan) = serde_json::from_str::<SavedPlan>(text) {
        for step in &plan.steps {
            assert!(plan.step(&step.key).is_some(), "a step is found by its key");
        }
        if let Ok(view) = plan.view(true) {
            let text = view.to_text(&TextOptions::default());
            assert!(!text.contains('\u{1b}'), "nothing steers the terminal");
            assert!(!view.to_markdown(COMMENT).contains('\u{1b}'), "nor the page");
        }
        if let Ok(difference) = plan.difference(&plan) {
            assert!(difference.is_empty(), "a plan is no news beside itself");
        }
    }
}
