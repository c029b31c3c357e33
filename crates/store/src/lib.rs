//! Content-addressed blobs: files and folders under their IPFS CIDs, over a folder or any object
//! store, and the HTTP gateway to them.
//!
//! A file is cut into blocks of 256 KiB, joined by a balanced tree of at most 174 links a node
//! (UnixFS over dag-pb), so its CID is the one Kubo's `ipfs add` prints: version 0 by default,
//! version 1 with raw leaves on request ([`Layout`]). Nothing here knows what the bytes mean.
//!
//! Read in this order:
//!
//! 1. [`Store`]: open by URL, add, read, resolve, pin, collect. Blocks are written before the pin
//!    that keeps them, each one flushed to disk, so a crash leaves at worst blocks that nothing
//!    pins.
//! 2. [`BlockSource`]: where blocks come from. Every block is checked against its CID before a byte
//!    of it is used, so a reader trusts neither the disk nor the network.
//! 3. [`server`] and [`serve`]: the gateway (`GET /ipfs/…`) and the few calls of Kubo's RPC that
//!    clients need.
//! 4. [`Remote`]: the same reads and adds over HTTP, from any gateway, verified.
//!
//! 5. [`directory`]: the folder of a certified range, made of CIDs alone.
//!
//! Every walk is bounded by [`Limits`]: a dag is input like any other, and a hostile one can be
//! deep, wide, or claim to be larger than any disk.
//!
//! ```no_run
//! # async fn example() -> Result<(), canut_store::Error> {
//! use canut_store::{AddOptions, Store};
//!
//! let store = Store::open("/var/lib/canut/store").await?;
//! let added = store.add_bytes("hello\n", AddOptions::default()).await?;
//! assert_eq!(added.cid.to_string(), "QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN");
//! # Ok(())
//! # }
//! ```

mod add;
mod address;
pub mod directory;
mod disk;
mod error;
mod folder;
mod gc;
mod http;
mod limits;
mod node;
mod objects;
mod pins;
mod read;
mod remote;
mod session;
mod store;
mod tree;

pub use add::{AddOptions, Added, ByteStream, Layout};
pub use address::parse as parse_cid;
pub use cid::Cid;
pub use error::Error;
pub use folder::Folder;
pub use gc::Collected;
pub use http::{Access, Config, serve, server};
pub use limits::Limits;
pub use read::{BlockSource, FileStream};
pub use remote::{Remote, cid_of};
pub use store::Store;
pub use tree::{Entry, Kind};

/// What every call of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;
