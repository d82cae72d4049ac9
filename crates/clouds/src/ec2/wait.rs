//! Waiting: many who wait in one region ask Amazon together.
//!
//! Amazon allows an account so many calls a second, and creating two hundred servers means waiting for two hundred. What
//! must stay true: whoever waits looks at once, and then less and less often; one who gives up takes nobody along.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::server::Power;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::Ec2;
use crate::cloud::{CloudError, CloudResult, ErrorClass, Instance, InstanceRef, Until};

/// A look is sent once nobody has joined it for so long,
const QUIET: Duration = Duration::from_millis(10);
/// or after so long at the most.
const GATHER: Duration = Duration::from_millis(150);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// As many values as one filter may have.
const AT_ONCE: usize = 200;

/// The looks that are being gathered, by region.
#[derive(Default)]
pub(super) struct Looks(Mutex<HashMap<String, Arc<Look>>>);

/// One question to Amazon, about all that are waited for.
#[derive(Default)]
struct Look {
    ids: Mutex<BTreeSet<String>>,
    answer: OnceCell<CloudResult<HashMap<String, Instance>>>,
}

// === impl Ec2 ===

impl Ec2 {
    pub(super) async fn wait_until(
        &self,
        at: &InstanceRef,
        until: Until,
        timeout: Duration,
    ) -> CloudResult<Instance> {
        let deadline = Instant::now() + timeout;
        let mut pause = FIRST_PAUSE;
        let mut power = Power::Pending;
        while let Ok(seen) = tokio::time::timeout_at(deadline, self.look(at)).await {
            let seen = match seen? {
                Some(instance) => instance,
                None if until == Until::Gone => return Ok(Instance::gone(at)),
                // Just after a create, "not found" means "not yet".
                None if until == Until::Running => Instance::pending(at),
                None => return Err(CloudError::not_found(at)),
            };
            if until.holds(&seen) {
                return Ok(seen);
            }
            power = seen.power;
            if until == Until::Running && power == Power::Terminated {
                return Err(self.ended(at).await);
            }
            if Instant::now() + pause > deadline {
                break;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
        Err(until.timed_out(timeout, power))
    }
}

impl Ec2 {
    /// What is told of an instance that ended before it ran, with Amazon's reason where it has one.
    async fn ended(&self, at: &InstanceRef) -> CloudError {
        let seen = self.describe(at).await.ok();
        let reason = seen.and_then(|seen| seen.state_reason);
        let reason = reason.map_or_else(String::new, |reason| format!(": {}", reason.message));
        CloudError::new(
            ErrorClass::Rejected,
            format!("Amazon EC2 ended the instance while it was starting{reason}"),
        )
    }

    /// The instance, by a look that others may share; `None` where there is none.
    async fn look(&self, at: &InstanceRef) -> CloudResult<Option<Instance>> {
        let look = self.looks.join(at);
        // Should whoever asks give up, the next of those who wait asks instead.
        let answer = look.answer.get_or_init(|| async {
            look.gathered().await;
            self.looks.close(&at.region, &look);
            let ids: Vec<String> = look.ids().iter().cloned().collect();
            let seen = self.with_ids(&at.region, &ids).await?;
            Ok(seen
                .into_iter()
                .map(|instance| (instance.at.id.clone(), instance))
                .collect())
        });
        match answer.await {
            Ok(seen) => Ok(seen.get(&at.id).cloned()),
            Err(error) => Err(error.clone()),
        }
    }
}

// === impl Looks ===

impl Looks {
    fn join(&self, at: &InstanceRef) -> Arc<Look> {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let look = looks.entry(at.region.clone()).or_default();
        if look.ids().len() >= AT_ONCE {
            *look = Arc::default();
        }
        look.ids().insert(at.id.clone());
        Arc::clone(look)
    }

    /// Lets nobody join any more.
    fn close(&self, region: &str, closed: &Arc<Look>) {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if looks
            .get(region)
            .is_some_and(|look| Arc::ptr_eq(look, closed))
        {
            looks.remove(region);
        }
    }
}

// === impl Look ===

impl Look {
    /// Waits until nobody joins any more.
    async fn gathered(&self) {
        let deadline = Instant::now() + GATHER;
        let mut joined = 0;
        while joined < self.ids().len() && joined < AT_ONCE && Instant::now() < deadline {
            joined = self.ids().len();
            tokio::time::sleep(QUIET).await;
        }
    }

    fn ids(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use domain::credentials::Credentials;
    use futures::future::join_all;
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::Budget;
    use crate::registry::Settings;

    const MANY: usize = 50;

    /// Fifty instances that run.
    fn described() -> String {
        let instance = |number| {
            format!(
                "<item><instanceId>i-{number}</instanceId><instanceState><code>16</code></instanceState>\
                 <ipAddress>54.0.0.{number}</ipAddress></item>"
            )
        };
        let instances: String = (0..MANY).map(instance).collect();
        let body = format!(
            "<R><reservationSet><item><instancesSet>{instances}</instancesSet></item></reservationSet></R>"
        );
        let length = body.len();
        format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}")
    }

    async fn answer(mut stream: TcpStream, calls: Arc<AtomicUsize>) {
        let mut request = String::new();
        let mut chunk = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut chunk).await {
            request.push_str(&String::from_utf8_lossy(&chunk[..read]));
            if request.ends_with("Version=2016-11-15") {
                request.clear();
                calls.fetch_add(1, Ordering::SeqCst);
                let sent = stream.write_all(described().as_bytes()).await;
                sent.expect("is sent");
            }
        }
    }

    #[tokio::test]
    async fn many_who_wait_in_one_region_ask_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&counted)));
            }
        });
        let options = json!({ "endpoint": format!("http://{address}") });
        let cloud = (super::super::KIND.open)(Settings {
            region: "us-east-1".to_owned(),
            options: options.as_object().cloned().expect("an object"),
            credentials: Credentials::default()
                .with("accessKey", "AKIA")
                .with("secretKey", "secret"),
            budget: Budget::default(),
        })
        .expect("opens");
        let wait = async |number: usize| {
            let at = InstanceRef {
                region: "us-east-1".to_owned(),
                id: format!("i-{number}"),
            };
            let waited = cloud.wait(&at, Until::Running, Duration::from_secs(10));
            waited.await.expect("runs").at
        };
        let seen = join_all((0..MANY).map(wait)).await;
        assert!((0..MANY).all(|number| seen[number].id == format!("i-{number}")));
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }
}
