//! Making an instance, in as few calls as Incus allows: look up the image and the profiles (at once), create and start
//! (one call), wait for its end, read the result. One from a snapshot is made first and started then (`copy`).
//!
//! What must stay true: the tag is a part of the call that creates; the name follows from the name and token alone, so
//! that the same request again meets the same instance; an instance that isn't ours is never touched; containers are
//! never privileged.

use std::collections::BTreeMap;

use domain::Plan;
use domain::server::Power;
use futures::future::try_join_all;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::instances::check;
use super::operations::{DOWNLOAD_LIMIT, USUAL_LIMIT, begun};
use super::shown::{INSTALLATION, NAME, TOKEN, root_disk};
use super::wire::{self, Device, Operation, Profile, timestamp};
use super::{Incus, copy, errors, names};
use crate::cloud::{
    CloudError, CloudResult, CreateInstance, ErrorClass, Instance, InstanceRef, Network, Tag,
};

fn started(at: InstanceRef, request: &CreateInstance, operation: &Operation) -> Instance {
    Instance {
        at,
        name: request.name.clone(),
        tag: Some(request.tag.clone()),
        power: Power::Running,
        public_ip: None,
        private_ip: None,
        network: Network::default(),
        plan: None,
        created_at: timestamp(&operation.created_at),
    }
}

/// How many processors an instance has.
pub(super) const CPUS: &str = "limits.cpu";
/// How much memory an instance has.
pub(super) const MEMORY: &str = "limits.memory";
/// What cloud-init is told.
pub(super) const USER_DATA: &str = "cloud-init.user-data";
/// Whether containers may run inside a container.
pub(super) const NESTING: &str = "security.nesting";

/// Devices by their names.
pub(super) type Devices = BTreeMap<String, Device>;

// === impl Incus ===

impl Incus {
    pub(super) async fn create_instance(&self, request: &CreateInstance) -> CloudResult<Instance> {
        check(&request.tag)?;
        let (starts, source, devices) = tokio::try_join!(
            self.client.can("instance_create_start"),
            self.source(request),
            self.devices(&request.plan),
        )?;
        let starts = starts && request.snapshot.is_none();
        let mut body = json!({
            "type": self.options.instance_type(),
            "profiles": self.options.profiles,
            "config": self.config(request, &devices),
            "devices": devices,
            "source": source,
            "start": starts,
        });
        let token = &request.tag.token;
        let first = names::id_for(&request.name, token);
        let second = names::id_with_token(&request.name, token);
        for id in [&first, &second] {
            let at = InstanceRef {
                region: request.region.clone(),
                id: id.clone(),
            };
            body["name"] = Value::from(id.as_str());
            match self.attempt(&at, &request.tag, &body).await {
                // What was made and started in one call runs: its address comes later, and who waits for it looks.
                Ok(Some(operation)) if starts => return Ok(started(at, request, &operation)),
                Ok(operation) => return self.first_start(&at, &request.tag, operation).await,
                Err(error) if errors::is_taken(&error) || errors::is_being_made(&error) => {
                    if let Some(instance) = self.created_before(&at, &request.tag, error).await? {
                        return Ok(instance);
                    }
                }
                Err(error) if request.snapshot.is_some() => return Err(copy::no_snapshot(error)),
                Err(error) => return Err(error),
            }
        }
        Err(CloudError::new(
            ErrorClass::Rejected,
            format!("other instances have the names {first} and {second}"),
        ))
    }

    /// Returns the operation that made it, where Incus made one.
    async fn attempt(
        &self,
        at: &InstanceRef,
        tag: &Tag,
        body: &Value,
    ) -> CloudResult<Option<Operation>> {
        let target = self
            .options
            .target
            .as_deref()
            .map(|target| ("target", target));
        let parameters = target.as_slice();
        let answer = self
            .client
            .change(Method::POST, &["instances"], parameters, Some(body))
            .await?;
        let Some(operation) = begun(answer)? else {
            return Ok(None);
        };
        let ended = self
            .client
            .finish(&operation, DOWNLOAD_LIMIT)
            .await
            .map(drop);
        if ended
            .as_ref()
            .is_err_and(|error| is_refusal(error) && !errors::is_taken(error))
        {
            self.discard(at, tag, &operation).await;
        }
        ended.map(|()| Some(operation))
    }

    /// Deletes what a create left that made its instance and couldn't start it: what is refused leaves nothing behind.
    async fn discard(&self, at: &InstanceRef, tag: &Tag, operation: &Operation) {
        let Ok(left) = self.describe(at).await else {
            return;
        };
        let made_by_it = timestamp(&left.created_at) >= timestamp(&operation.created_at);
        if left.tag().as_ref() == Some(tag) && left.power() == Power::Stopped && made_by_it {
            let path = ["instances", at.id.as_str()];
            if let Err(error) = self
                .client
                .run(Method::DELETE, &path, None, USUAL_LIMIT)
                .await
            {
                tracing::warn!(instance = at.id, %error, "an instance that can't start is left behind");
            }
        }
    }

    /// Starts what `operation` has just made without starting it. What can't start is not left behind either.
    async fn first_start(
        &self,
        at: &InstanceRef,
        tag: &Tag,
        operation: Option<Operation>,
    ) -> CloudResult<Instance> {
        let created = self.created(at).await;
        if let (Err(error), Some(operation)) = (&created, &operation)
            && is_refusal(error)
        {
            self.discard(at, tag, operation).await;
        }
        created
    }

