//! Nothing: the examples are this package's example targets, and its tests run them from end to end.
