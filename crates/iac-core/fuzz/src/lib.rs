//! The targets of fuzzing. The engine's test `corpus` includes the same modules and replays the inputs that are kept.

pub mod targets;
