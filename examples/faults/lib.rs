//! Nothing: the tests of this package are the point of it. `matrix/` plays every fault of every remote, `fuzz/` edits
//! what comes from outside.
