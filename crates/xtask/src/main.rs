//! The tasks of this repository.

use std::process::ExitCode;

fn main() -> ExitCode {
    let p = iac_testbed::Progress::start();
    match iac_testbed::testbed::up(
        &iac_testbed::Layout::of_this_checkout(),
        &iac_testbed::testbed::Options {
            kubernetes: true,
            existing_engine: false,
        },
        &p,
    ) {
        Ok(r) => {
            p.say(format!("{r:?}"));
            ExitCode::SUCCESS
        }
        Err(e) => {
            p.say(e.to_string());
            ExitCode::FAILURE
        }
    }
}
