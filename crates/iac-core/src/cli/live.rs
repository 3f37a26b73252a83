//! Lines on a terminal that change: one for each operation or wait in flight, and below them the first of those that wait
//! for others.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::render::Styles;
use crate::urn::Key;

/// How often a line of an operation in flight is drawn, so that its clock goes on.
const TICK: Duration = Duration::from_millis(200);

/// How many of those that wait for others have a line.
const HELD: usize = 4;
/// How many operations and waits in flight have a line: less than a terminal's height.
const RUNNING: usize = 12;

/// What is in flight. A line is cut at the terminal's width, and has the clock at its end.
const RUNNING_LINE: &str = "  {spinner} {wide_msg} {elapsed:>4}";
/// What waits.
const HELD_LINE: &str = "  · {wide_msg}";

/// Lines that change.
pub(super) struct Live {
    lines: MultiProgress,
    styles: Styles,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: BTreeMap<Key, Running>,
    /// What waits for others, as lines.
    held: BTreeMap<Key, String>,
    /// The lines of what waits.
    bars: Vec<ProgressBar>,
}

struct Running {
    name: String,
    /// None for one that there is no room for.
    bar: Option<ProgressBar>,
}

impl Live {
    pub(super) fn new(styles: Styles) -> Self {
        Self {
            lines: MultiProgress::new(),
            styles,
            state: Mutex::default(),
        }
    }

    /// All of them, for whoever writes above them.
    pub(super) fn lines(&self) -> MultiProgress {
        self.lines.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An operation or a wait begins.
    pub(super) fn begin(&self, key: &Key, name: String, doing: &str) {
        let mut state = self.state();
        state.held.remove(key);
        let before = state.running.remove(key);
        let has_room = state.running.values().filter(|running| running.bar.is_some()).count() < RUNNING;
        before.into_iter().for_each(Running::clear);
        let bar = has_room.then(|| {
            let bar = ProgressBar::new_spinner();
            let bar = match state.bars.first() {
                Some(first) => self.lines.insert_before(first, bar),
                None => self.lines.add(bar),
            };
            bar.set_style(style(RUNNING_LINE));
            bar.set_message(format!("{name} {doing}"));
            bar.enable_steady_tick(TICK);
            bar
        });
        state.running.insert(key.clone(), Running { name, bar });
        self.draw_held(&mut state);
    }

    /// What is in flight says something.
    pub(super) fn say(&self, key: &Key, message: &str) {
        if let Some(running) = self.state().running.get(key)
            && let Some(bar) = &running.bar
        {
            bar.set_message(format!("{}: {message}", running.name));
        }
    }

    /// A resource waits for others.
    pub(super) fn hold(&self, key: &Key, line: String) {
        let mut state = self.state();
        state.held.insert(key.clone(), line);
        self.draw_held(&mut state);
    }

    /// An operation or a wait is through, or will not begin.
    pub(super) fn end(&self, key: &Key) {
        let mut state = self.state();
        state.running.remove(key).into_iter().for_each(Running::clear);
        if state.held.remove(key).is_some() {
            self.draw_held(&mut state);
        }
    }

    /// Takes all lines away.
    pub(super) fn close(&self) {
        let state = std::mem::take(&mut *self.state());
        state.running.into_values().for_each(Running::clear);
        state.bars.iter().for_each(ProgressBar::finish_and_clear);
    }

    /// Draws the first few of those that wait, and how many there are besides.
    fn draw_held(&self, state: &mut State) {
        let mut lines: Vec<String> = state.held.values().take(HELD).cloned().collect();
        let more = state.held.len().saturating_sub(HELD);
        if more > 0 {
            lines.push(format!("{more} more wait for others"));
        }
        while state.bars.len() > lines.len() {
            if let Some(bar) = state.bars.pop() {
                bar.finish_and_clear();
            }
        }
        while state.bars.len() < lines.len() {
            let bar = self.lines.add(ProgressBar::no_length());
            bar.set_style(style(HELD_LINE));
            state.bars.push(bar);
        }
        for (bar, line) in state.bars.iter().zip(lines) {
            bar.set_message(Styles::paint(self.styles.dim, line));
        }
    }
}

/// The style of a line. The template is a constant; one that could not be read would only look plainer.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

impl Running {
    fn clear(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
