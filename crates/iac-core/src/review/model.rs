//! The view of a plan as data: what people see of it, the same for text, markdown and HTML.
//!
//! Secrets are masked in it, and every text is safe for a terminal: no control character, no escape sequence, nothing that
//! changes the direction of writing. A writer only has to escape what its own format gives a meaning.

use serde::{Deserialize, Serialize};

use crate::plan::{Action, Mode};
pub use crate::plan::{Commit, Commits};
use crate::provider::RiskKind;

/// A plan as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The stack.
    pub stack: String,
    /// The purpose of the plan.
    pub mode: Mode,
    /// True if the world was looked at; if not, the record stands in for it.
    pub observed: bool,
    /// The targets, each as `NAME: DESCRIPTION`.
    pub targets: Vec<String>,
    /// The commits since the last successful `up`, where they are known.
    pub commits: Option<Commits>,
    /// One line that counts the steps and the risks.
    pub summary: String,
    /// The number of steps by action, unchanged resources included.
    pub counts: Vec<Count>,
    /// All risks, the worst first.
    pub risks: Vec<RiskView>,
    /// The steps.
    pub groups: Vec<Group>,
    /// Notes about the plan as a whole.
    pub notes: Vec<NoteView>,
    /// Data that stays though its resource is no longer wanted.
    pub kept: Vec<KeptView>,
    /// The exports of the stack.
    pub exports: Vec<ExportView>,
    /// Faults of the plan; one that has any cannot be carried out.
    pub problems: Vec<ProblemView>,
}

/// The number of steps with one action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// The action.
    pub action: Action,
    /// The word for it in a plan of this mode.
    pub word: String,
    /// The number of steps.
    pub count: usize,
}

/// Something that could hurt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskView {
    /// The sort of harm.
    pub kind: RiskKind,
    /// The word for it.
    pub label: String,
    /// The [`id`](StepView::id) of the step that does it.
    pub step: usize,
    /// The name of the resource, for people.
    pub name: String,
    /// The harm.
    pub message: String,
}

/// The reason for which steps stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupKind {
    /// Steps of one component that follow from the program.
    Changes,
    /// Steps that only answer what others did to the objects.
    Drift,
    /// Steps that only wait.
    Waits,
    /// Resources that stay as they are.
    Unchanged,
}

/// Steps that stand together, in the order of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The reason for which they stand together.
    pub kind: GroupKind,
    /// The component of [`Changes`](GroupKind::Changes); empty for resources outside any component, and for other kinds.
    pub component: String,
    /// The steps.
    pub steps: Vec<StepView>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepView {
    /// The number of the step in this plan, from 1; resources that stay as they are come last.
    pub id: usize,
    /// The key of the resource.
    pub key: String,
    /// The key with the stack before it.
    pub urn: String,
    /// The component, empty where there is none.
    pub component: String,
    /// The name of the resource for people: its kind and its name in the outside world.
    pub name: String,
    /// The sign of the action: `+`, `~`, `-`, …
    pub sign: String,
    /// The action.
    pub action: Action,
    /// The word for the action in a plan of this mode.
    pub word: String,
    /// The line that declares it; for a deletion, the one that did.
    pub source: Option<String>,
    /// The causes, each as what follows "because".
    pub reasons: Vec<String>,
    /// The harm that it could do.
    pub risks: Vec<RiskView>,
    /// The consequences for the running system that are no risks.
    pub effects: Vec<EffectView>,
    /// Which of two objects goes first, and the fate of those that the step leaves.
    pub order: Vec<String>,
    /// The fields that change.
    pub fields: Vec<FieldView>,
    /// True if the lines of its fields are not those of the steps that are told with it.
    pub lines_vary: bool,
    /// For each field then, the lines of the first and the last of them, where all stand in one file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Option<String>>,
    /// A word on the changes with [`Show::Counted`], as what follows their number.
    pub counted: Option<String>,
    /// All of a new resource, as lines of YAML.
    pub new: Option<Vec<String>>,
    /// The reason for which the server has not checked it.
    pub not_checked: Option<String>,
    /// Notes.
    pub notes: Vec<String>,
    /// The steps and resources that come before it.
    pub after: Vec<Edge>,
    /// The steps and resources that its readiness waits for.
    pub ready_after: Vec<Edge>,
    /// The [`id`](Self::id) of an earlier step of the same group with the very same news, which is told once for both.
    pub same_as: Option<usize>,
}

