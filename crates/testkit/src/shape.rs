//! Holding an answer against a printed example: same fields, same nesting, same JSON types.

use serde_json::Value;

/// Panics unless `answer` has every field of `printed`, of the same JSON type. Extra fields are allowed. A whole number and
/// one with a decimal point are of different types: there are clients that read `1` where they take no `1.0`, and the
/// reverse. A printed array's first element stands for all elements of the answer's; one whose elements are of different
/// types is a row, each place of which stands for itself.
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
        (Value::Array(answer), Value::Array(printed)) if is_row(printed) => {
            assert_eq!(answer.len(), printed.len(), "{path} has another length");
            for (index, (answer, printed)) in answer.iter().zip(printed).enumerate() {
                compare(&format!("{path}[{index}]"), answer, printed);
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

fn is_row(printed: &[Value]) -> bool {
    printed
        .windows(2)
        .any(|pair| kind(&pair[0]) != kind(&pair[1]))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "decimal",
        Value::Number(_) => "whole number",
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

    #[test]
    #[should_panic(expected = "1.0 is no whole number")]
    fn a_decimal_is_no_whole_number() {
        assert_shape(&json!({"a": 1.0}), &json!({"a": 1}));
    }

    #[test]
    #[should_panic(expected = "1 is no decimal")]
    fn a_whole_number_is_no_decimal() {
        assert_shape(&json!({"a": 1}), &json!({"a": 6.25}));
    }

    #[test]
    fn each_place_of_a_row_has_its_own_type() {
        assert_shape(&json!([[0.5, 7], [1.5, 8]]), &json!([[125.25, 1]]));
    }

    #[test]
    #[should_panic(expected = "$[0][1]: 7.5 is no whole number")]
    fn a_wrong_type_in_a_row_is_found() {
        assert_shape(&json!([[0.5, 7.5]]), &json!([[125.25, 1]]));
    }

    #[test]
    #[should_panic(expected = "has another length")]
    fn a_row_that_is_too_long_is_found() {
        assert_shape(&json!([0.5, 7, 8]), &json!([125.25, 1]));
    }
}
