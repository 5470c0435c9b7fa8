//! Each example prints what its documentation shows.

use examples::program::of_example;
use examples::shown;

macro_rules! shows_what_it_prints {
    ($($example:ident: $source:literal,)*) => {
        $(#[test]
        fn $example() {
            shown::check(include_str!($source), &of_example(stringify!($example)));
        })*
    };
}

shows_what_it_prints! {
    docker_credential_flux: "../docker_credential_flux/main.rs",
    doctor: "../doctor/main.rs",
    explain_policy: "../explain_policy/main.rs",
    iam: "../iam.rs",
    object_level: "../object_level/main.rs",
    reflect: "../reflect/main.rs",
}
