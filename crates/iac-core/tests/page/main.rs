//! Pages of plans, runs and the history: their markup as golden files, and what they are in a real browser.

mod browser;
mod golden;
mod hostile;
mod large;
mod runs;
mod views;
