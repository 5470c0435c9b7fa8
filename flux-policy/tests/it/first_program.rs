//! The program at the head of the crate's documentation.

use flux_policy::Policy;

#[test]
fn the_first_program_prints_what_it_says() {
    let program = include_str!("../../src/lib.rs").split_once("//! ```text\n").unwrap().1;
    let shown = program.split_once("//! ```\n").unwrap().0.replace("//! ", "");

    let tags = ["1.0.0", "1.1.0", "1.2.0-rc.1", "2.0.0", "latest"];
    let decision = Policy::semver("^1.0.0").unwrap().latest(tags).unwrap();

    assert_eq!(format!("{decision}\n"), shown);
}
