//! A real OpenSSH server on loopback, run by the test as the current user on a free port.
//!
//! Used by the tests beside it. It needs Debian's or Ubuntu's package `openssh-server`, and nothing of the machine's
//! own SSH set-up: keys, configuration and authorised keys are in a directory of its own.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use ssh::Target;
use ssh::keys::Pair;
use tempfile::TempDir;

pub(crate) struct Sshd {
    pub(crate) directory: TempDir,
    pub(crate) port: u16,
    pub(crate) user: String,
    process: Child,
}

// === impl Sshd ===

impl Sshd {
    /// Lets the owner of `login` in.
    pub(crate) fn start(login: &Pair) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        make_host_key(directory.path());
        std::fs::write(directory.path().join("authorized_keys"), &login.public_line)
            .expect("written");
        // A privileged sshd wants this directory, which only a running system makes.
        if std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0) {
            std::fs::create_dir_all("/run/sshd").expect("made");
        }
        let (port, process) = run(directory.path(), None);
        Self {
            directory,
            port,
            user: current_user(),
            process,
        }
    }

    /// The same address, and another host key.
    pub(crate) fn reinstall(&mut self) {
        self.stop();
        make_host_key(self.directory.path());
        let (_, process) = run(self.directory.path(), Some(self.port));
        self.process = process;
    }

    pub(crate) fn stop(&mut self) {
        self.process.kill().expect("killed");
        self.process.wait().expect("gone");
    }

    pub(crate) fn target(&self, key: &Pair) -> Target {
        Target {
            address: "127.0.0.1".to_owned(),
            port: self.port,
            user: self.user.clone(),
            key: key.private_pem.clone(),
            host_key: None,
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn make_host_key(directory: &Path) {
    let file = directory.join("host_key");
    let _ = std::fs::remove_file(&file);
    let status = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&file)
        .status()
        .expect("ssh-keygen, of the package openssh-client");
    assert!(status.success());
}

fn run(directory: &Path, port: Option<u16>) -> (u16, Child) {
    let port = port.unwrap_or_else(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("an address").port()
    });
    let configuration = directory.join("sshd_config");
    let text = format!(
        "ListenAddress 127.0.0.1:{port}\nHostKey {0}/host_key\nAuthorizedKeysFile {0}/authorized_keys\n\
         PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nMaxAuthTries 20\n",
        directory.display()
    );
    std::fs::write(&configuration, text).expect("written");
    let mut process = Command::new("/usr/sbin/sshd")
        .args(["-D", "-e", "-f"])
        .arg(&configuration)
        .stderr(Stdio::piped())
        .spawn()
        .expect("sshd, of the package openssh-server");
    let mut messages = BufReader::new(process.stderr.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("Server listening") {
        line.clear();
        assert!(
            messages.read_line(&mut line).expect("read") > 0,
            "sshd didn't start"
        );
    }
    // Its later messages are read and dropped, or it would block on a full pipe.
    std::thread::spawn(move || std::io::copy(&mut messages, &mut std::io::sink()));
    (port, process)
}

fn current_user() -> String {
    let output = Command::new("id").arg("-un").output().expect("id");
    String::from_utf8(output.stdout)
        .expect("a name")
        .trim()
        .to_owned()
}
