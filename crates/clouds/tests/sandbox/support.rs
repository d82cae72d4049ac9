//! A sandbox in a directory of its own, and what tests ask of it.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clouds::registry::{self, Settings};
use clouds::sandbox::{Faults, InstanceRecord, World};
use clouds::{
    Budget, Cloud, CloudResult, CreateInstance, ErrorClass, Instance, InstanceRef, Tag, Until,
};
use domain::credentials::Credentials;
use domain::{Image, ImageSource, Money, Plan};
use tempfile::TempDir;

pub(crate) const REGION: &str = "toy";
pub(crate) const INSTALLATION: &str = "ours";

pub(crate) struct Sandbox {
    pub(crate) directory: TempDir,
    pub(crate) world: World,
    pub(crate) cloud: Arc<dyn Cloud>,
}

impl Sandbox {
    pub(crate) async fn open() -> Self {
        let directory = TempDir::new().expect("a directory");
        let path = directory.path().join("sandbox.db");
        let world = World::open(&path).await.expect("the world opens");
        Self {
            directory,
            world,
            cloud: driver(&path, Budget::default()),
        }
    }

    pub(crate) async fn with(faults: Faults) -> Self {
        let sandbox = Self::open().await;
        sandbox.set(faults).await;
        sandbox
    }

    pub(crate) async fn set(&self, faults: Faults) {
        self.world
            .set_faults(&faults)
            .await
            .expect("the faults are set");
    }

    pub(crate) async fn create(&self, token: &str) -> CloudResult<Instance> {
        self.cloud.create(&request(token)).await
    }

    pub(crate) async fn running(&self, token: &str) -> InstanceRef {
        let made = self.create(token).await.expect("is created");
        self.reaches(&made.at, Until::Running).await;
        made.at
    }

    pub(crate) async fn reaches(&self, at: &InstanceRef, until: Until) -> Instance {
        let patience = Duration::from_secs(20);
        self.cloud
            .wait(at, until, patience)
            .await
            .expect("it is reached")
    }

    pub(crate) async fn find(&self, token: &str) -> Vec<Instance> {
        self.cloud.find(REGION, &tag(token)).await.expect("find")
    }

    pub(crate) async fn records(&self) -> Vec<InstanceRecord> {
        self.world.instances().await.expect("the instances")
    }

    pub(crate) async fn record(&self, at: &InstanceRef) -> InstanceRecord {
        let mut records = self.world.all_instances().await.expect("the instances");
        records.retain(|record| record.id == at.id);
        records.pop().expect("it is there")
    }
}

pub(crate) fn driver(path: &Path, budget: Budget) -> Arc<dyn Cloud> {
    let path = path.to_str().expect("is text");
    let options = serde_json::json!({ "path": path });
    let settings = Settings {
        region: REGION.to_owned(),
        options: options.as_object().expect("an object").clone(),
        credentials: Credentials::default(),
        budget,
    };
    let kind = registry::kind("sandbox").expect("there is a sandbox");
    (kind.open)(settings).expect("it opens")
}

pub(crate) fn budget(at_once: usize) -> Budget {
    Budget::new(at_once, NonZeroU32::new(1_000_000))
}

pub(crate) fn tag(token: &str) -> Tag {
    Tag {
        installation: INSTALLATION.to_owned(),
        token: token.to_owned(),
    }
}

pub(crate) fn request(token: &str) -> CreateInstance {
    CreateInstance {
        tag: tag(token),
        name: format!("server-{token}"),
        region: REGION.to_owned(),
        plan: plan("small", 10),
        image: image("debian-12"),
        user_data: "#cloud-config\n{\"packages\":[\"nginx\"]}\n".to_owned(),
        public_keys: vec!["ssh-ed25519 AAAA someone".to_owned()],
        ports: vec![22, 80],
        group: "arcus-test".to_owned(),
        is_first: false,
        nesting: true,
        snapshot: None,
    }
}

pub(crate) fn plan(slug: &str, disk_gib: u64) -> Plan {
    Plan {
        slug: slug.to_owned(),
        family: "General Purpose".to_owned(),
        cpus: 2,
        memory_mib: 2048,
        disk_gib,
        bandwidth_tb: 1,
        hourly: Money(6_000),
        monthly: Money(4_000_000),
        open: true,
    }
}

pub(crate) fn image(slug: &str) -> Image {
    Image {
        slug: slug.to_owned(),
        name: slug.to_owned(),
        distribution: slug.to_owned(),
        login_user: "root".to_owned(),
        source: ImageSource::default(),
        packages: Vec::new(),
        minimum: domain::offer::Minimum::default(),
        open: true,
    }
}

/// The class of a refusal.
pub(crate) fn class<T>(result: CloudResult<T>) -> ErrorClass {
    result.err().expect("is refused").class
}
