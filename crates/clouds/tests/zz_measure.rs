#![allow(warnings)]
use clouds::registry::*;
use clouds::*;
use domain::*;
use serde_json::*;
use std::time::*;
async fn call(h: &reqwest::Client, m: &str, p: &str, b: Option<Value>) -> Value {
    let mut r = h.request(m.parse().unwrap(), format!("http://x/1.0/{p}"));
    if let Some(b) = b {
        r = r.json(&b)
    };
    r.send().await.unwrap().json::<Value>().await.unwrap()["metadata"].clone()
}
#[tokio::test]
async fn measure() {
    let h = reqwest::Client::builder()
        .unix_socket("/var/lib/incus/unix.socket")
        .build()
        .unwrap();
    let o = json!({"url":"unix:///var/lib/incus/unix.socket","local":true});
    let cloud = (registry::kind("incus").unwrap().open)(Settings {
        region: "lab".into(),
        options: o.as_object().cloned().unwrap(),
        credentials: Default::default(),
        budget: Budget::default(),
    })
    .unwrap();
    let (mut raw1, mut raw2, mut our1, mut our2) = (vec![], vec![], vec![], vec![]);
    for i in 0..14 {
        let n = format!("zz-raw-{i}");
        let t = Instant::now();
        let op=call(&h,"POST","instances",Some(json!({"name":n,"config":{"limits.cpu":"1","limits.memory":"512MiB","cloud-init.user-data":"#cloud-config\n{}\n"},"devices":{"root":{"type":"disk","path":"/","pool":"arcus","size":"4GiB"}},"source":{"type":"image","alias":"debian/12"}}))).await;
        call(
            &h,
            "GET",
            &format!("operations/{}/wait", op["id"].as_str().unwrap()),
            None,
        )
        .await;
        let op = call(
            &h,
            "PUT",
            &format!("instances/{n}/state"),
            Some(json!({"action":"start"})),
        )
        .await;
        call(
            &h,
            "GET",
            &format!("operations/{}/wait", op["id"].as_str().unwrap()),
            None,
        )
        .await;
        raw1.push(t.elapsed().as_millis());
        loop {
            let s = call(&h, "GET", &format!("instances/{n}/state"), None).await;
            if s["network"]["eth0"]["addresses"]
                .as_array()
                .is_some_and(|a| {
                    a.iter()
                        .any(|a| a["family"] == "inet" && a["scope"] == "global")
                })
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        raw2.push(t.elapsed().as_millis());
        let op = call(
            &h,
            "PUT",
            &format!("instances/{n}/state"),
            Some(json!({"action":"stop","force":true})),
        )
        .await;
        call(
            &h,
            "GET",
            &format!("operations/{}/wait", op["id"].as_str().unwrap()),
            None,
        )
        .await;
        let op = call(&h, "DELETE", &format!("instances/{n}"), None).await;
        call(
            &h,
            "GET",
            &format!("operations/{}/wait", op["id"].as_str().unwrap()),
            None,
        )
        .await;
        let r = CreateInstance {
            tag: Tag {
                installation: "zz-measure".into(),
                token: domain::random::hex::<8>(),
            },
            name: format!("zz-our-{i}"),
            region: "lab".into(),
            plan: Plan {
                slug: "".into(),
                family: "".into(),
                cpus: 1,
                memory_mib: 512,
                disk_gib: 4,
                bandwidth_tb: 0,
                hourly: Money(0),
                monthly: Money(0),
                open: true,
            },
            image: Image {
                slug: "d".into(),
                name: "d".into(),
                distribution: "d".into(),
                login_user: "root".into(),
                source: ImageSource {
                    alias: Some("debian/12".into()),
                    ..Default::default()
                },
                open: true,
            },
            user_data: "#cloud-config\n{}\n".into(),
            public_keys: vec![],
            ports: vec![],
            nesting: false,
        };
        let t = Instant::now();
        let m = cloud.create(&r).await.unwrap();
        our1.push(t.elapsed().as_millis());
        cloud
            .wait(&m.at, Until::Running, Duration::from_secs(60))
            .await
            .unwrap();
        our2.push(t.elapsed().as_millis());
        cloud.destroy(&m.at).await.unwrap();
        cloud
            .wait(&m.at, Until::Gone, Duration::from_secs(60))
            .await
            .unwrap();
    }
    for (n, v) in [
        ("raw create+start", &mut raw1),
        ("raw with address", &mut raw2),
        ("driver create", &mut our1),
        ("driver with address", &mut our2),
    ] {
        print!("{n}: {v:?} ");
        v.sort();
        println!("median {} min {}", v[v.len() / 2], v[0]);
    }
}
