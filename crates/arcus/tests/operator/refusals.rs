//! A key that nothing reads is refused by its name.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use testkit::Builder;

testkit::on_both_databases![a_region_is_not_added_with_an_option_that_its_cloud_does_not_know];

#[test]
fn arcus_does_not_start_with_a_key_in_arcus_toml_that_nothing_reads() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = "sandbox = true\n\n[[region]]\nslug = \"fra1\"\ncloud = \"incus\"\nurl = \"https://incus.example.com:8443\"\npol = \"fast\"\n";
    std::fs::write(folder.path().join("arcus.toml"), file).expect("is written");
    let mut child = Command::new(env!("CARGO_BIN_EXE_arcus"))
        .arg("--data-dir")
        .arg(folder.path())
        .args(["serve", "--listen=127.0.0.1:0"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("its log"));
    let mut said = String::new();
    // One that did start would say other things first, and go on.
    stderr.read_line(&mut said).expect("a line");
    // It may have ended; killing does no harm then.
    let _ = child.kill();
    assert!(!child.wait().expect("it ends").success(), "{said}");
    assert!(said.contains("arcus.toml: line 3: "), "{said}");
    assert!(
        said.contains("\"fra1\"") && said.contains("\"pol\""),
        "{said}"
    );
}

async fn a_region_is_not_added_with_an_option_that_its_cloud_does_not_know(builder: Builder) {
    let arcus = builder.start().await;
    for (arguments, named) in [
        (["--cloud=sandbox", "--pool=fast"], "\"pool\""),
        (["--cloud=sandbox", "--vm"], "\"vm\""),
        (["--cloud=incsu", "--pool=fast"], "\"incsu\""),
        (["--cloud=incus", "--option=pol"], "--option"),
    ] {
        let output = arcus.run(&[&["region", "add", "new"], &arguments[..]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{said}");
        assert!(said.contains(named), "{said}");
    }
    assert!(!arcus.tell(&["region", "ls"], "").contains("new"));
}
