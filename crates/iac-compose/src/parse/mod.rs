//! Small pure parsers for the texts that compose files are made of; each with its own tables of examples.

pub mod bytes;
pub mod dotenv;
pub mod duration;
pub mod interpolate;
pub mod mount;
pub mod port;
pub mod words;
