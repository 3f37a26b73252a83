//! Carrying a plan out.
//!
//! Each step is a small state machine: *intent journaled* → provider call → *outcome journaled* → wait for readiness →
//! *readiness journaled* → what a replacement left is deleted. `schedule` decides what may start, from the stages that
//! steps need of one another; `step` is one step's way, made of `operation`s, which are one call of a provider each with
//! its intent and outcome; `run` starts them, and `outcome` takes in how they end and reports [`Event`]s.
//!
//! A failure stops only what depends on it. A first cancellation lets running operations end and starts nothing new; a
//! second one gives up at once, which is as safe as a kill: the next run finds the open intents.

mod basis;
mod estimate;
mod event;
mod limits;
mod operation;
mod outcome;
mod run;
mod schedule;
mod slots;
mod step;
mod tally;
mod timeline;

pub(crate) use basis::{Basis, Claims, Recovery, Settled};
pub(crate) use estimate::estimate;
pub use event::{Event, EventSink, Outcome, Report};
pub use limits::{Cancel, DEFAULT_PARALLEL, Timeouts};
pub(crate) use operation::Shared;
pub(crate) use run::Run;
pub use timeline::Timeline;
