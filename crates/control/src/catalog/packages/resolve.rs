//! From the names that a user wrote to the list that is installed.
//!
//! Called by the use cases before anything is created, and again by the operation that installs. What must stay
//! true: needs come before what needs them, nothing is twice in the list, and nothing in it excludes another.

use domain::{Error, Result};

use super::{DISTRIBUTIONS, OpenTo, Package, all, find};

/// The packages to install for these names, with all that they need, in the order to install them.
///
/// Errors: `Invalid` for an unknown name, for packages that exclude one another, and for a distribution without
/// recipes where there is something to install.
pub fn resolve(names: &[String], distribution: &str) -> Result<Vec<&'static Package>> {
    let mut resolved: Vec<&'static Package> = Vec::new();
    for name in names {
        add(name, &mut resolved)?;
    }
    for (index, package) in resolved.iter().enumerate() {
        if let Some(other) = resolved[..index]
            .iter()
            .find(|other| other.conflicts_with(package))
        {
            return Err(invalid(format!(
                "{} and {} can't be on one server: both listen on the same port. Put them on two nodes",
                other.name, package.name
            )));
        }
        if package.recipe(distribution).is_none() {
            return Err(invalid(format!(
                "packages can't be installed on {distribution}, only on {}",
                DISTRIBUTIONS.join(", ")
            )));
        }
    }
    Ok(resolved)
}

fn ports(packages: &[&Package]) -> Vec<u16> {
    let all = packages.iter().flat_map(|package| &package.ports);
    let mut ports: Vec<u16> = all
        .filter(|port| port.open_to == OpenTo::World)
        .map(|port| port.port)
        .collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// The ports that a cloud's firewall opens to everybody for servers with these lists of packages, all of them together,
/// in order. SSH is not among them.
pub fn ports_of<'a>(lists: impl IntoIterator<Item = &'a Vec<String>>) -> Vec<u16> {
    let mut all = Vec::new();
    for name in lists.into_iter().flatten() {
        // One that is not in the catalogue any more opens nothing.
        let _ = add(name, &mut all);
    }
    ports(&all)
}

/// Whether one of these packages runs containers inside the server.
pub fn nesting(packages: &[&Package]) -> bool {
    packages.iter().any(|package| package.nesting)
}

// The catalogue has no circles of needs: a test resolves every package of it.
fn add(name: &str, resolved: &mut Vec<&'static Package>) -> Result<()> {
    let package = find(name).ok_or_else(|| {
        let known: Vec<&str> = all().iter().map(|package| package.name.as_str()).collect();
        invalid(format!(
            "there is no package {name:?}; there are {}",
            known.join(", ")
        ))
    })?;
    for need in &package.needs {
        add(need, resolved)?;
    }
    if !resolved.iter().any(|other| other.name == package.name) {
        resolved.push(package);
    }
    Ok(())
}

fn invalid(message: String) -> Error {
    Error::invalid(message).field("packages")
}

#[cfg(test)]
mod tests {
    use domain::ErrorKind;

    use super::*;

    fn on(distribution: &str, names: &[&str]) -> Result<Vec<&'static str>> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let resolved = resolve(&names, distribution)?;
        Ok(resolved
            .into_iter()
            .map(|package| package.name.as_str())
            .collect())
    }

    #[test]
    fn what_a_package_needs_comes_first_and_only_once() {
        let names = on(
            "debian-12",
            &["php.gd", "apache.mod_php5", "php.gd", "php", "apache"],
        );
        assert_eq!(
            names.expect("resolves"),
            ["php", "php.gd", "apache", "apache.mod_php5"]
        );
    }

    #[test]
    fn an_unknown_package_is_named_beside_the_known_ones() {
        let error = on("debian-12", &["nginx", "ngnix"]).expect_err("unknown");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(
            error.message().contains("\"ngnix\"") && error.message().contains("memcached, mongodb")
        );
        assert_eq!(error.wrong_fields()[0].0, "packages");
    }

    #[test]
    fn two_web_servers_on_one_node_are_refused_on_either_side() {
        for names in [["nginx", "apache"], ["apache.mod_php5", "nginx"]] {
            let error = on("ubuntu-24.04", &names).expect_err("both want port 80");
            assert!(
                error.message().contains("nginx") && error.message().contains("apache"),
                "{error}"
            );
        }
    }

    #[test]
    fn every_package_resolves_on_every_distribution() {
        for distribution in DISTRIBUTIONS {
            for package in all() {
                let names = on(distribution, &[&package.name]).expect("resolves");
                assert_eq!(names.last(), Some(&package.name.as_str()));
            }
        }
    }

    #[test]
    fn an_unknown_distribution_matters_only_where_something_is_installed() {
        assert!(on("alpine-3", &["nginx"]).is_err());
        assert!(on("alpine-3", &[]).expect("nothing to install").is_empty());
    }

    #[test]
    fn a_firewall_opens_only_what_is_meant_for_everybody() {
        let names = ["redis", "nginx", "haproxy"].map(str::to_owned);
        let packages = resolve(&names, "debian-12").expect("resolves");
        assert_eq!(ports(&packages), [80, 443]);
        assert!(!nesting(&packages));
        assert!(nesting(
            &resolve(&["docker".to_owned()], "debian-12").expect("resolves")
        ));
    }
}
