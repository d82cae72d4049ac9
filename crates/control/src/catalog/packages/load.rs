//! Reads the files of `packages/`, once.
//!
//! Used by the rest of the catalogue. What must stay true: what is built in is well-formed, which the tests below
//! check on the very same bytes, so that reading it can't fail at run time.

use std::sync::LazyLock;

use include_dir::{Dir, include_dir};

use super::Package;

static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../packages");

static PACKAGES: LazyLock<Vec<Package>> = LazyLock::new(|| {
    read().unwrap_or_else(|error| panic!("a package file is built in and broken: {error}"))
});

/// The whole catalogue, by name.
///
/// # Panics
/// When a built-in file is broken, which no build that passed its tests has.
pub fn all() -> &'static [Package] {
    &PACKAGES
}

/// The package of that name.
pub fn find(name: &str) -> Option<&'static Package> {
    all().iter().find(|package| package.name == name)
}

fn read() -> Result<Vec<Package>, String> {
    let yaml =
        |file: &&include_dir::File<'_>| file.path().extension().is_some_and(|kind| kind == "yaml");
    let mut packages = FILES
        .files()
        .filter(yaml)
        .map(|file| {
            let name = file.path().display();
            let text = file
                .contents_utf8()
                .ok_or_else(|| format!("{name} is no text"))?;
            yaml_serde::from_str(text).map_err(|error| format!("{name}: {error}"))
        })
        .collect::<Result<Vec<Package>, String>>()?;
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::super::{DISTRIBUTIONS, OpenTo, Recipe};
    use super::*;

    fn recipes(package: &Package) -> impl Iterator<Item = &Recipe> {
        let of = |distribution| {
            package
                .recipe(distribution)
                .expect("a recipe for every distribution")
        };
        DISTRIBUTIONS.into_iter().map(of)
    }

    #[test]
    fn the_catalogue_holds_the_packages_of_the_contract_and_those_of_our_own_images() {
        let mut names: Vec<&str> = all().iter().map(|package| package.name.as_str()).collect();
        let own = ["wordpress"];
        names.retain(|name| !own.contains(name));
        let contract = [
            "apache",
            "apache.mod_php5",
            "docker",
            "glusterfs",
            "haproxy",
            "memcached",
            "mongodb",
            "mysql",
            "nginx",
            "php",
            "php.apcu",
            "php.gd",
            "php.mysql",
            "redis",
        ];
        assert_eq!(names, contract);
        assert!(own.into_iter().all(|name| find(name).is_some()));
    }

    #[test]
    fn a_file_is_named_after_its_package() {
        for package in all() {
            let file = FILES.get_file(format!("{}.yaml", package.name));
            assert!(file.is_some(), "{} has no file of its name", package.name);
        }
    }

    #[test]
    fn every_package_has_words_a_proof_and_a_recipe_for_every_distribution() {
        for package in all() {
            assert!(package.description.len() > 10, "{}", package.name);
            assert!(!package.proof.trim().is_empty(), "{}", package.name);
            for recipe in recipes(package) {
                assert!(!recipe.apt.is_empty(), "{}", package.name);
            }
            for distribution in package.recipes.keys() {
                let known =
                    DISTRIBUTIONS.contains(&distribution.as_str()) || distribution == "default";
                assert!(known, "{}: {distribution}", package.name);
            }
        }
    }

    #[test]
    fn what_reaches_the_provision_script_is_made_of_harmless_characters() {
        let harmless = |text: &str| {
            !text.is_empty()
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "._+-*:/".contains(c))
        };
        for package in all() {
            assert!(harmless(&package.name));
            for recipe in recipes(package) {
                assert!(
                    recipe
                        .apt
                        .iter()
                        .chain(&recipe.services)
                        .all(|word| harmless(word)),
                    "{}",
                    package.name
                );
                if let Some(repository) = &recipe.repository {
                    for word in [
                        &repository.url,
                        &repository.suite,
                        &repository.component,
                        &repository.key_url,
                    ] {
                        assert!(harmless(word), "{word}");
                    }
                    assert!(
                        repository.url.starts_with("https://")
                            && repository.key_url.starts_with("https://")
                    );
                }
            }
        }
    }

    #[test]
    fn needs_and_conflicts_name_packages_of_the_catalogue() {
        for package in all() {
            for name in package.needs.iter().chain(&package.conflicts) {
                assert!(
                    find(name).is_some_and(|other| other.name != package.name),
                    "{}: {name}",
                    package.name
                );
            }
        }
    }

    #[test]
    fn nothing_without_a_password_is_open_to_the_world() {
        for name in ["memcached", "mongodb", "mysql", "redis"] {
            let package = find(name).expect("in the catalogue");
            assert!(
                package
                    .ports
                    .iter()
                    .all(|port| port.open_to == OpenTo::Server),
                "{name}"
            );
        }
    }

    #[test]
    fn every_proof_and_every_command_is_well_formed() {
        let parses = |shell: &str, script: &str| {
            let mut command = Command::new(shell);
            let output = command
                .args(["-n", "-c", script])
                .stdin(Stdio::null())
                .output()
                .expect("a shell");
            assert!(
                output.status.success(),
                "{}\n{script}",
                String::from_utf8_lossy(&output.stderr)
            );
        };
        for package in all() {
            parses("bash", &package.proof);
            for command in recipes(package).flat_map(|recipe| &recipe.after) {
                parses("sh", command);
            }
        }
    }

    #[test]
    fn a_file_with_a_misspelt_key_is_refused() {
        let text = "name: x\ndescription: y\nproof: 'true'\nrecipes: {default: {apts: [x]}}\n";
        assert!(yaml_serde::from_str::<Package>(text).is_err());
    }
}
