//! Updates that say the very same: a new label on a hundred objects is one piece of news.

use std::collections::HashMap;

use super::model::{EffectView, StepView};
use crate::plan::Action;
use crate::provider::effect::HOW_LONG;

/// Marks the updates that say the very same as an earlier one: a new label on a hundred objects is one piece of news.
pub(super) fn find(steps: &mut [StepView]) {
    let mut firsts: HashMap<String, usize> = HashMap::new();
    for place in 0..steps.len() {
        if steps[place].action != Action::Update || steps[place].fields.is_empty() {
            continue;
        }
        let news = news(&steps[place]);
        match firsts.get(&news) {
            Some(first) => {
                let first = *first;
                steps[place].same_as = Some(steps[first].id);
                // Each has its own time, so none is told.
                steps[first].effects.retain(|effect| effect.label != HOW_LONG);
                let sources = |step: &StepView| -> Vec<Option<String>> {
                    step.fields.iter().map(|field| field.source.clone()).collect()
                };
                steps[first].lines_vary |= sources(&steps[first]) != sources(&steps[place]);
            }
            None => {
                firsts.insert(news, place);
            }
        }
    }
    give_ranges(steps);
}

/// Gives the changes that are told once for several steps the lines of the first and of the last of them, where all stand in one
/// file.
fn give_ranges(steps: &mut [StepView]) {
    let mut groups: HashMap<usize, Vec<usize>> = HashMap::new();
    for step in steps.iter() {
        if let Some(first) = step.same_as {
            groups.entry(first).or_default().push(step.id);
        }
    }
    let place_of: HashMap<usize, usize> = steps.iter().enumerate().map(|(place, step)| (step.id, place)).collect();
    for (first, others) in groups {
        let Some(first) = place_of.get(&first).copied().filter(|first| steps[*first].lines_vary) else {
            continue;
        };
        let all: Vec<usize> = others
            .iter()
            .filter_map(|id| place_of.get(id).copied())
            .chain([first])
            .collect();
        let range = |field: usize| {
            let lines: Option<Vec<(String, u32)>> = all.iter().map(|place| line_of(&steps[*place], field)).collect();
            let mut lines = lines?;
            lines.sort();
            let ((file, from), (other, to)) = (lines.first()?, lines.last()?);
            (file == other).then(|| format!("{file}, lines {from} to {to}"))
        };
        steps[first].ranges = (0..steps[first].fields.len()).map(range).collect();
    }
}

/// The file and the line of a field of a step, where it has a line of its own.
fn line_of(step: &StepView, field: usize) -> Option<(String, u32)> {
    let source = step.fields.get(field)?.source.as_deref()?;
    if let Some(line) = source.strip_prefix("line ") {
        let (file, _) = step.source.as_deref()?.trim_start_matches("was at ").split_once(':')?;
        return Some((file.to_owned(), line.parse().ok()?));
    }
    let (file, line) = source.rsplit_once(':')?;
    Some((file.to_owned(), line.parse().ok()?))
}

/// All that an update says, but for its times and lines.
fn news(step: &StepView) -> String {
    let effects: Vec<&EffectView> = step.effects.iter().filter(|effect| effect.label != HOW_LONG).collect();
    let risks: Vec<(&str, &str)> = step
        .risks
        .iter()
        .map(|risk| (risk.label.as_str(), risk.message.as_str()))
        .collect();
    let fields: Vec<_> = step
        .fields
        .iter()
        .map(|field| (&field.path, field.sign, &field.origin, field.show, &field.change))
        .collect();
    format!(
        "{:?}",
        (
            (&step.reasons, risks, effects, &step.order),
            (fields, &step.counted, &step.not_checked, &step.notes)
        )
    )
}
