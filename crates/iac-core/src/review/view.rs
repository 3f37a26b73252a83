//! The view of a plan: each thing that people see of it is computed here, once.

use std::collections::HashMap;

use super::field;
use super::model::{
    Edge, EffectView, ExportView, Group, GroupKind, KeptView, NoteView, ProblemView, RiskView, StepView, View,
};
use super::reason;
use super::same;
use super::value::{path_text, remark, value_text};
use super::words::{counts, risk_name, short_name, shown, summary, symbol, weight, word};
use super::yaml;
use crate::plan::{Action, Commit, Commits, Fate, Mode, Order, Plan, PlanProblem, Reason, Step};
use crate::provider::{Checked, Phase};
use crate::redact;
use crate::render::sanitize;
use crate::urn::Key;

impl View {
    /// The view of a plan. Resources that stay as they are are only counted, unless `unchanged` asks for all of them.
    pub fn of(plan: &Plan, unchanged: bool) -> Self {
        let numbers = Numbers::of(plan);
        Self {
            stack: safe(&plan.stack),
            mode: plan.mode,
            observed: plan.observed,
            targets: targets(plan),
            commits: plan.commits.as_ref().map(commits),
            summary: summary(plan),
            counts: counts(plan),
            risks: risks(plan, &numbers),
            groups: groups(plan, &numbers, unchanged),
            notes: plan.notes.iter().map(NoteView::of).collect(),
            kept: kept(plan),
            exports: exports(plan),
            problems: plan
                .problems
                .iter()
                .map(|problem| ProblemView::of(problem, plan))
                .collect(),
        }
    }

    /// True if it changes nothing and nothing is wrong with it.
    pub fn is_quiet(&self) -> bool {
        self.problems.is_empty() && !self.counts.iter().any(|count| count.action.is_change())
    }

    /// All steps, group by group.
    pub fn steps(&self) -> impl Iterator<Item = &StepView> {
        self.groups.iter().flat_map(|group| &group.steps)
    }
}

/// The numbers of the steps: those that do something come first.
struct Numbers<'a> {
    all: HashMap<&'a Key, usize>,
    /// The number of those that do something.
    changed: usize,
}

impl<'a> Numbers<'a> {
    fn of(plan: &'a Plan) -> Self {
        let (same, others): (Vec<&Step>, Vec<&Step>) = plan.steps.iter().partition(|step| step.action == Action::Same);
        let changed = others.len();
        let all = others.into_iter().chain(same);
        Self {
            all: all.zip(1..).map(|(step, number)| (&step.key, number)).collect(),
            changed,
        }
    }

    fn number(&self, key: &Key) -> usize {
        self.all.get(key).copied().unwrap_or_default()
    }

    /// The number of a step that does something.
    fn of_change(&self, key: &Key) -> Option<usize> {
        self.all.get(key).copied().filter(|number| *number <= self.changed)
    }
}

pub(super) fn safe(text: &str) -> String {
    sanitize(text).into_owned()
}

/// The lines of a text that quotes others, made safe; libraries quote URLs, and users give them with passwords in them.
pub(super) fn safe_lines(text: &str) -> Vec<String> {
    let line = |line: &str| sanitize(&redact::text(line)).trim_end().to_owned();
    text.lines().map(line).collect()
}

/// The same, made safe: anybody may have written a message or a name.
fn commits(commits: &Commits) -> Commits {
    let commit = |commit: &Commit| Commit {
        id: safe(&commit.id),
        subject: safe(&commit.subject),
        author: safe(&commit.author),
    };
    Commits {
        from: safe(&commits.from),
        to: safe(&commits.to),
        newest: commits.newest.iter().map(commit).collect(),
        ..commits.clone()
    }
}

fn targets(plan: &Plan) -> Vec<String> {
    // Generated values have no place that could be the wrong one.
    let targets = plan.targets.iter().filter(|(name, _)| name.as_str() != "random");
    targets
        .map(|(name, target)| safe(&format!("{name}: {}", target.description)))
        .collect()
}

