//! What the operator has: payments, metrics, the command line, a backup.

use std::process::Command;

use serde_json::json;

use super::scene::Scene;
use crate::parrot::Mood;

pub(crate) async fn take_payments(scene: &mut Scene) {
    let body = json!({"amount": "10"});
    for mood in [
        Mood::Repeat(400),
        Mood::Repeat(401),
        Mood::Repeat(402),
        Mood::Repeat(500),
        Mood::Confuse,
    ] {
        scene.stripe.set_mood(mood);
        let answer = scene.customer.post("/v1/account/topup", &body).await;
        let answer = scene.aviary.hear("a payment", answer, &[]);
        assert!(answer.status >= 400, "{}", answer.text);
    }
    let request = scene
        .customer
        .anonymous()
        .request(testkit::Method::POST, "/v1/payment/webhook");
    let forged = request.header("Stripe-Signature", "t=1,v1=00").body("{}");
    let answer = scene.customer.send(forged).await;
    scene.aviary.hear("a forged webhook", answer, &[]);

    for token in [
        scene.secrets.metrics.clone(),
        scene.secrets.session_token.clone(),
    ] {
        let answer = scene.owner.with_bearer(&token).get("/metrics").await;
        scene.aviary.hear("the metrics", answer, &[]);
    }
}

/// Commands that list, commands that are refused, and settings that are wrong.
pub(crate) fn use_the_command_line(scene: &mut Scene) {
    let file = |scene: &Scene, name: &str, content: &str| {
        let path = scene.desk.path().join(name);
        std::fs::write(&path, content).expect("is written");
        path.to_string_lossy().into_owned()
    };
    let wrong = scene.aviary.breed("a region's token, from a file");
    let wrong = file(scene, "token", &wrong);
    let key = file(scene, "secret-key", &scene.secrets.secret_key);
    let spoilt = scene.incus.fields("")["client_key"]
        .as_str()
        .expect("PEM")
        .replacen("PRIVATE", "PUBLIC", 1);
    let spoilt = file(scene, "spoilt", &spoilt);
    let settings = format!(
        "metrics_token = \"{}\"\nlistn = \"{}\"\n",
        scene.secrets.metrics, scene.secrets.token
    );
    let settings = file(scene, "wrong.toml", &settings);
    let broken = format!("metrics_token = \"{}\nlisten = 7", scene.secrets.metrics);
    let broken = file(scene, "broken.toml", &broken);
    let ocean = scene.ocean.url.clone();
    let url = scene.incus.fields("")["url"]
        .as_str()
        .expect("a text")
        .to_owned();
    // Printed once, to who asked for it.
    let invitation = scene.arcus.tell(&["admin", "setup-token"], "");
    scene.aviary.keep("an invitation", invitation);
    scene.ocean.set_mood(Mood::Repeat(403));
    let commands: &[&[&str]] = &[
        &["region", "ls"],
        &["plan", "ls"],
        &["image", "ls"],
        &["admin", "user", "ls"],
        &["admin", "org", "ls"],
        &["admin", "orphan", "ls"],
        &["customer", "ls"],
        &["report", "revenue"],
        &["report", "capacity"],
        &["audit", "verify"],
        &["sandbox", "ls", "--json"],
        &[
            "region",
            "add",
            "spoken",
            "--cloud=digital_ocean",
            "--endpoint",
            &ocean,
            "--access-token",
            &wrong,
        ],
        &[
            "region",
            "add",
            "spoilt",
            "--url",
            &url,
            "--client-key",
            &spoilt,
            "--client-certificate",
            &spoilt,
        ],
        &[
            "region",
            "add",
            "amazon",
            "--secret-key",
            &key,
            "--access-key",
            &wrong,
        ],
        &[
            "region",
            "add",
            "amazon",
            "--secret-key",
            &scene.secrets.secret_key,
        ],
        &["serve", "--config", &settings],
        &["serve", "--config", &broken],
        &[
            "serve",
            "--metrics-token",
            &scene.secrets.metrics,
            "--listen=nowhere",
        ],
    ];
    for arguments in commands {
        let output = scene.arcus.run(arguments);
        let said = [output.stdout, output.stderr].concat();
        scene
            .aviary
            .read(&format!("arcus {}", arguments[..2].join(" ")), said, &[]);
    }
    scene.ocean.set_mood(Mood::Pass);
    assert!(
        scene.aviary.heard_in("arcus ") > 1000,
        "the command line says nothing"
    );
}

/// As the README has it, and as PostgreSQL's own documentation has it.
pub(crate) fn back_up(scene: &mut Scene) {
    let copy = scene.desk.path().join("copy.db");
    let backup = match scene.database.url() {
        None => Command::new("sqlite3")
            .arg(scene.arcus.folder().join("arcus.db"))
            .arg(format!(".backup {}", copy.display()))
            .output(),
        Some(url) => Command::new("pg_dump")
            .arg(url)
            .arg("--file")
            .arg(&copy)
            .output(),
    };
    let backup = backup.expect("the program is installed");
    assert!(
        backup.status.success(),
        "{}",
        String::from_utf8_lossy(&backup.stderr)
    );
    let bytes = std::fs::read(&copy).expect("a copy");
    let is_whole = bytes
        .windows(16)
        .any(|window| window == b"operation_events");
    assert!(is_whole, "the copy is none");
    scene.aviary.read("the backup", bytes, &[]);
}
