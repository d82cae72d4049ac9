//! The served OpenAPI document and the authorisation table say the same.

use std::collections::BTreeMap;

use api::{Access, CLOUDERO_ACCESS, CLOUDHERO_ACCESS};
use domain::Role;
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

#[tokio::test]
async fn every_operation_says_who_is_refused_and_what_each_answer_is() {
    let arcus = Builder::new(env!("CARGO_BIN_EXE_arcus")).start().await;
    for (name, table) in [
        ("cloudhero", CLOUDHERO_ACCESS),
        ("cloudero", CLOUDERO_ACCESS),
    ] {
        let document = format!("/openapi/{name}.json");
        let document = arcus.client().get(&document).await.ok();
        for (method, path, access) in table {
            let operation = &document["paths"][path][method.to_lowercase()];
            let answers = operation["responses"].as_object().expect("answers");
            for (status, answer) in answers {
                assert_ne!(answer["description"], "", "{method} {path}: {status}");
            }
            let wanted: &[&str] = match access {
                Access::Public => &[],
                Access::Role(Role::Member) => &["401"],
                Access::Role(_) => &["401", "403"],
            };
            for status in wanted {
                assert!(answers.contains_key(*status), "{method} {path}: {status}");
            }
            let parameters = operation["parameters"].as_array();
            if parameters.is_some_and(|all| all.iter().any(|one| one["name"] == "plan")) {
                let schema = &answers["200"]["content"]["application/json"]["schema"];
                let plan = json!({"$ref": "#/components/schemas/PlanResponse"});
                let either = schema["oneOf"].as_array().expect("one or the other");
                assert!(either.contains(&plan), "{method} {path}: {schema}");
            }
        }
    }
}
