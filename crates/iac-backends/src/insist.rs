//! Making a call again where that can help.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// For how long a call is tried again.
const PATIENCE: Duration = Duration::from_secs(15);

/// The meaning of a failed attempt for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// Another attempt would fail as well, or do harm.
    No,
    /// The attempt never reached the server, or was turned away by it.
    Yes,
    /// It may have been carried out all the same.
    Uncertain,
}

/// The result of the last attempt.
#[derive(Debug)]
pub(crate) struct Ended<T, E> {
    pub(crate) result: Result<T, E>,
    /// True if an attempt before the last may have been carried out.
    pub(crate) uncertain: bool,
}

/// Attempts something until it works or `again` says that it never will, or patience is over.
pub(crate) async fn insist<T, E, A>(mut attempt: impl FnMut() -> A, again: impl Fn(&E) -> Again) -> Ended<T, E>
where
    A: Future<Output = Result<T, E>>,
{
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(100);
    let mut uncertain = false;
    loop {
        let result = attempt().await;
        let again = result.as_ref().map_or_else(&again, |_| Again::No);
        if again == Again::No || Instant::now() + pause >= deadline {
            return Ended { result, uncertain };
        }
        uncertain |= again == Again::Uncertain;
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    fn told(error: &Again) -> Again {
        *error
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_success_with_a_refusal_or_with_patience() {
        let mut answers = [Err(Again::Yes), Err(Again::Uncertain), Ok(7)].into_iter();
        let done = insist(|| ready(answers.next().unwrap_or(Err(Again::No))), told).await;
        assert!(done.uncertain && done.result == Ok(7));

        let mut answers = [Err(Again::Uncertain), Err(Again::No)].into_iter();
        let done = insist(|| ready(answers.next().unwrap_or(Ok(1))), told).await;
        assert!(done.uncertain && done.result == Err(Again::No));

        let mut attempts = 0;
        let failing = || {
            attempts += 1;
            ready(Err::<(), _>(Again::Yes))
        };
        let done = insist(failing, told).await;
        assert!(!done.uncertain && done.result == Err(Again::Yes));
        assert!((5..20).contains(&attempts), "{attempts}");
    }
}
