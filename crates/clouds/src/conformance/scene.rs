//! What the behaviours have in common: instances to work on, waiting, and cleaning up.
//!
//! Owns the list of everything that one behaviour made. What must stay true: a reference is written down before
//! anything is asserted about it.

use std::any::Any;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::server::Power;
use domain::{Image, Plan, random};

use crate::cloud::{
    Cloud, CloudError, CloudResult, CreateInstance, ErrorClass, Instance, InstanceRef, Tag, Until,
};

/// How often a condition is looked at.
const PAUSE: Duration = Duration::from_millis(20);

/// What the suite needs to know of a cloud.
#[derive(Clone)]
pub struct Fixture {
    /// The region to work in.
    pub region: String,
    /// The image to make instances from.
    pub image: Image,
    /// A small size.
    pub plan: Plan,
    /// A larger one, for the resize.
    pub larger_plan: Plan,
    /// How long the cloud may take for any one thing.
    pub patience: Duration,
    /// What tokens, names and installations begin with, so that a person sees where they come from: lower-case
    /// letters, digits and `-`.
    pub prefix: String,
    /// An id in the cloud's own form that no instance has.
    pub unknown_id: String,
    /// Kept as long as the behaviour runs, such as a temporary directory.
    pub keep: Option<Arc<dyn Any + Send + Sync>>,
}

/// One behaviour's stage.
pub struct Scene {
    /// The driver under test.
    pub cloud: Arc<dyn Cloud>,
    /// What it needs.
    pub fixture: Fixture,
    installation: String,
    made: Mutex<Vec<InstanceRef>>,
}

// === impl Scene ===

impl Scene {
    pub(super) fn new(cloud: Arc<dyn Cloud>, fixture: Fixture) -> Self {
        let installation = format!("{}-{}", fixture.prefix, random::hex::<6>());
        Self {
            cloud,
            fixture,
            installation,
            made: Mutex::default(),
        }
    }

    /// The installation that everything here is made under.
    pub(super) fn installation(&self) -> &str {
        &self.installation
    }

    /// A second installation on the same account.
    pub(super) fn other_installation(&self) -> String {
        format!("{}-other", self.installation)
    }

    /// A tag that nothing bears yet.
    pub(super) fn new_tag(&self) -> Tag {
        Tag {
            installation: self.installation.clone(),
            token: format!("{}-{}", self.fixture.prefix, random::hex::<8>()),
        }
    }

    /// A mark that no change bears yet.
    pub(super) fn new_mark(&self) -> String {
        format!("{}-{}", self.fixture.prefix, random::hex::<8>())
    }

    /// A request for a small instance under a new tag.
    pub(super) fn request(&self) -> CreateInstance {
        CreateInstance {
            tag: self.new_tag(),
            name: format!("{}-{}", self.fixture.prefix, random::hex::<3>()),
            region: self.fixture.region.clone(),
            plan: self.fixture.plan.clone(),
            image: self.fixture.image.clone(),
            user_data: "#cloud-config\n{}\n".to_owned(),
            public_keys: Vec::new(),
            ports: Vec::new(),
            group: self.installation.clone(),
            is_first: false,
            nesting: false,
            snapshot: None,
        }
    }

    /// Makes an instance; what it becomes is not waited for.
    pub(super) async fn create(&self, request: &CreateInstance) -> Instance {
        let instance = self.cloud.create(request).await.must("create");
        self.remember(&instance.at);
        instance
    }

    /// Makes an instance, and waits until it runs.
    pub(super) async fn running(&self) -> (CreateInstance, Instance) {
        let request = self.request();
        let made = self.create(&request).await;
        let instance = self.reaches(&made.at, Until::Running).await;
        (request, instance)
    }

    /// Waits until an instance is what `until` says.
    pub(super) async fn reaches(&self, at: &InstanceRef, until: Until) -> Instance {
        let patience = self.fixture.patience;
        self.cloud
            .wait(at, until, patience)
            .await
            .must(&format!("wait until {until:?}"))
    }

    /// The epoch of traffic after a change that restarts an instance, which tells whether it was done. `None` where the
    /// cloud can't make the change, or counts no traffic.
    pub(super) async fn epoch_after(
        &self,
        changed: CloudResult<()>,
        at: &InstanceRef,
    ) -> Option<String> {
        changed.if_supported("change under a mark")?;
        self.cloud.start(at).await.must("start what was changed");
        self.reaches(at, Until::Running).await;
        let traffic = self.cloud.traffic(at).await;
        traffic.if_supported("traffic").map(|traffic| traffic.epoch)
    }

