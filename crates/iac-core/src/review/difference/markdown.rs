//! The difference between two plans as markdown, for a comment in a pull request.

use super::PlanDiff;
use crate::review::TextOptions;
use crate::review::markdown::{Steps, details, fenced, mark, plain};
use crate::review::text::Page;

impl PlanDiff {
    /// The difference as markdown of at most `limit` bytes, as far as its summary lets it; nothing where both plans are the
    /// same.
    pub fn to_markdown(&self, limit: usize) -> String {
        if self.is_empty() {
            return String::new();
        }
        let page = || Page::new(TextOptions::default());
        let mut text = format!(
            "{}\n### {}\n\n",
            mark("changed plan", &self.stack),
            plain(&self.summary)
        );
        let (before, after) = (plain(&self.before), plain(&self.after));
        text.push_str(&format!(
            "Stack {}\n\n- before: {before}\n- now: {after}\n\n",
            plain(&self.stack)
        ));
        let mut about = page();
        about.about(self);
        if !about.out.trim().is_empty() {
            text.push_str(&fenced("", about.out.trim_end()));
            text.push('\n');
        }
        let mut steps = Steps::within(limit.saturating_sub(text.len()));
        for step in &self.steps {
            let mut body = page();
            body.step_body(step);
            steps.add("", &details(&[body.step_head(step)], &body.out), 1);
        }
        text + &steps.text()
    }
}
