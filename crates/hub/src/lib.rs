//! The chain as the market sees it: contract bindings, deployment, and a typed hub.
