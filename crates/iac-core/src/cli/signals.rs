//! Ctrl-C and SIGTERM: the first asks politely, the second insists.

use tokio::sync::watch;

use super::failure::Failure;
use super::{exit, ui::Ui};
use crate::apply::Cancel;

/// Returns once the user interrupts, or the system asks us to end.
pub(super) async fn interrupted() {
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        result = tokio::signal::ctrl_c() => {
            if result.is_err() {
                std::future::pending::<()>().await;
            }
        }
        () = terminated => {}
    }
}

/// Does something that changes nothing, or ends when interrupted.
pub(super) async fn unless_interrupted<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        result = work => result,
        () = interrupted() => Err(Failure::quiet(exit::INTERRUPTED)),
    }
}

/// Raises the level of cancellation with each interruption, for as long as it is polled.
pub(super) async fn raise(cancel: &watch::Sender<Cancel>, ui: &Ui) {
    interrupted().await;
    cancel.send_replace(Cancel::Gently);
    ui.say("Interrupted: nothing new is started; what is in flight is finished. Once more gives that up, too.");
    interrupted().await;
    cancel.send_replace(Cancel::AtOnce);
    ui.say("Interrupted again: giving up. The next run looks at what was in flight and goes on from there.");
    std::future::pending::<()>().await;
}
