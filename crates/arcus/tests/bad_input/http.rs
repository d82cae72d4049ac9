//! Methods and addresses that there are not.

use std::collections::{BTreeMap, BTreeSet};

use testkit::{Builder, Method, Scene};

testkit::on_both_databases![
    a_method_that_an_address_does_not_take_is_told_with_those_that_it_does,
    an_unknown_address_is_not_found,
];

async fn a_method_that_an_address_does_not_take_is_told_with_those_that_it_does(builder: Builder) {
    let scene = Scene::set(builder).await;
    let id = "56dd617610d396503e2a6ab9";
    let mut taken: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (method, path, _) in api::CLOUDHERO_ACCESS {
        let methods = taken.entry(path.replace("{id}", id)).or_default();
        methods.insert(method);
        if *method == "GET" {
            methods.insert("HEAD");
        }
    }
    assert!(taken.len() > 20);
    let all = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND",
    ];
    let anonymous = scene.arcus.client();
    for (path, methods) in &taken {
        for name in all.iter().filter(|name| !methods.contains(*name)) {
            let method = Method::from_bytes(name.as_bytes()).expect("a method");
            for client in [&scene.owner, &anonymous] {
                let answer = client.raw(method.clone(), path, "").await;
                assert_eq!(answer.status, 405, "{name} {path}");
                let allow = answer.header("allow").unwrap_or_default();
                let allow: BTreeSet<_> = allow.split(',').map(str::trim).collect();
                assert_eq!(allow, *methods, "{name} {path}");
                if *name != "HEAD" {
                    assert_eq!(answer.header("content-type"), Some("application/json"));
                    let message = answer.error(405);
                    assert_eq!(message, "this address does not take that method");
                }
            }
        }
    }
    scene.assert_nothing_was_made("after all of these").await;
}

async fn an_unknown_address_is_not_found(builder: Builder) {
    let scene = Scene::set(builder).await;
    let anonymous = scene.arcus.client();
    for path in [
        "/",
        "/environment",
        "/environments/",
        "//environments",
        "/environments/a/b/c",
        "/Environments",
        "/nodes",
        "/accounts",
        "/kittens/2",
        "/..%2f",
        "/%ff",
    ] {
        for client in [&scene.owner, &anonymous] {
            for method in [Method::GET, Method::POST, Method::DELETE, Method::OPTIONS] {
                let answer = client.raw(method.clone(), path, "{}").await;
                let kind = answer.header("content-type");
                assert_eq!(kind, Some("application/json"), "{method} {path}");
                let message = answer.error(404);
                assert_eq!(
                    message, "there is nothing at this address",
                    "{method} {path}"
                );
            }
        }
    }
    scene.assert_nothing_was_made("after all of these").await;
}
