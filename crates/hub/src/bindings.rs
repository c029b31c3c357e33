//! Bindings of the contracts, generated from the artifacts in `contracts/artifacts`.
//!
//! [`IHub`] is the whole interface of the hub's address: all pieces together.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::too_many_arguments,
    clippy::too_many_lines,
    reason = "generated code"
)]

use alloy::sol;

sol!(
    #[derive(Debug, PartialEq, Eq)]
    IHub,
    "../../contracts/artifacts/IHub.json"
);

sol!(
    #[derive(Debug, PartialEq, Eq)]
    AppRegistry,
    "../../contracts/artifacts/AppRegistry.json"
);

sol!(
    #[derive(Debug, PartialEq, Eq)]
    DatasetRegistry,
    "../../contracts/artifacts/DatasetRegistry.json"
);

sol!(
    #[derive(Debug, PartialEq, Eq)]
    WorkerpoolRegistry,
    "../../contracts/artifacts/WorkerpoolRegistry.json"
);

sol!(
    #[derive(Debug, PartialEq, Eq)]
    Workerpool,
    "../../contracts/artifacts/Workerpool.json"
);

sol!(
    #[derive(Debug, PartialEq, Eq)]
    RLC,
    "../../contracts/artifacts/RLC.json"
);
