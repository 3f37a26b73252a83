//! Ctrl-C and SIGTERM: the first asks politely, the second insists.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::exit;
use super::failure::Failure;
use super::ui::Ui;
use crate::apply::Cancel;

/// The interruption that gives up what is in flight; one more ends the process even if that does not work.
const INSISTING: u32 = 2;

/// The number of interruptions of this process. One listener counts for the whole run, so no interruption is missed between
/// two waits.
#[derive(Debug, Clone)]
pub(super) struct Interrupts {
    count: watch::Receiver<u32>,
}

impl Interrupts {
    /// Begins to listen; has to be called within a runtime. Where the system gives no signals, none come.
    pub(super) fn listen() -> Self {
        let (sender, count) = watch::channel(0);
        tokio::spawn(async move {
            let mut interrupt = signal(SignalKind::interrupt()).ok();
            let mut terminate = signal(SignalKind::terminate()).ok();
            loop {
                tokio::select! {
                    () = next(&mut interrupt) => {}
                    () = next(&mut terminate) => {}
                }
                sender.send_modify(|count| *count += 1);
                if *sender.borrow() > INSISTING {
                    leave();
                }
            }
        });
        Self { count }
    }

    /// Returns once this process was interrupted that often in all.
    async fn reached(&self, times: u32) {
        let mut count = self.count.clone();
        if count.wait_for(|count| *count >= times).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Does something that may be given up at any moment, or ends when interrupted.
    pub(super) async fn end<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::select! {
            result = work => result,
            () = self.reached(1) => Err(Failure::quiet(exit::INTERRUPTED)),
        }
    }

    /// Raises the level of cancellation with each interruption, for as long as it is polled.
    pub(super) async fn raise(&self, cancel: &watch::Sender<Cancel>, ui: &Ui) {
        self.reached(1).await;
        cancel.send_replace(Cancel::Gently);
        ui.say("Interrupted: nothing new is started; what is in flight is finished. Once more gives that up, too.");
        self.reached(INSISTING).await;
        cancel.send_replace(Cancel::AtOnce);
        ui.say("Interrupted again: giving up. The next run looks at what was in flight and goes on from there.");
        std::future::pending::<()>().await;
    }
}

/// Ends the process whatever it does, as a kill would: the journal is made for that.
#[expect(clippy::exit, reason = "something that does not end holds up the orderly way out")]
fn leave() {
    std::process::exit(i32::from(exit::INTERRUPTED));
}

async fn next(signal: &mut Option<Signal>) {
    if let Some(signal) = signal
        && signal.recv().await.is_some()
    {
        return;
    }
    std::future::pending::<()>().await;
}
