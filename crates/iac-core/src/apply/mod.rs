//! Carrying a plan out.
//!
//! Each step is a small state machine: *intent journaled* → provider call → *outcome journaled* → wait for readiness →
//! *readiness journaled*. `schedule` decides what may start, from the phases that steps need of one another;
//! `operation` is one step's way through the provider and the journal; `run` drives both and reports [`Event`]s.
//!
//! A failure stops only what depends on it. A first cancellation lets running operations end and starts nothing new; a
//! second one gives up at once, which is as safe as a kill: the next run finds the open intents.

mod event;
mod operation;
mod run;
mod schedule;

pub use event::{Event, EventSink, Outcome, Report};
pub(crate) use operation::Shared;
pub(crate) use run::{Basis, Run};
pub use run::{Cancel, DEFAULT_PARALLEL, Timeouts};
