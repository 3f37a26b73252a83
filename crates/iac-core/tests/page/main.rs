//! The page of a plan: its markup as golden files, and what it is in a real browser.

mod browser;
mod golden;
mod hostile;
mod large;
mod views;