    /// That a change which came after another one was done: each restarts the instance, and so begins an epoch. At a cloud
    /// whose counters go on over a restart nothing tells; a driver's own tests have to.
    pub(super) async fn must_begin_an_epoch(&self, before: &str, after: &str, at: &InstanceRef) {
        if before != after {
            return;
        }
        self.cloud.stop(at, true).await.must("stop");
        self.reaches(at, Until::Stopped).await;
        let restarted = self.epoch_after(Ok(()), at).await;
        let goes_on = restarted.as_deref() == Some(after);
        assert!(goes_on, "another one was not done");
    }

    /// The living instances with that tag, as soon as there are as many as `count`: clouds show what is new, and stop
    /// showing what is old, some time after they have said that it is done.
    pub(super) async fn found(&self, tag: &Tag, count: usize) -> Vec<Instance> {
        let what = format!("{count} living under the token");
        self.eventually(
            &what,
            || async {
                let found = self
                    .cloud
                    .find(&self.fixture.region, tag)
                    .await
                    .must("find");
                found.into_iter().filter(is_living).collect::<Vec<_>>()
            },
            |found| found.len() == count,
        )
        .await
    }

    /// The ids of the living instances of an installation, as soon as there are as many as `count`.
    pub(super) async fn listed(&self, installation: &str, count: usize) -> Vec<String> {
        let what = format!("{count} living under {installation}");
        self.eventually(
            &what,
            || async {
                let listed = self
                    .cloud
                    .list(&self.fixture.region, installation)
                    .await
                    .must("list");
                let living = listed.into_iter().filter(is_living);
                living.map(|instance| instance.at.id).collect::<Vec<_>>()
            },
            |ids| ids.len() == count,
        )
        .await
    }

    /// Looks again and again until what is seen is as it should be.
    async fn eventually<T: Debug, F: Future<Output = T>>(
        &self,
        what: &str,
        look: impl Fn() -> F,
        holds: impl Fn(&T) -> bool,
    ) -> T {
        let deadline = tokio::time::Instant::now() + self.fixture.patience;
        loop {
            let seen = look().await;
            if holds(&seen) {
                return seen;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "after {:?} there should be {what}; seen: {seen:?}",
                self.fixture.patience,
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Writes a reference down to be destroyed at the end.
    pub(super) fn remember(&self, at: &InstanceRef) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if !made.contains(at) {
            made.push(at.clone());
        }
    }

    /// Destroys what was written down and what is listed, and waits until it is gone.
    pub(super) async fn clean_up(&self) -> Result<(), String> {
        let mut left = self
            .made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for installation in [self.installation.clone(), self.other_installation()] {
            let listed = self.cloud.list(&self.fixture.region, &installation).await;
            let listed = listed.map_err(|error| format!("list: {}", told(&error)))?;
            left.extend(listed.into_iter().map(|instance| instance.at));
        }
        let mut failures = Vec::new();
        for at in left {
            if let Err(error) = self.remove(&at).await {
                failures.push(format!("{} is left behind: {}", at.id, told(&error)));
            }
        }
        if failures.is_empty() {
            Ok(())
        } else {
            Err(failures.join("; "))
        }
    }

    async fn remove(&self, at: &InstanceRef) -> CloudResult<()> {
        match self.cloud.destroy(at).await {
            Err(error) if error.class == ErrorClass::NotFound => return Ok(()),
            other => other?,
        }
        self.cloud
            .wait(at, Until::Gone, self.fixture.patience)
            .await
            .map(drop)
    }
}

fn is_living(instance: &Instance) -> bool {
    !matches!(instance.power, Power::ShuttingDown | Power::Terminated)
}

fn told(error: &CloudError) -> String {
    format!("{:?}: {}", error.class, error.message)
}

/// How a behaviour takes a driver's answer.
pub(super) trait Answer<T> {
    /// It must have worked.
    fn must(self, what: &str) -> T;

    /// It must have worked, unless the cloud can't do it and says why in a sentence.
    fn if_supported(self, what: &str) -> Option<T>;

    /// It must have been refused with that class.
    fn must_fail(self, class: ErrorClass, what: &str);
}

impl<T> Answer<T> for CloudResult<T> {
    #[track_caller]
    fn must(self, what: &str) -> T {
        self.unwrap_or_else(|error| panic!("{what} failed: {}", told(&error)))
    }

    #[track_caller]
    fn if_supported(self, what: &str) -> Option<T> {
        match self {
            Err(error) if error.class == ErrorClass::Unsupported => {
                let words = error.message.split_whitespace().count();
                assert!(
                    words >= 3,
                    "{what} is unsupported for no reason: {:?}",
                    error.message
                );
                None
            }
            other => Some(other.must(what)),
        }
    }

    #[track_caller]
    fn must_fail(self, class: ErrorClass, what: &str) {
        match self {
            Ok(_) => panic!("{what} should be refused with {class:?}, and it worked"),
            Err(error) => {
                assert_eq!(error.class, class, "{what}: {}", error.message);
                assert!(
                    !error.message.is_empty(),
                    "{what} is refused without a reason"
                );
            }
        }
    }
}
