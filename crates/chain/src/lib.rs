//! The embedded Ethereum node: one executor, one store, one JSON-RPC server, several orderings.