/// All risks with their steps, the worst first.
fn risks(plan: &Plan, numbers: &Numbers<'_>) -> Vec<RiskView> {
    let mut risks: Vec<RiskView> = plan
        .steps
        .iter()
        .flat_map(|step| step_risks(step, numbers.number(&step.key)))
        .collect();
    risks.sort_by_key(|risk| weight(risk.kind));
    risks
}

fn step_risks(step: &Step, number: usize) -> Vec<RiskView> {
    let risk = |risk: &crate::provider::Risk| RiskView {
        kind: risk.kind,
        label: risk_name(risk.kind).to_owned(),
        step: number,
        name: short_name(&step.key, &step.identity),
        message: safe(&risk.message),
    };
    step.risks.iter().map(risk).collect()
}

/// The steps that belong together; resources outside any component come before the components.
fn groups(plan: &Plan, numbers: &Numbers<'_>, unchanged: bool) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut places: HashMap<(GroupKind, &str), usize> = HashMap::new();
    for step in &plan.steps {
        let kind = group_kind(plan.mode, step);
        if kind == GroupKind::Unchanged && !unchanged {
            continue;
        }
        let component = if kind == GroupKind::Changes {
            step.key.component()
        } else {
            ""
        };
        let place = *places.entry((kind, component)).or_insert_with(|| {
            groups.push(Group {
                kind,
                component: safe(component),
                steps: Vec::new(),
            });
            groups.len() - 1
        });
        groups[place].steps.push(StepView::of(step, plan, numbers));
    }
    groups.sort_by_key(|group| (group.kind, !group.component.is_empty()));
    groups.iter_mut().for_each(|group| same::find(&mut group.steps));
    groups
}

fn group_kind(mode: Mode, step: &Step) -> GroupKind {
    let is_theirs = |reason: &Reason| {
        matches!(
            reason,
            Reason::Drift(_) | Reason::Gone | Reason::Another | Reason::NotReady { .. } | Reason::Leaving(_)
        )
    };
    match step.action {
        Action::Same => GroupKind::Unchanged,
        Action::Wait => GroupKind::Waits,
        _ if mode == Mode::Up && !step.reasons.is_empty() && step.reasons.iter().all(is_theirs) => GroupKind::Drift,
        _ => GroupKind::Changes,
    }
}

impl StepView {
    fn of(step: &Step, plan: &Plan, numbers: &Numbers<'_>) -> Self {
        let id = numbers.number(&step.key);
        let edges = |edges: &[(Key, Phase)]| {
            edges
                .iter()
                .map(|(key, phase)| Edge::of(key, *phase, numbers))
                .collect()
        };
        let not_checked = match &step.checked {
            Checked::Locally(why) if step.action.touches_world() && plan.observed => Some(safe(why)),
            _ => None,
        };
        let effects = step.effects.iter().filter(|effect| effect.risk().is_none());
        let new = step.inputs.as_ref().filter(|_| step.action == Action::Create);
        Self {
            id,
            key: safe(step.key.as_str()),
            urn: safe(&step.key.in_stack(&plan.stack).to_string()),
            component: safe(step.key.component()),
            name: short_name(&step.key, &step.identity),
            sign: symbol(step).to_owned(),
            action: shown(step),
            word: word(plan.mode, shown(step)).to_owned(),
            source: source(step),
            reasons: reasons(step, plan.observed),
            risks: step_risks(step, id),
            effects: effects
                .map(|effect| EffectView {
                    label: effect.label().to_owned(),
                    text: safe(&effect.text()),
                })
                .collect(),
            order: order(step),
            fields: field::fields(step),
            lines_vary: false,
            ranges: Vec::new(),
            counted: step.minor.as_ref().map(|minor| safe(&minor.what)),
            new: new.map(yaml::lines),
            not_checked,
            notes: notes(step),
            after: edges(&step.after),
            ready_after: edges(&step.ready_after),
            same_as: None,
        }
    }
}

