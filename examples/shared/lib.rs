//! What the examples have in common: how they look on a terminal, how they fail, and how it is made sure that their
//! documentation shows what they print.

pub mod failure;
pub mod program;
pub mod shown;
pub mod terminal;