    /// The instance that was just made; started now where that was not done with it.
    async fn created(&self, at: &InstanceRef) -> CloudResult<Instance> {
        let mut instance = self.describe(at).await?;
        if instance.power() == Power::Stopped {
            self.make_its_own(&instance).await?;
            self.switch_on(&at.id).await?;
            instance = self.describe(at).await?;
        }
        Ok(instance.shown(&at.region))
    }

    /// What an earlier try of the same request made, once that try is over; `None` where the name is another's.
    async fn created_before(
        &self,
        at: &InstanceRef,
        tag: &Tag,
        refusal: CloudError,
    ) -> CloudResult<Option<Instance>> {
        let ours = |instance: &wire::Instance| instance.tag().as_ref() == Some(tag);
        match self.describe(at).await {
            Ok(instance) if !ours(&instance) => return Ok(None),
            Ok(_) => self.settle_within(&at.id, DOWNLOAD_LIMIT).await?,
            // Being made and not there yet; how that ends is seen by looking again.
            Err(error) if error.class == ErrorClass::NotFound => {
                drop(self.settle_within(&at.id, DOWNLOAD_LIMIT).await);
            }
            Err(error) => return Err(error),
        }
        match self.describe(at).await {
            Ok(instance) if ours(&instance) => self.created(at).await.map(Some),
            Ok(_) => Ok(None),
            // It came to nothing. Another name now might make two of what should be one.
            Err(error) if error.class == ErrorClass::NotFound => {
                Err(CloudError::new(ErrorClass::Unavailable, refusal.message))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn source(&self, request: &CreateInstance) -> CloudResult<Value> {
        match &request.snapshot {
            Some(snapshot) => self.snapshot_source(snapshot),
            None => self.image_source(&request.image).await,
        }
    }

    fn config(&self, request: &CreateInstance, own: &Devices) -> Map<String, Value> {
        let mut config = limits(&request.plan);
        let mut set = |key: &str, value: &str| {
            config.insert(key.to_owned(), Value::from(value));
        };
        set(INSTALLATION, &request.tag.installation);
        set(TOKEN, &request.tag.token);
        set(NAME, &request.name);
        if !request.user_data.is_empty() {
            set(USER_DATA, &request.user_data);
        }
        // A virtual machine has a kernel of its own, and Incus refuses the key there.
        if request.nesting && !self.options.vm {
            set(NESTING, "true");
        }
        if request.snapshot.is_some() {
            copy::mark(&mut config, own);
        }
        config
    }

    /// The devices that differ from the profiles': the root disk's size and pool, the network.
    async fn devices(&self, plan: &Plan) -> CloudResult<Devices> {
        Ok(self.own_devices(&self.inherited().await?, plan))
    }

    /// The devices that new instances have from their profiles.
    pub(super) async fn inherited(&self) -> CloudResult<Devices> {
        let profiles = self.options.profiles.iter().map(|name| async move {
            self.client
                .get::<Profile>(&["profiles", name])
                .await
                .map_err(|error| no_profile(error, name))
        });
        let inherited = try_join_all(profiles)
            .await?
            .into_iter()
            .flat_map(|profile| profile.devices);
        Ok(inherited.collect())
    }

    fn own_devices(&self, inherited: &Devices, plan: &Plan) -> Devices {
        let mut own = Devices::new();
        let (name, mut root) = match root_disk(inherited) {
            Some((name, root)) => (name.clone(), root.clone()),
            None => (
                "root".to_owned(),
                device(&[("type", "disk"), ("path", "/")]),
            ),
        };
        if let Some(pool) = &self.options.pool {
            root.insert("pool".to_owned(), pool.clone());
        }
        // Without a pool there is nothing to size: Incus then says itself what it misses.
        if root.contains_key("pool") {
            size(&mut root, plan);
            own.insert(name, root);
        }
        if let Some(network) = &self.options.network {
            let is_eth0 = |(_, device): &(&String, &Device)| {
                device.get("type").is_some_and(|kind| kind == "nic")
                    && device.get("name").is_some_and(|name| name == "eth0")
            };
            let name = inherited
                .iter()
                .find(is_eth0)
                .map_or("eth0", |(name, _)| name);
            let nic = device(&[("type", "nic"), ("name", "eth0"), ("network", network)]);
            own.insert(name.to_owned(), nic);
        }
        own
    }
}

/// What a plan gives an instance.
pub(super) fn limits(plan: &Plan) -> Map<String, Value> {
    let mut limits = Map::new();
    limits.insert(CPUS.to_owned(), Value::from(plan.cpus.to_string()));
    limits.insert(
        MEMORY.to_owned(),
        Value::from(format!("{}MiB", plan.memory_mib)),
    );
    limits
}

/// Gives a root disk the size of a plan. A pool without quotas (`dir`) ignores it.
pub(super) fn size(root: &mut Device, plan: &Plan) {
    if plan.disk_gib > 0 {
        root.insert("size".to_owned(), format!("{}GiB", plan.disk_gib));
    }
}

fn device(settings: &[(&str, &str)]) -> Device {
    settings
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// The same call will be refused again.
fn is_refusal(error: &CloudError) -> bool {
    matches!(error.class, ErrorClass::Rejected | ErrorClass::Quota)
}

/// A missing profile is a mistake in the region's options and not a missing instance.
fn no_profile(error: CloudError, name: &str) -> CloudError {
    if error.class == ErrorClass::NotFound {
        CloudError::new(
            ErrorClass::Rejected,
            format!("the Incus server has no profile {name}"),
        )
    } else {
        error
    }
}
