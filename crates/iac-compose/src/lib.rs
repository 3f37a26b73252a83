//! The compose model and the Docker provider: containers, networks, volumes, images.
pub mod model;
pub mod parse;
