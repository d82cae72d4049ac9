//! Follows cloud-init and the provision script to their end, over SSH.
//!
//! Used by [`install`](super::install). What must stay true: the script's result counts, and cloud-init's only where
//! the script left none: an image may have a complaint of its own that hurts nobody.

use std::time::Duration;

use serde::Deserialize;
use ssh::SshError;

use super::connect::Guest;
use super::progress::Progress;
use super::{LOG, RESULT, SCRIPT};

/// How long one step of following may take; the caller's own limit is usually shorter.
const FOLLOW_LIMIT: Duration = Duration::from_hours(2);

/// Ends when cloud-init has ended, by the file that `cloud-init status` itself reads; that command takes half a
/// second to start. An image may also come without cloud-init, or with one that found nothing to do.
const CLOUD_INIT_ENDED: &str = "until [ -e /run/cloud-init/result.json ] || [ -e /run/cloud-init/disabled ] || \
                                ! command -v cloud-init >/dev/null; do sleep 0.1; done";

/// What was found when cloud-init, or the script alone, had ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// What cloud-init complains of.
    pub(super) complaints: Vec<String>,
    /// What the script left; `None` where it never ran.
    pub(super) result: Option<ScriptResult>,
}

/// The script's result, as `script.sh` writes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct ScriptResult {
    /// `running`, `installed` or `failed`.
    pub(super) state: String,
    /// `network`, or nothing.
    pub(super) fault: String,
    /// What became of each package.
    pub(super) packages: Vec<PackageResult>,
}

/// What became of one package.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct PackageResult {
    pub(super) name: String,
    /// `installed` or `failed`.
    pub(super) state: String,
    #[serde(default)]
    pub(super) log: Vec<String>,
}

/// How much of the script's log was read; a later call goes on from there.
#[derive(Debug, Default)]
pub(super) struct Reader {
    lines: usize,
}

// === impl Reader ===

impl Reader {
    /// Waits for the end of cloud-init, and reports the script's progress where there is a script.
    pub(super) async fn follow_boot<F: FnMut(u8, &str) + Send>(
        &mut self,
        guest: &mut Guest,
        has_script: bool,
        progress: &mut Progress<F>,
    ) -> Result<Ended, SshError> {
        let wait = if has_script {
            self.with_log(&format!("({CLOUD_INIT_ENDED})"))
        } else {
            CLOUD_INIT_ENDED.to_owned()
        };
        self.follow(guest, &wait, progress).await
    }

    /// Runs the script again, and reports its progress.
    pub(super) async fn run_script<F: FnMut(u8, &str) + Send>(
        &mut self,
        guest: &mut Guest,
        progress: &mut Progress<F>,
    ) -> Result<Ended, SshError> {
        let command = self.with_log(SCRIPT);
        self.follow(guest, &command, progress).await
    }

    /// A command that also prints the log, from where we are, for as long as `command` runs.
    fn with_log(&self, command: &str) -> String {
        format!(
            "{command} & tail -n +{} -F -s 0.1 --pid=$! {LOG} 2>/dev/null",
            self.lines + 1
        )
    }

    async fn follow<F: FnMut(u8, &str) + Send>(
        &mut self,
        guest: &mut Guest,
        command: &str,
        progress: &mut Progress<F>,
    ) -> Result<Ended, SshError> {
        let command = format!(
            "{command}; echo \"@cloud-init $(tr -d '\\n' </run/cloud-init/result.json 2>/dev/null)\"; \
             echo \"@result $(cat {RESULT} 2>/dev/null)\""
        );
        let mut ended = Ended::default();
        let lines = &mut self.lines;
        let on_line = |line: &str| {
            if let Some(json) = line.strip_prefix("@cloud-init ") {
                ended.complaints = complaints(json);
            } else if let Some(json) = line.strip_prefix("@result ") {
                ended.result = serde_json::from_str(json).ok();
            } else {
                *lines += 1;
                progress.line(line);
            }
        };
        guest.run(&command, FOLLOW_LIMIT, on_line).await?;
        Ok(ended)
    }
}

/// The errors in cloud-init's `result.json`, the recoverable ones of newer versions among them.
fn complaints(json: &str) -> Vec<String> {
    let value: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    let result = &value["v1"];
    let texts = |value: &serde_json::Value| -> Vec<String> {
        let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter()
            .map(|text| {
                text.as_str()
                    .map_or_else(|| text.to_string(), str::to_owned)
            })
            .collect()
    };
    let recoverable = result["recoverable_errors"]
        .as_object()
        .into_iter()
        .flat_map(|map| map.values());
    recoverable
        .flat_map(texts)
        .chain(texts(&result["errors"]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_of_old_and_new_versions_of_cloud_init_are_read() {
        assert!(complaints(r#"{"v1": {"datasource": "x", "errors": []}}"#).is_empty());
        assert!(complaints("").is_empty());
        let new = r#"{"v1": {"errors": ["a"], "recoverable_errors": {"WARNING": ["b", "c"]}}}"#;
        assert_eq!(complaints(new), ["b", "c", "a"]);
    }

    #[test]
    fn a_result_of_the_script_is_read() {
        let text = r#"{"state":"failed","fault":"network","packages":[{"name":"x","state":"failed","log":["y"]}]}"#;
        let result: ScriptResult = serde_json::from_str(text).expect("reads");
        assert_eq!(
            (result.state.as_str(), result.packages[0].log[0].as_str()),
            ("failed", "y")
        );
    }
}
