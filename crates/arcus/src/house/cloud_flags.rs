//! The flags of `arcus region add` that go to the region's cloud: one for each option and each field that a driver names
//! in the registry, so that a new cloud has its flags without a line here.
//!
//! Used by `region`. What must stay true: whatever `[[region]]` of `arcus.toml` can name has a flag; and a secret is never
//! an argument, which others on the machine could read, but the name of a file.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};
use clouds::registry::{self, Field, Form, RegionOption};
use domain::{Error, Result};
use serde_json::{Map, Value};

/// What was given, by the names of `arcus.toml`.
pub(super) struct CloudFlags(Vec<(&'static str, Given)>);

/// How one was given.
enum Given {
    Text(String),
    /// The file that it is in.
    File(String),
    Flag(bool),
    Names(Vec<String>),
}

/// Something that a flag is for, and the clouds that read it.
struct Key {
    name: &'static str,
    what: What,
    kinds: Vec<&'static str>,
}

enum What {
    Option(&'static RegionOption),
    Field(&'static Field),
}

/// All of them. What several clouds call the same is one flag; what is an option and a field is an option, for it holds
/// nothing secret.
fn keys() -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for kind in registry::CLOUDS {
        let options = kind.options.iter();
        let options = options.map(|option| (option.name, What::Option(option)));
        let fields = kind.fields.iter();
        let fields = fields.map(|field| (field.name, What::Field(field)));
        for (name, what) in options.chain(fields) {
            let known = keys.iter_mut().find(|key| key.name == name);
            match known {
                Some(key) if key.kinds.contains(&kind.name) => {}
                Some(key) => key.kinds.push(kind.name),
                None => keys.push(Key {
                    name,
                    what,
                    kinds: vec![kind.name],
                }),
            }
        }
    }
    keys
}

// === impl Key ===

impl Key {
    /// Small letters and `-`; a flag that is given once for each of many says one of them.
    fn flag(&self) -> String {
        let mut flag = String::new();
        for letter in self.name.chars() {
            match letter {
                '_' => flag.push('-'),
                'A'..='Z' => flag.extend(['-', letter.to_ascii_lowercase()]),
                _ => flag.push(letter),
            }
        }
        if self.form() == Some(Form::Names) && flag.ends_with('s') {
            flag.pop();
        }
        flag
    }

    /// `None` where its value is the name of a file.
    fn form(&self) -> Option<Form> {
        match self.what {
            What::Option(option) => Some(option.form),
            What::Field(_) => None,
        }
    }

    fn help(&self) -> String {
        const BACK: &str = "an empty text takes it back";
        match self.what {
            What::Option(option) => {
                let said = option.description;
                match option.form {
                    Form::Text => format!("{said}; {BACK}"),
                    Form::Names => format!("{said}, once for each; an empty text takes them back"),
                    Form::Flag => format!("{said}; `--{}=false` takes it back", self.flag()),
                }
            }
            What::Field(field) if field.optional => {
                format!("The file of this: {}; {BACK}", field.description)
            }
            What::Field(field) => format!("The file of this: {}", field.description),
        }
    }

    fn arg(&self) -> Arg {
        let flag = self.flag();
        let arg = Arg::new(self.name)
            .help(self.help())
            .help_heading(format!("On {}", self.kinds.join(", ")));
        let shown = flag.replace('-', "_").to_uppercase();
        match self.form() {
            None => arg.value_name("FILE"),
            Some(Form::Text) => arg.value_name(shown),
            Some(Form::Names) => arg.value_name(shown).action(ArgAction::Append),
            Some(Form::Flag) => arg
                .value_parser(value_parser!(bool))
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
                .value_name("true|false"),
        }
        .long(flag)
    }

    fn given(&self, matches: &ArgMatches) -> Option<Given> {
        let text = || matches.get_one::<String>(self.name).cloned();
        match self.form() {
            None => text().map(Given::File),
            Some(Form::Text) => text().map(Given::Text),
            Some(Form::Names) => {
                let names = matches.get_many::<String>(self.name)?;
                Some(Given::Names(names.cloned().collect()))
            }
            Some(Form::Flag) => matches.get_one::<bool>(self.name).copied().map(Given::Flag),
        }
    }
}

// === impl CloudFlags ===

impl Args for CloudFlags {
    fn augment_args(command: Command) -> Command {
        command.args(keys().iter().map(Key::arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for CloudFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let keys = keys();
        let given = keys.iter().filter_map(|key| {
            let given = key.given(matches)?;
            Some((key.name, given))
        });
        Ok(Self(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl CloudFlags {
    /// As `arcus.toml` would have them.
    pub(super) fn read(&self) -> Result<Map<String, Value>> {
        let mut keys = Map::new();
        for (name, given) in &self.0 {
            let value = match given {
                Given::Text(text) => Value::String(text.clone()),
                Given::Flag(flag) => Value::Bool(*flag),
                Given::Names(names) => {
                    let names = names.iter().filter(|name| !name.is_empty());
                    names.cloned().collect()
                }
                Given::File(path) if path.is_empty() => Value::String(String::new()),
                Given::File(path) => {
                    // Not by its path: who takes the flag for the secret itself has written the secret there.
                    let text = std::fs::read_to_string(path).map_err(|error| {
                        Error::invalid(format!("the file of the {name} can't be read: {error}"))
                    })?;
                    Value::String(text)
                }
            };
            keys.insert((*name).to_owned(), value);
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags() -> Vec<String> {
        keys().iter().map(Key::flag).collect()
    }

    #[test]
    fn whatever_arcus_toml_can_name_of_a_region_has_a_flag_of_its_own() {
        let command = CloudFlags::augment_args(Command::new("add"));
        command.clone().debug_assert();
        for kind in registry::CLOUDS {
            let options = kind.options.iter().map(|option| option.name);
            let fields = kind.fields.iter().map(|field| field.name);
            for name in options.chain(fields) {
                let mut flags = command.get_arguments().map(Arg::get_id);
                assert!(flags.any(|flag| flag == name), "{} {name}", kind.name);
            }
        }
    }

    #[test]
    fn a_flag_is_called_as_its_key_in_small_letters() {
        let flags = flags();
        for flag in [
            "access-token",
            "access-key",
            "aws-region",
            "client-certificate",
            "endpoint",
            "profile",
            "url",
            "vm",
        ] {
            assert!(flags.iter().any(|known| known == flag), "{flag}: {flags:?}");
        }
    }

    #[test]
    fn a_field_of_the_credentials_is_read_from_the_file_that_its_flag_names() {
        for key in keys() {
            let What::Field(field) = key.what else {
                continue;
            };
            let path = format!("--{}=/nowhere/at/all", key.flag());
            let command = CloudFlags::augment_args(Command::new("add"));
            let matches = command.get_matches_from(["add", &path]);
            let flags = CloudFlags::from_arg_matches(&matches).expect("is known");
            let refused = flags.read().expect_err(field.name);
            let told = refused.message();
            assert!(
                told.contains(&format!("the file of the {}", field.name)),
                "{told}"
            );
            assert!(
                !told.contains("nowhere"),
                "it may be the secret itself: {told}"
            );
        }
    }
}
