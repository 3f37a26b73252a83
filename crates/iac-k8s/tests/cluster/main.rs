//! The provider against a real Kubernetes: a real API server with real controllers and a real kubelet.
//!
//! Each test works in a namespace of its own and removes it. A cluster that is missing is a failure.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on is to stop")]
#![allow(clippy::needless_pass_by_value, reason = "objects are written as literals")]

mod adoption;
mod apply;
mod autoscale;
mod causes;
mod connect;
mod custom;
mod data;
mod delete;
mod drift;
mod idle;
mod ignore;
mod immutable;
mod kept;
mod leaving;
mod marks;
mod names;
mod observe;
mod predict;
mod rename;
mod rollout;
mod state;
mod state_answers;
mod stateful;
mod wait;
mod watch;
mod world;
