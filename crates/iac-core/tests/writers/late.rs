//! The call that has its effect only after its run was overtaken and everybody has looked.

use std::time::Duration;

use crate::fleet::Fleet;
use crate::support::programs::{Program, Thing, tell};

const STEP: Duration = Duration::from_millis(1);

/// A run that creates one object stands still so long after its intent was recorded. Another one, whose program does not
/// have the object, takes over. Gives what that one said of it, and whether the object came late.
async fn overtaken_after(steps: u32) -> (Vec<String>, bool) {
    let mut fleet = Fleet::new(2);
    fleet
        .start(0, Some(Program::from([(0, Thing::default())])), false)
        .await;
    while fleet.pending().await == 0 {
        tokio::time::sleep(STEP).await;
    }
    tokio::time::sleep(STEP * steps).await;
    fleet.stand(0);
    let was_there = !fleet.world.objects().is_empty();
    fleet.unlock().await;
    fleet.start(1, Some(Program::new()), false).await;
    let said = fleet.end(1).await;
    assert!(fleet.world.objects().is_empty(), "what was there is deleted");
    fleet.go_on(0);
    fleet.end(0).await;
    let came = !was_there && !fleet.world.objects().is_empty();
    fleet.ends_as_declared(&Program::new()).await;
    (said, came)
}

#[test]
fn what_comes_after_the_look_is_deleted_by_the_next_run() {
    tell(async {
        let mut late = 0;
        for steps in 0..12 {
            let (said, came) = overtaken_after(steps).await;
            if came {
                late += 1;
                let [line] = said.as_slice() else { panic!("{said:?}") };
                assert!(
                    line.ends_with("the run that began it may still be at it, so the next run looks again"),
                    "{line}"
                );
            }
        }
        assert!(late > 0, "some of these moments are between the intent and its effect");
    });
}
