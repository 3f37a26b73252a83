//! Lines on a terminal that change: one for each operation or wait in flight, and below them the first of those that wait
//! for others.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::render::Styles;
use crate::urn::Key;

/// The interval between two drawings of an operation in flight, so that its clock goes on.
const TICK: Duration = Duration::from_millis(200);

/// The number of waiting resources that have a line.
const HELD: usize = 4;
/// The number of operations and waits in flight that have a line: with those below, fewer than a terminal has.
const RUNNING: usize = 12;

/// The line of an operation in flight. It is cut at the terminal's width, and has the clock at its end.
const RUNNING_LINE: &str = "  {spinner} {wide_msg} {elapsed:>4}";
/// The line of a resource that waits for others.
const HELD_LINE: &str = "  · {wide_msg}";

/// Lines that change.
pub(super) struct Live {
    lines: MultiProgress,
    styles: Styles,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The operations in flight that have a line.
    running: BTreeMap<Key, Running>,
    /// The operations in flight that have no room for a line yet.
    hidden: BTreeMap<Key, Hidden>,
    /// The resources that wait for others, as lines.
    held: BTreeMap<Key, String>,
    /// The lines below those of what is in flight.
    bars: Vec<ProgressBar>,
}

struct Running {
    name: String,
    bar: ProgressBar,
}

struct Hidden {
    name: String,
    line: String,
    since: Instant,
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
        state.hidden.remove(key);
        if let Some(before) = state.running.remove(key) {
            before.bar.finish_and_clear();
        }
        let hidden = Hidden {
            line: format!("{name} {doing}"),
            name,
            since: Instant::now(),
        };
        state.hidden.insert(key.clone(), hidden);
        self.draw(&mut state);
    }

    /// Shows a new message of an operation in flight.
    pub(super) fn say(&self, key: &Key, message: &str) {
        let mut state = self.state();
        if let Some(running) = state.running.get(key) {
            running.bar.set_message(format!("{}: {message}", running.name));
        } else if let Some(hidden) = state.hidden.get_mut(key) {
            hidden.line = format!("{}: {message}", hidden.name);
        }
    }

    /// A resource waits for others.
    pub(super) fn hold(&self, key: &Key, line: String) {
        let mut state = self.state();
        state.held.insert(key.clone(), line);
        self.draw(&mut state);
    }

    /// An operation or a wait is through, or will not begin.
    pub(super) fn end(&self, key: &Key) {
        let mut state = self.state();
        if let Some(ended) = state.running.remove(key) {
            ended.bar.finish_and_clear();
        }
        state.hidden.remove(key);
        state.held.remove(key);
        self.draw(&mut state);
    }

    /// Takes all lines away.
    pub(super) fn close(&self) {
        let state = std::mem::take(&mut *self.state());
        let running = state.running.into_values().map(|running| running.bar);
        running.chain(state.bars).for_each(|bar| bar.finish_and_clear());
    }

    /// Draws what is in flight as far as there is room, then how much more there is, and the first few of those that wait.
    fn draw(&self, state: &mut State) {
        while state.running.len() < RUNNING
            && let Some((key, hidden)) = state.hidden.pop_first()
        {
            let bar = ProgressBar::new_spinner().with_elapsed(hidden.since.elapsed());
            let bar = match state.bars.first() {
                Some(first) => self.lines.insert_before(first, bar),
                None => self.lines.add(bar),
            };
            bar.set_style(style(RUNNING_LINE));
            bar.set_message(hidden.line);
            bar.enable_steady_tick(TICK);
            let name = hidden.name;
            state.running.insert(key, Running { name, bar });
        }
        let mut lines: Vec<String> = Vec::new();
        if !state.hidden.is_empty() {
            lines.push(format!("{} more in flight", state.hidden.len()));
        }
        lines.extend(state.held.values().take(HELD).cloned());
        if state.held.len() > HELD {
            lines.push(format!("{} more wait for others", state.held.len() - HELD));
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_has_no_room_gets_a_line_once_another_ends() {
        let live = Live::new(Styles::plain());
        let key = |number: usize| Key::new("", "test:core/Thing", &format!("{number:02}")).unwrap();
        for number in 0..RUNNING + 2 {
            live.begin(&key(number), format!("thing {number}"), "creating");
        }
        live.hold(&key(50), "thing 50 waits for thing 1".to_owned());
        let shown = |live: &Live| {
            let state = live.state();
            let below: Vec<String> = state.bars.iter().map(ProgressBar::message).collect();
            (state.running.len(), state.hidden.len(), below)
        };
        let (running, hidden, below) = shown(&live);
        assert_eq!((running, hidden), (RUNNING, 2));
        assert_eq!(below, ["2 more in flight", "thing 50 waits for thing 1"]);
        live.say(&key(RUNNING), "pulling");
        live.end(&key(0));
        live.end(&key(1));
        let (running, hidden, below) = shown(&live);
        assert_eq!((running, hidden), (RUNNING, 0));
        assert_eq!(below, ["thing 50 waits for thing 1"]);
        assert_eq!(live.state().running[&key(RUNNING)].bar.message(), "thing 12: pulling");
        live.begin(&key(50), "thing 50".to_owned(), "creating");
        let (_, hidden, below) = shown(&live);
        assert_eq!((hidden, below), (1, vec!["1 more in flight".to_owned()]));
        live.close();
        assert_eq!(shown(&live), (0, 0, vec![]));
    }
}