/// The causes of a step. Where the whole stack goes, each step would have the same one; and why something would go is no reason
/// to keep it.
fn reasons(step: &Step, observed: bool) -> Vec<String> {
    match step.reasons.as_slice() {
        [Reason::Destroy] => Vec::new(),
        // Nobody has looked whether it is.
        [Reason::New] if !observed => vec!["it is not recorded".to_owned()],
        [Reason::NotDeclared] if step.action == Action::Keep => Vec::new(),
        reasons => reason::texts(reasons),
    }
}

/// The notes of a step; of what is kept they say why, so they say as well that the program does not ask for it.
fn notes(step: &Step) -> Vec<String> {
    let is_undeclared = step.action == Action::Keep && step.reasons == [Reason::NotDeclared];
    let undeclared =
        is_undeclared.then(|| format!("{}, and it stays all the same", reason::texts(&step.reasons).join("")));
    undeclared
        .into_iter()
        .chain(step.notes.iter().map(|note| safe(note)))
        .collect()
}

/// The line that declares a resource, or that did.
fn source(step: &Step) -> Option<String> {
    let source = safe(&step.source.as_ref()?.to_string());
    Some(match step.reasons.contains(&Reason::NotDeclared) {
        true => format!("was at {source}"),
        false => source,
    })
}

impl Edge {
    fn of(key: &Key, phase: Phase, numbers: &Numbers<'_>) -> Self {
        Self {
            step: numbers.of_change(key),
            name: safe(&key.short()),
            ready: phase == Phase::Ready,
        }
    }
}

/// Which of two objects goes first, and what becomes of those that the step leaves.
fn order(step: &Step) -> Vec<String> {
    let order = step.order.map(|order| match order {
        Order::CreateFirst => "the new one is made first".to_owned(),
        Order::DeleteFirst => "the old one is deleted first".to_owned(),
    });
    let leftovers = step.leftovers.iter().map(|leftover| {
        let name = short_name(&step.key, &leftover.identity);
        match &leftover.fate {
            Fate::Delete if leftover.first || matches!(step.action, Action::Delete | Action::Cleanup) => {
                format!("- {name} is deleted")
            }
            Fate::Delete => format!("- {name} is deleted once this is ready and what used it is changed"),
            Fate::Keep => format!("= {name} is kept for its data"),
            Fate::Forget { because } => format!("x {name} is dropped from the record: {}", sanitize(because)),
            Fate::Handover { to } => format!("x {name} is taken over by {}", sanitize(&to.short())),
        }
    });
    order.into_iter().chain(leftovers).collect()
}

impl NoteView {
    fn of(note: &crate::plan::PlanNote) -> Self {
        Self {
            name: note.key.as_ref().map(|key| safe(&key.short())),
            source: note.source.as_ref().map(|source| safe(&source.to_string())),
            message: safe(&note.message),
        }
    }
}

fn kept(plan: &Plan) -> Vec<KeptView> {
    let items = plan
        .kept
        .iter()
        .flat_map(|kept| kept.items.iter().map(move |item| (&kept.key, item)));
    items
        .map(|(key, item)| KeptView {
            holder: safe(&key.short()),
            kind: safe(&item.kind),
            name: safe(&item.name),
            amount: safe(&item.amount),
            unmarked: item.unmarked,
        })
        .collect()
}

fn exports(plan: &Plan) -> Vec<ExportView> {
    let exports = plan.exports.iter();
    exports
        .map(|(name, value)| ExportView {
            name: safe(name),
            value: value_text(value),
            remark: remark(value),
        })
        .collect()
}

impl ProblemView {
    fn of(problem: &PlanProblem, plan: &Plan) -> Self {
        let message = match problem.path.is_root() {
            true => problem.message.clone(),
            false => format!("{}: {}", path_text(&problem.path), problem.message),
        };
        let urn = problem.key.as_ref().map(|key| key.in_stack(&plan.stack).to_string());
        Self {
            urn: urn.map(|urn| safe(&urn)),
            source: problem.source.as_ref().map(|source| safe(&source.to_string())),
            message: safe_lines(&message),
            hint: problem.hint.as_deref().map(safe_lines).unwrap_or_default(),
        }
    }
}
