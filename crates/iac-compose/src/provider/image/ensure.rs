//! Images for services: looked up, and pulled where that is asked for. Services that need the same one at the same time share
//! the work.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use iac_core::Key;
use iac_core::provider::{Context, ErrorKind, ProviderError};

use super::{is_repository, repository};
use crate::model::{PullPolicy, Service};
use crate::provider::connect::Engine;
use crate::provider::errors::{failed, if_there};

/// An image that the engine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ensured {
    /// Its ID.
    pub(crate) id: String,
    /// The digest under which its repository has it, or the ID if it was never pulled from one.
    pub(crate) pinned: String,
}

/// The key of a request: a name, a platform, a policy.
type Wanted = (String, Option<String>, PullPolicy);

type Work = BoxFuture<'static, Result<Ensured, ProviderError>>;

/// The work that is under way. Nothing is remembered once it is done: a name may mean another image by then.
#[derive(Clone, Default)]
pub(crate) struct UnderWay(Arc<Mutex<HashMap<Wanted, WeakShared<Work>>>>);

impl UnderWay {
    fn join(&self, wanted: Wanted, begin: impl FnOnce() -> Work) -> Shared<Work> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, work| work.upgrade().is_some());
        if let Some(work) = all.get(&wanted).and_then(WeakShared::upgrade) {
            return work;
        }
        let work = begin().shared();
        all.extend(work.downgrade().map(|weak| (wanted, weak)));
        work
    }
}

impl Engine {
    /// A service's image, which is pulled where its policy says so.
    pub(crate) async fn ensure_image(&self, spec: &Service, key: &Key, cx: &Context) -> Result<Ensured, ProviderError> {
        let (name, platform) = (spec.image.clone(), spec.platform.clone());
        let policy = spec.pull_policy.unwrap_or_default();
        let (engine, key, cx) = (self.clone(), key.clone(), cx.clone());
        let work = self.under_way.join((name.clone(), platform.clone(), policy), move || {
            async move { engine.obtain(&name, platform.as_deref(), policy, &key, &cx).await }.boxed()
        });
        work.await
    }

    async fn obtain(
        &self,
        name: &str,
        platform: Option<&str>,
        policy: PullPolicy,
        key: &Key,
        cx: &Context,
    ) -> Result<Ensured, ProviderError> {
        let missing = |message: String| ProviderError::new(ErrorKind::NotFound, message);
        match (self.ensured(name).await?, policy) {
            (Some(found), PullPolicy::Missing | PullPolicy::Never | PullPolicy::Build) => Ok(found),
            (None, PullPolicy::Never) => Err(missing(format!(
                "the engine does not have the image {name}, and pull_policy is never"
            ))),
            (None, PullPolicy::Build) => {
                let message = format!("the engine does not have the image {name}, which is to be built");
                Err(missing(message).with_hint("give the service a build"))
            }
            (_, PullPolicy::Always | PullPolicy::Missing) => {
                self.pull(name, platform, key, cx).await?;
                let lost = || ProviderError::new(ErrorKind::Internal, format!("{name} was pulled and is not there"));
                self.ensured(name).await?.ok_or_else(lost)
            }
        }
    }

    async fn ensured(&self, name: &str) -> Result<Option<Ensured>, ProviderError> {
        let found = if_there(self.docker.inspect_image(name).await);
        let found = found.map_err(|error| failed(&format!("look up the image {name}"), &error))?;
        Ok(found.and_then(|image| {
            let id = image.id?;
            let digests = image.repo_digests.unwrap_or_default();
            let own = digests
                .into_iter()
                .find(|digest| is_repository(repository(digest), repository(name)));
            Some(Ensured {
                pinned: own.unwrap_or_else(|| id.clone()),
                id,
            })
        }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn who_asks_at_the_same_time_shares_the_work_and_who_asks_later_does_not() {
        let (under_way, begun) = (UnderWay::default(), Arc::new(AtomicUsize::new(0)));
        let ask = |name: &str| {
            let begun = Arc::clone(&begun);
            let wanted = (name.to_owned(), None, PullPolicy::Missing);
            under_way.join(wanted, move || {
                let number = begun.fetch_add(1, Ordering::Relaxed);
                async move {
                    tokio::task::yield_now().await;
                    match number {
                        0 => Err(ProviderError::new(ErrorKind::Failed, "no network")),
                        number => Ok(Ensured {
                            id: number.to_string(),
                            pinned: String::new(),
                        }),
                    }
                }
                .boxed()
            })
        };
        let (first, second, other) = tokio::join!(ask("a"), ask("a"), ask("b"));
        assert_eq!(first.unwrap_err().message, second.unwrap_err().message);
        assert_eq!(other.unwrap().id, "1");
        assert_eq!(ask("a").await.unwrap().id, "2", "a failure is not kept");
        assert_eq!(ask("a").await.unwrap().id, "3", "nor is an answer");
    }
}
