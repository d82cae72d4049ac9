//! This machine's Incus, by the `incus` program, as somebody uses it who knows nothing of Arcus.
//!
//! Used by the bodies of the stand-ins, and by tests on the real Incus. What must stay true: an Incus that hangs fails
//! the test that asks it, with words, and stops no run.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a change may take, in seconds: a machine that is busy takes long to delete a server.
const CHANGE_SECS: &str = "120";
/// How long a look may take, in seconds.
const LOOK_SECS: &str = "30";
/// What `timeout` ends with when the time was up.
const TIME_IS_UP: i32 = 124;
/// How long is cleared up after a test.
const CLEARING_LIMIT: Duration = Duration::from_secs(60);
/// Between two looks at what is left.
const PAUSE: Duration = Duration::from_millis(300);

/// Runs `incus ARGUMENTS`. What it printed, or what it said of its failure.
pub fn run(arguments: &[&str]) -> Result<Vec<u8>, String> {
    run_within(CHANGE_SECS, arguments)
}

/// What Incus answers to a look at that path of its API, such as `/1.0/instances`; `None` where there is none or no Incus.
pub fn query(path: &str) -> Option<Value> {
    let printed = run_within(LOOK_SECS, &["query", path]).ok()?;
    serde_json::from_slice(&printed).ok()
}

/// Whether there is an Incus with the image `debian/12`. Where there is none a test has nothing to test, which is said,
/// unless one was promised.
pub fn is_there() -> bool {
    let path = "/1.0/images/aliases/debian%2F12";
    let Err(reason) = run_within(LOOK_SECS, &["query", path]) else {
        return true;
    };
    assert!(
        std::env::var_os("ARCUS_TEST_INCUS").is_none(),
        "ARCUS_TEST_INCUS promises an Incus with the image debian/12: {reason}"
    );
    eprintln!(
        "SKIPPED, nothing was tested: no Incus with the image debian/12 answers here ({reason}); scripts/lab.sh up incus image"
    );
    false
}

/// Deletes the instances of those names until two looks in a row find none: what was on its way to Incus may appear
/// after a first look. `left` tells them, `None` where Incus does not answer; nothing is asked of such a one again.
pub fn clear(left: impl Fn() -> Option<Vec<String>>) {
    let begun = Instant::now();
    let mut looks_without_any = 0;
    while looks_without_any < 2 {
        let Some(left) = left() else { return };
        if begun.elapsed() > CLEARING_LIMIT {
            eprintln!("these stay at Incus, which has not deleted them: {left:?}");
            return;
        }
        for name in &left {
            // One that is being made can't be deleted yet; the next look finds it again.
            let _ = run(&["delete", "--force", name]);
        }
        looks_without_any = if left.is_empty() {
            looks_without_any + 1
        } else {
            0
        };
        std::thread::sleep(PAUSE);
    }
}

fn run_within(seconds: &str, arguments: &[&str]) -> Result<Vec<u8>, String> {
    let output = Command::new("timeout")
        .args([seconds, "incus"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let what = arguments.first().unwrap_or(&"");
    Err(if output.status.code() == Some(TIME_IS_UP) {
        format!("`incus {what}` has not ended after {seconds} s: {said}")
    } else {
        format!("`incus {what}`: {said}")
    })
}
