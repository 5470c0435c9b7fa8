//! Each service from outside, over plain HTTP: what it answers, and what it refuses.

mod scenario;
mod signed;
mod sts;
