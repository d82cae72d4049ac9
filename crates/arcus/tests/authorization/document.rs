//! The served OpenAPI document and the authorisation table say the same.

use std::collections::BTreeMap;

use api::{Access, CLOUDERO_ACCESS, CLOUDHERO_ACCESS};
use serde_json::{Value, json};
use testkit::Builder;

#[tokio::test]
async fn every_documented_route_is_in_the_table_and_the_reverse() {
    let arcus = Builder::new(env!("CARGO_BIN_EXE_arcus")).start().await;
    for (name, table) in [
        ("cloudhero", CLOUDHERO_ACCESS),
        ("cloudero", CLOUDERO_ACCESS),
    ] {
        let document = arcus
            .client()
            .get(&format!("/openapi/{name}.json"))
            .await
            .ok();
        let mut documented = BTreeMap::new();
        for (path, operations) in document["paths"].as_object().expect("paths") {
            for (method, operation) in operations.as_object().expect("operations") {
                let route = (method.to_uppercase(), path.clone());
                documented.insert(route, is_public(&document, operation));
            }
        }
        // A HEAD is judged as the GET that it stands for, so the table has no line for it.
        documented.retain(|(method, _), _| method != "HEAD");
        let mut tabled = BTreeMap::new();
        for (method, path, access) in table {
            let route = ((*method).to_owned(), (*path).to_owned());
            let twice = tabled.insert(route, *access == Access::Public);
            assert!(twice.is_none(), "{method} {path} is in the table twice");
        }
        assert_eq!(documented, tabled, "left: documented, right: in the table");
    }
}

/// An operation's own security counts, else the document's.
fn is_public(document: &Value, operation: &Value) -> bool {
    let security = operation.get("security").unwrap_or(&document["security"]);
    let demands = security.as_array().expect("an array");
    demands.is_empty() || demands.contains(&json!({}))
}
