//! The embedded Ethereum node: one executor, one store, one JSON-RPC server, several orderings.
//!
//! A [`Node`] is a whole Ethereum node in a library: real blocks with Merkle-Patricia roots, at the
//! rules of the mainnet fork that `revm` knows best, over a durable store, behind the JSON-RPC that
//! every Ethereum library speaks.
//!
//! ```no_run
//! # async fn run() -> Result<(), canut_chain::NodeError> {
//! use canut_chain::{Config, Node};
//!
//! let node = Node::start(Config::dev()?).await?;
//! println!("{}", node.http_url());
//! node.shutdown().await;
//! # Ok(()) }
//! ```
//!
//! | module | what lives there |
//! |---|---|
//! | [`engine`] | the seam: what an ordering of blocks may ask; it knows nothing of who orders |
//! | `executor` | running transactions, headers, calls that change nothing |
//! | `state`, `trie` | accounts and storage, and the tree whose root is in every header |
//! | `store` | blocks and state that survive a crash: journal, database, past states |
//! | `mempool` | transactions that wait |
//! | `solo`, `shape` | the ordering of one machine, and how its blocks are made |
//! | `replay` | running a stored chain again, to check it |
//! | `rpc` | JSON-RPC over HTTP and WebSocket |

mod clock;
mod codec;
pub mod engine;
mod executor;
mod genesis;
mod mempool;
mod metrics;
mod node;
mod replay;
mod rpc;
mod shape;
mod solo;
mod stages;
mod state;
mod store;
mod trie;

pub use alloy::signers::local::PrivateKeySigner;
pub use codec::CodecError;
pub use executor::{BlockCtx, Cancel, ExecuteError, Fees, Rejection, Rules};
pub use genesis::{
    BASE_FEE, DEPLOYMENT_PROXY, DEV_CHAIN_ID, DEV_MNEMONIC, GAS_LIMIT, Genesis, GenesisAccount,
    mnemonic_keys,
};
pub use mempool::PoolLimits;
pub use node::{Config, Node, NodeError};
pub use replay::{ReplayError, Replayed, replay};
pub use rpc::Limits;
pub use state::ReadError;
pub use store::{SealedBlock, StoreError, receipt_envelope};
pub use trie::TrieError;
