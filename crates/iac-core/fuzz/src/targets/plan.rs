//! Saved plans, and paths of fields.

use iac_core::FieldPath;
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
    }
}
