//! SECURITY.md names the tests that hold its promises, and each of them exists.

use std::path::Path;

const DOCUMENT: &str = include_str!("../../../SECURITY.md");

#[test]
fn every_promise_has_tests_that_exist() {
    let promises = DOCUMENT.split_once("## What is promised").unwrap().1.split_once("\n## ").unwrap().0;
    let promises: Vec<&str> = promises.split("\n### ").skip(1).collect();
    assert!(promises.len() >= 8, "the document is read");
    for promise in promises {
        let title = promise.lines().next().unwrap_or_default();
        let tests = tests_of(promise);
        assert!(!tests.is_empty(), "no test holds the promise {title:?}");
        for (path, name) in tests {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
            let code = read(&path);
            assert!(
                code.contains(&format!("fn {name}(")),
                "{title:?}: there is no {name} in {}",
                path.display()
            );
        }
    }
}

/// Each path with each name behind it, of items such as "* `path`: `name`, `name`".
fn tests_of(promise: &str) -> Vec<(&str, &str)> {
    let items = promise.split("\n* `").skip(1);
    let tests = items.flat_map(|item| {
        let item = item.split("\n\n").next().unwrap_or_default();
        let mut quoted = item.split('`').step_by(2);
        let path = quoted.next().unwrap_or_default();
        quoted.filter(|name| !name.is_empty()).map(move |name| (path, name))
    });
    tests.collect()
}

#[expect(clippy::disallowed_methods, reason = "the test reads the code that the document names")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
