//! What a requester, a developer or an owner does, as a library. It prints nothing and asks nothing.
//!
//! ```text
//! Home ──▶ Network ──▶ Client (reads) ──with a key──▶ Account (signs, sends)
//!   └────▶ Wallets ───────────────────── key ─────────────┘
//! ```
//!
//! - [`Home`] is the folder of a person: [`Network`]s (where the services are) and [`Wallets`] (keys, encrypted).
//! - [`Client`] reaches the services of a network. It finds orders ([`Market`]), shows assets, deals and tasks, follows
//!   deals ([`Watch`]), fetches results ([`Client::fetch`]) and makes [`Certificate`]s.
//! - [`Client::receipt`] puts why a result can be believed into one file, which [`verify_receipt`] checks offline and
//!   [`Client::verify_receipt`] against a node; [`Client::check_audits`] sees whether a pool drew its workers as promised.
//! - [`Account`] is a client with a key: it registers assets, signs and publishes orders, buys ([`Account::quote`],
//!   [`Account::buy`]), and claims.
//!
//! Nothing that a service says is believed where it can be checked: the chain is the judge, the store's bytes are compared
//! with their CIDs, the market's orders with their hashes, and a result with the digest that the workers certified.
//!
//! Everything can be resumed: a deal is on the chain, and any other process may watch it, fetch its results or claim it.

mod account;
mod archive;
mod assets;
mod audits;
mod bag;
mod certificate;
mod claim;
mod client;
mod error;
mod evidence;
mod home;
mod http;
mod market;
mod network;
mod orders;
mod params;
mod pool;
mod pools;
mod prices;
mod purchase;
mod quote;
mod receipt;
mod results;
mod sdk;
mod sealed;
mod secrets;
mod settlement;
mod status;
mod trust;
mod wallet;
mod watch;

pub use account::{Account, Balance};
pub use archive::{ArchiveError, CERTIFICATE, Failed, File, Limits, Opened};
pub use assets::{Deployed, Uploaded};
pub use audits::{AuditDay, Broken, Ranges};
pub use bag::{Placed, place};
pub use certificate::{
    Certificate, CertifiedRange, Credibility, Payment, Price, Transaction, Verdict, Vote,
};
pub use claim::Claimed;
pub use client::Client;
pub use error::{Error, Result, Service};
pub use evidence::Evidence;
pub use home::{Home, write_private};
pub use market::{
    DealDocument, Listed, Market, OrderQuery, Page, Plan, Target, Tradable, Unused, kind_name,
};
pub use network::{Network, NetworkError};
pub use orders::salt;
pub use params::{Input, Params};
pub use pool::{Pool, TaskLog, Told};
pub use prices::{Candle, Depth, Event, Feed, Level, Summary};
pub use purchase::Bought;
pub use quote::{Fill, Quote, Wanted};
pub use receipt::{read_receipt, verify_archive, verify_receipt};
pub use results::Fetched;
pub use sdk::{Sdk, SdkError};
pub use sealed::key_file;
pub use secrets::{Secret, SecretError};
pub use settlement::Settlement;
pub use status::{DealStatus, TaskName, TaskStatus};
pub use trust::{ParseTrustError, parse_trust};
pub use wallet::{Password, WalletError, WalletInfo, Wallets, parse_key};
pub use watch::{Progress, Step, Watch};
