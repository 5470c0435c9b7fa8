//! Nothing: the tests of this package are the point of it. `matrix/` plays every fault of every remote, one by one and in
//! memory; `fuzz/` edits what comes from outside; `soak/` lets faults come and go at random, on real sockets, while everything else
//! changes too.
