//! The parameters of a call, in the Query API's way of writing lists: `Filter.1.Value.2`.
//!
//! Built by the verbs, sent by `client`. What must stay true: lists count from 1.

/// The tag that holds which Arcus an instance belongs to.
pub(super) const INSTALLATION: &str = "arcus:installation";
/// The tag that holds which server it is.
pub(super) const TOKEN: &str = "arcus:token";
/// The tag that Amazon's console shows as the name.
pub(super) const NAME: &str = "Name";

/// The longest that a value of a tag may be, in characters.
const LONGEST_TAG: usize = 256;

/// Parameters by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Form {
    fields: Vec<(String, String)>,
    filters: usize,
    tagged: usize,
}

// === impl Form ===

impl Form {
    /// No parameters yet.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// One parameter.
    pub(super) fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// One parameter, where there is a value for it.
    pub(super) fn maybe(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// A list: `NAME.1`, `NAME.2`.
    pub(super) fn list<'a>(self, name: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        let numbered = (1..).zip(values);
        numbered.fold(self, |form, (number, value)| {
            form.with(format!("{name}.{number}"), value)
        })
    }

    /// Only what has one of these values.
    pub(super) fn filter<'a>(
        mut self,
        name: &str,
        values: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        self.filters += 1;
        let filter = format!("Filter.{}", self.filters);
        self.with(format!("{filter}.Name"), name)
            .list(&format!("{filter}.Value"), values)
    }

    /// Tags to put onto what the call names; a value that is too long is shortened.
    pub(super) fn tags(self, tags: &[(&str, &str)]) -> Self {
        self.tags_at("", tags)
    }

    /// Tags to put onto what the call makes.
    pub(super) fn tags_of(mut self, resource: &str, tags: &[(&str, &str)]) -> Self {
        self.tagged += 1;
        let specification = format!("TagSpecification.{}.", self.tagged);
        self.with(format!("{specification}ResourceType"), resource)
            .tags_at(&specification, tags)
    }

    fn tags_at(self, prefix: &str, tags: &[(&str, &str)]) -> Self {
        (1..).zip(tags).fold(self, |form, (number, (key, value))| {
            let value: String = value.chars().take(LONGEST_TAG).collect();
            form.with(format!("{prefix}Tag.{number}.Key"), *key)
                .with(format!("{prefix}Tag.{number}.Value"), value)
        })
    }

    /// All of them.
    pub(super) fn fields(&self) -> &[(String, String)] {
        &self.fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_count_from_one() {
        let form = Form::new()
            .filter("state", ["a", "b"])
            .filter("owner", ["c"])
            .tags_of("instance", &[(NAME, "web")]);
        let written: Vec<_> = form
            .fields()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            written,
            [
                "Filter.1.Name=state",
                "Filter.1.Value.1=a",
                "Filter.1.Value.2=b",
                "Filter.2.Name=owner",
                "Filter.2.Value.1=c",
                "TagSpecification.1.ResourceType=instance",
                "TagSpecification.1.Tag.1.Key=Name",
                "TagSpecification.1.Tag.1.Value=web",
            ]
        );
    }
}
