//! Only `arcus serve` makes a data folder, a database and keys.

use std::path::Path;
use std::process::{Command, Output};

use testkit::{Builder, Database};

/// One of each group of commands.
const COMMANDS: [&[&str]; 8] = [
    &["admin", "setup-token"],
    &["admin", "org", "ls"],
    &["admin", "orphan", "ls"],
    &["region", "ls"],
    &["plan", "ls"],
    &["image", "ls"],
    &["sandbox", "ls"],
    &["audit", "verify"],
];

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_arcus"))
        .env_remove("ARCUS_DATABASE_URL")
        .env_remove("ARCUS_KEY_FILE")
        .arg("--data-dir")
        .arg(folder)
        .args(arguments)
        .output()
        .expect("the binary runs")
}

/// It fails, and this is what it says.
fn refused(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    said
}

#[test]
fn a_command_where_no_database_is_says_so_and_makes_nothing() {
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("elsewhere");
    for arguments in COMMANDS {
        let said = refused(&run(&folder, arguments));
        assert!(said.contains("there is no "), "{arguments:?}: {said}");
        assert!(said.contains("arcus serve"), "{arguments:?}: {said}");
        assert!(
            said.contains(&folder.display().to_string()),
            "{arguments:?}: {said}"
        );
        assert!(!folder.exists(), "{arguments:?}");
    }
}

#[test]
fn a_command_that_is_given_the_path_of_no_database_says_so_and_makes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("other.db");
    let url = format!("sqlite:{}", path.display());
    let said = refused(&run(
        folder.path(),
        &["--database-url", &url, "audit", "verify"],
    ));
    assert!(said.contains(&path.display().to_string()), "{said}");
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("a folder").count(),
        0
    );
}

#[tokio::test]
async fn a_command_that_knows_the_database_and_not_its_keys_makes_none() {
    let builder = Builder::new(env!("CARGO_BIN_EXE_arcus"));
    let arcus = builder.database(Database::sqlite()).start().await;
    let elsewhere = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", arcus.folder().join("arcus.db").display());
    let arguments = ["--database-url", &url, "region", "ls"];
    let said = refused(&run(elsewhere.path(), &arguments));
    assert!(
        said.contains("there is no key file") && said.contains("--key-file"),
        "{said}"
    );
    let keys = arcus.folder().join("keys");
    let keys = keys.to_str().expect("a text");
    let output = run(
        elsewhere.path(),
        &[&arguments[..], &["--key-file", keys]].concat(),
    );
    assert!(output.status.success(), "{output:?}");
}
