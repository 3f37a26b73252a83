//! Making a call again where that can help.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// For how long a call is tried again.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a failed attempt means for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// Another attempt would fail as well, or do harm.
    No,
    /// The attempt never reached the server, or was turned away by it.
    Yes,
    /// It may have been carried out all the same.
    Uncertain,
}

/// A failure after the last attempt.
#[derive(Debug)]
pub(crate) struct Failed<E> {
    pub(crate) error: E,
    /// Whether an attempt before the last may have been carried out.
    pub(crate) uncertain: bool,
}

/// Attempts something until it works or `again` says that it never will, or patience is over.
pub(crate) async fn insist<T, E, A>(mut attempt: impl FnMut() -> A, again: impl Fn(&E) -> Again) -> Result<T, Failed<E>>
where
    A: Future<Output = Result<T, E>>,
{
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(100);
    let mut uncertain = false;
    loop {
        let error = match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let again = again(&error);
        if again == Again::No || Instant::now() + pause >= deadline {
            return Err(Failed { error, uncertain });
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
        assert!(matches!(done, Ok(7)));

        let mut answers = [Err(Again::Uncertain), Err(Again::No)].into_iter();
        let done: Result<u8, _> = insist(|| ready(answers.next().unwrap_or(Ok(1))), told).await;
        assert!(done.is_err_and(|failed| failed.uncertain && failed.error == Again::No));

        let mut attempts = 0;
        let failing = || {
            attempts += 1;
            ready(Err::<(), _>(Again::Yes))
        };
        assert!(insist(failing, told).await.is_err_and(|failed| !failed.uncertain));
        assert!((5..20).contains(&attempts), "{attempts}");
    }
}
