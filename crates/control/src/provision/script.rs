//! The script that installs a server's packages: a fixed part, and a call for each package.
//!
//! Used by [`user_data`](super::user_data). What must stay true: it can be run again at any time; whatever text it is
//! given, a shell reads it as words and never as commands.

use ssh::quote;

use crate::catalog::packages::{Package, Recipe};

const FIXED: &str = include_str!("script.sh");

/// A line that no command of a package is.
const END: &str = "ARCUS-END";

/// The script for these packages. A package without a recipe for the distribution is left out; `resolve` lets none
/// of these through.
pub(super) fn render(packages: &[&Package], distribution: &str) -> String {
    let recipes: Vec<(&Package, &Recipe)> = packages
        .iter()
        .filter_map(|&package| Some((package, package.recipe(distribution)?)))
        .collect();

    let mut script = FIXED.to_owned();
    let own = recipes
        .iter()
        .filter(|(_, recipe)| recipe.repository.is_none());
    let together: Vec<&str> = own
        .flat_map(|(_, recipe)| &recipe.apt)
        .map(String::as_str)
        .collect();
    script.push_str(&line("begin", &together));
    for (package, recipe) in &recipes {
        if let Some(repository) = &recipe.repository {
            let words = [
                &package.name,
                &repository.url,
                &repository.suite,
                &repository.component,
                &repository.key_url,
            ];
            script.push_str(&line("vendor", &words.map(String::as_str)));
        }
    }
    for (index, (package, recipe)) in recipes.iter().enumerate() {
        let percent = (60 + 40 * index / recipes.len()).to_string();
        let origin = if recipe.repository.is_some() {
            "vendor"
        } else {
            "distribution"
        };
        let (apt, services) = (recipe.apt.join(" "), recipe.services.join(" "));
        let call = line(
            "package",
            &[&percent, &package.name, &apt, &services, origin],
        );
        let commands: String = recipe
            .after
            .iter()
            .map(|command| format!("{}\n", command.trim_end()))
            .collect();
        script.push_str(&format!("{} <<'{END}'\n{commands}{END}\n", call.trim_end()));
    }
    script.push_str("finish\n");
    script
}

fn line(function: &str, words: &[&str]) -> String {
    let quoted = words.iter().map(|word| format!(" {}", quote(word)));
    format!("\n{function}{}\n", quoted.collect::<String>())
}
