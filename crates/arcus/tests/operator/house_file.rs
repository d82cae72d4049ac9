//! `[[plan]]`, `[[image]]` and `[[region]]` of `arcus.toml`: laid at every start, just as they stand there.

use serde_json::{Value, json};
use testkit::{Arcus, Database};

use crate::desk::{buy, row, said, shop_with, table, with_the_database};

with_the_database![
    what_arcus_toml_names_is_sold_from_the_first_start_on,
    what_was_changed_or_removed_by_hand_is_as_the_file_says_after_the_next_start,
    a_limit_of_a_region_in_the_file_holds_from_the_start,
];

const FILE: &str = r#"
[[plan]]
slug = "tiny"
family = "Tiny"
cpus = 1
memory_mib = 512
disk_gib = 5
bandwidth_tb = 2
hourly = "0.00401"
monthly = "2.5"

[[plan]]
slug = "secret"
cpus = 4
memory_mib = 4096
disk_gib = 50
open = false

[[image]]
slug = "cache"
name = "Redis on Debian"
distribution = "debian-12"
alias = "debian/12"
packages = ["redis"]
minimum = { memory_mib = 512 }

[[region]]
slug = "ank1"
name = "Ankara"
cloud = "sandbox"
country = "TR"
overcommit = { cpus = 2, memory = 1.5 }

[[region]]
slug = "old1"
cloud = "sandbox"
open = false
"#;

fn slug(list: &Value, slug: &str) -> Value {
    row(list.as_array().expect("an array"), "slug", slug)
}

async fn what_arcus_toml_names_is_sold_from_the_first_start_on(database: Database) {
    let (shop, _folder) = shop_with(&database, FILE).await;
    let anybody = shop.customer.anonymous();
    let plans = anybody.get("/v1/package/list").await.data();
    let mut tiny = slug(&plans, "tiny");
    let regions = tiny["regions"].take();
    assert!(
        regions
            .as_array()
            .is_some_and(|all| all.contains(&json!("ank1")))
    );
    let expected = json!({
        "slug": "tiny", "cpu": 1, "ram": 1, "disk": 5, "bandwidth": 2, "hourly_price": "0.0040",
        "monthly_price": "2.5000", "regions": null,
    });
    assert_eq!(tiny, expected);
    assert!(!plans.to_string().contains("secret"), "{plans}");
    let images = anybody.get("/v1/image/list?type=application").await.data();
    let cache = slug(&images, "cache");
    assert_eq!(
        (&cache["name"], &cache["type"]),
        (&json!("Redis on Debian"), &json!("application"))
    );
    let regions = anybody.get("/v1/region/list").await.data();
    let ank1 = json!({"slug": "ank1", "name": "Ankara", "country": "TR", "status": true});
    assert_eq!(slug(&regions, "ank1"), ank1);
    assert_eq!(slug(&regions, "old1")["status"], false);
    let listed = table(&shop.arcus, &["region", "ls"]);
    assert_eq!(row(&listed, "SLUG", "ank1")["FROM"], "config");
    let listed = table(&shop.arcus, &["plan", "ls"]);
    assert_eq!(row(&listed, "SLUG", "secret")["STATE"], "closed");

    let form = [
        ("name", "db"),
        ("region", "ank1"),
        ("package", "tiny"),
        ("image", "cache"),
    ];
    let event = shop.asked("/v1/server/create", &form).await;
    shop.done(event).await;
    said(&shop.arcus, &["billing", "charge"]);
    let charged = said(&shop.arcus, &["billing", "balance", "company-name"]);
    assert_eq!(charged, "24.99599 USD", "the price is not rounded");
}

fn state(arcus: &Arcus) -> Value {
    let tables = ["plan", "image", "region"].map(|noun| table(arcus, &[noun, "ls"]));
    json!(tables)
}

async fn what_was_changed_or_removed_by_hand_is_as_the_file_says_after_the_next_start(
    database: Database,
) {
    let (mut shop, _folder) = shop_with(&database, FILE).await;
    let before = state(&shop.arcus);
    for command in [
        &["plan", "add", "tiny", "--cpus=2", "--closed"][..],
        &["plan", "rm", "secret"],
        &["image", "rm", "cache"],
        &["region", "add", "ank1", "--name=Elsewhere"],
        &["region", "rm", "old1"],
    ] {
        let printed = said(&shop.arcus, command);
        let warned = format!("arcus.toml names this {}", command[0]);
        assert!(printed.contains(&warned), "{printed}");
    }
    assert_ne!(state(&shop.arcus), before);
    assert!(shop.arcus.stop().await.success());
    shop.arcus.restart().await;
    assert_eq!(state(&shop.arcus), before);
    // What it does not name is nobody's business.
    let printed = said(&shop.arcus, &["plan", "add", "eos1", "--closed"]);
    assert!(!printed.contains("arcus.toml"), "{printed}");
}

async fn a_limit_of_a_region_in_the_file_holds_from_the_start(database: Database) {
    let (mut shop, folder) = shop_with(&database, "").await;
    buy(&shop.customer, "web", "eos1").await;
    shop.arcus.faults(&["capacity_cpus=2"]);
    assert!(shop.arcus.stop().await.success());
    let file = "[[region]]\nslug = \"ist2\"\nname = \"Ist-02\"\ncloud = \"sandbox\"\novercommit = { cpus = 1 }\n";
    std::fs::write(folder.path().join("arcus.toml"), file).expect("is written");
    shop.arcus.restart().await;
    let customer = shop.customer.at(shop.arcus.base());
    let body = json!({"name": "large", "region": "ist2", "package": "eos3", "image": "debian-12"});
    let refused = customer.post("/v1/server/create", &body).await;
    let why = refused.refusal(403);
    assert!(why.contains("has no room"), "{why}");
    buy(&customer, "more", "eos1").await;
}

/// Why Arcus does not start with that file.
fn refused(file: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("arcus.toml"), file).expect("is written");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_arcus"))
        .arg("--data-dir")
        .arg(folder.path())
        .args(["serve", "--listen=127.0.0.1:0"])
        .output()
        .expect("the binary runs");
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn arcus_does_not_start_with_what_makes_no_sense_in_the_file() {
    let region = "[[region]]\nslug = \"fra\"\ncloud = \"sandbox\"\n";
    let plan = "[[plan]]\nslug = \"small\"\nmemory_mib = 512\ndisk_gib = 10\n";
    for (file, told) in [
        (format!("{region}overcommit = {{ cpus = 0 }}\n"), "above 0"),
        (
            format!("{region}overcommit = {{ memory = -1.5 }}\n"),
            "above 0",
        ),
        (
            format!("{region}overcommit = {{ disk = nan }}\n"),
            "above 0",
        ),
        (format!("{region}overcommit = {{ ram = 2 }}\n"), "ram"),
        (plan.to_owned(), "cpus"),
        (format!("{plan}cpus = 0\n"), "1 CPU"),
        (format!("{plan}cpus = 1\nhourly = \"free\"\n"), "free"),
        (format!("{plan}cpus = 1\nhourly = 0.5\n"), "line 6"),
        (
            "[[image]]\nslug = \"x\"\ndistribution = \"debian-12\"\n".to_owned(),
            "alias",
        ),
    ] {
        let said = refused(&file);
        assert!(said.contains(told), "{file}: {said}");
    }
}