/// A consequence for the running system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectView {
    /// The sort of effect, in a word or two.
    pub label: String,
    /// The effect, as a sentence without a full stop.
    pub text: String,
}

/// Something that comes first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// The [`id`](StepView::id) of its step, if this plan has one that does something.
    pub step: Option<usize>,
    /// The short name of the resource.
    pub name: String,
    /// True if it has to be ready, and not only there.
    pub ready: bool,
}

/// The side of a change that a text is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tag {
    /// It comes.
    Added,
    /// It goes.
    Removed,
    /// It stays.
    Same,
    /// Text that stays was left out here.
    Gap,
}

/// The sort of a field's change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldSign {
    /// The field is new.
    Added,
    /// The field has another value.
    Changed,
    /// The field goes.
    Removed,
}

/// When a field is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Show {
    /// Always.
    Always,
    /// It is only counted unless everything is to be seen: the descriptions of a schema.
    Counted,
    /// It is neither shown nor counted unless everything is to be seen.
    Verbose,
}

impl StepView {
    /// The place to name for one of its fields: that of its own value, or of all that are told with it.
    pub(super) fn place<'a>(&'a self, field: &'a FieldView) -> Option<&'a str> {
        if !self.lines_vary {
            return field.source.as_deref();
        }
        let number = self.fields.iter().position(|other| std::ptr::eq(other, field))?;
        self.ranges.get(number)?.as_deref()
    }
}

/// One changed field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldView {
    /// The path of the field.
    pub path: String,
    /// The sort of change.
    pub sign: FieldSign,
    /// The author of the change, where that is not the program.
    pub origin: Option<String>,
    /// The place of the new value, where it has a line of its own in a file: `line 23`, or `FILE:23` where that file is not
    /// the one of the step.
    pub source: Option<String>,
    /// When it is shown.
    pub show: Show,
    /// The change.
    pub change: ChangeView,
}

/// A change of a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ChangeView {
    /// The values, on one line each.
    Line {
        /// The value before, if there was one.
        before: Option<String>,
        /// The value after, if there is one.
        after: Option<String>,
        /// A remark: `known after apply`, `known after apply, secret`.
        remark: Option<String>,
        /// Both texts in one, where they are long and differ in a few words.
        words: Option<Vec<Piece>>,
    },
    /// Several lines: the changed ones with some unchanged ones around them.
    Lines {
        /// The lines.
        lines: Vec<Piece>,
        /// The number of lines that come.
        added: usize,
        /// The number of lines that go.
        removed: usize,
    },
    /// A secret changes, and nothing of it that may be seen does.
    Secret {
        /// The visible part of it: `"postgres://app:(secret)@db"`.
        shown: Option<String>,
    },
    /// Only the name of the field may be told.
    Hidden,
}

/// A line of a text, or a piece of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The side that it is of.
    pub tag: Tag,
    /// The text. For a [`Gap`](Tag::Gap) it is empty, or says how often the change before it comes again.
    pub text: String,
}

/// A note about the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteView {
    /// The short name of the resource, if it is about one.
    pub name: Option<String>,
    /// The line that declares the resource.
    pub source: Option<String>,
    /// The note.
    pub message: String,
}

/// A piece of data that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptView {
    /// The short name of the resource that holds it.
    pub holder: String,
    /// The kind of data, for people.
    pub kind: String,
    /// The name: what `--delete-data` takes.
    pub name: String,
    /// The amount of data; empty where it is not known.
    pub amount: String,
    /// True if it is not known to be this stack's.
    pub unmarked: bool,
}

/// An export of the stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportView {
    /// The name.
    pub name: String,
    /// The value on one line, described where it is secret or not known yet.
    pub value: String,
    /// A remark, as in [`ChangeView::Line`].
    pub remark: Option<String>,
}

/// A fault of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemView {
    /// The key of the resource with the stack before it, if it is about one.
    pub urn: Option<String>,
    /// The line that declares the resource; in a file, the line of the field.
    pub source: Option<String>,
    /// The fault, with the path of the field before it; one line or several.
    pub message: Vec<String>,
    /// The way out; one line or several.
    pub hint: Vec<String>,
}
