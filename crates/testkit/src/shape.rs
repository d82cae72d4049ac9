//! Holding an answer against a printed example: same fields, same nesting, same JSON types.

use serde_json::Value;

/// Panics unless `answer` has every field of `printed`, of the same JSON type. Extra fields are allowed. A printed
/// array's first element stands for all elements of the answer's.
pub fn assert_shape(answer: &Value, printed: &Value) {
    compare("$", answer, printed);
}

fn compare(path: &str, answer: &Value, printed: &Value) {
    match (answer, printed) {
        (Value::Object(answer), Value::Object(printed)) => {
            for (name, printed) in printed {
                let answer = answer.get(name).unwrap_or_else(|| {
                    panic!(
                        "{path}.{name} is missing; there are {:?}",
                        answer.keys().collect::<Vec<_>>()
                    )
                });
                compare(&format!("{path}.{name}"), answer, printed);
            }
        }
        (Value::Array(answer), Value::Array(printed)) => {
            if let Some(printed) = printed.first() {
                assert!(!answer.is_empty(), "{path} is empty");
                for (index, answer) in answer.iter().enumerate() {
                    compare(&format!("{path}[{index}]"), answer, printed);
                }
            }
        }
        _ => assert_eq!(
            kind(answer),
            kind(printed),
            "{path}: {answer} is no {}",
            kind(printed)
        ),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_answer_may_have_more_than_was_printed() {
        assert_shape(&json!({"a": 1, "b": "x"}), &json!({"a": 7}));
    }

    #[test]
    #[should_panic(expected = "$.a.b is missing")]
    fn a_missing_field_is_found_at_any_depth() {
        assert_shape(&json!({"a": {}}), &json!({"a": {"b": 1}}));
    }

    #[test]
    #[should_panic(expected = "is no string")]
    fn a_wrong_type_is_found() {
        assert_shape(&json!({"a": 1}), &json!({"a": "1"}));
    }
}
