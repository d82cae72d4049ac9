//! A password that is typed on a terminal is not seen there.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use testkit::{Builder, Scene, wait};

/// A command on a terminal of its own, which `script` makes.
struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    screen: Arc<Mutex<String>>,
}

// === impl Terminal ===

impl Terminal {
    fn open(scene: &Scene, arguments: &str) -> Self {
        let folder = scene.arcus.folder().display();
        let command = format!(
            "{} --data-dir {folder} {arguments}",
            env!("CARGO_BIN_EXE_arcus")
        );
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command", &command, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script, of util-linux, is installed");
        let keyboard = child.stdin.take().expect("its input");
        let mut stdout = child.stdout.take().expect("its output");
        let screen = Arc::new(Mutex::new(String::new()));
        let shown = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut bytes = [0; 256];
            while let Ok(read @ 1..) = stdout.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..read]);
                shown.lock().expect("the screen").push_str(&text);
            }
        });
        Self {
            child,
            keyboard,
            screen,
        }
    }

    fn shows(&self) -> String {
        self.screen.lock().expect("the screen").clone()
    }

    /// Waits until that was asked, and types an answer.
    async fn answer(&mut self, question: &str, answer: &str) {
        wait::until(question, Duration::from_secs(20), || async {
            self.shows().contains(question).then_some(())
        })
        .await;
        writeln!(self.keyboard, "{answer}").expect("it listens");
    }

    /// Whether the command succeeded, once it has ended and said that.
    async fn ended(&mut self, saying: &str) -> bool {
        wait::until(saying, Duration::from_secs(20), || async {
            self.shows().contains(saying).then_some(())
        })
        .await;
        self.child.wait().expect("it ends").success()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended; killing does no harm then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_password_that_is_typed_is_not_shown() {
    let scene = Scene::set(Builder::new(env!("CARGO_BIN_EXE_arcus"))).await;
    let organisation = &scene.organisation;
    let add = format!("admin user add --organisation {organisation} new@email.com");
    let mut terminal = Terminal::open(&scene, &add);
    terminal.answer("Password: ", "hunter2-hunter2").await;
    terminal.answer("The same again: ", "hunter2-hunter2").await;
    assert!(terminal.ended("added new@email.com").await);
    let shown = terminal.shows();
    assert!(!shown.contains("hunter2"), "{shown}");
    let body = json!({"email": "new@email.com", "password": "hunter2-hunter2"});
    let client = scene.arcus.client();
    client.post("/accounts/tokens", &body).await.ok();
}

#[tokio::test]
async fn a_password_that_is_typed_in_two_ways_is_not_taken() {
    let scene = Scene::set(Builder::new(env!("CARGO_BIN_EXE_arcus"))).await;
    let mut terminal = Terminal::open(&scene, "admin user password my@email.com");
    terminal.answer("Password: ", "hunter2-hunter2").await;
    terminal.answer("The same again: ", "hunter2-hunter3").await;
    assert!(!terminal.ended("not the same").await);
    let body = json!({"email": "my@email.com", "password": "secretpassword"});
    let client = scene.arcus.client();
    client.post("/accounts/tokens", &body).await.ok();
}
