//! What can go wrong for a client.

use std::{fmt, io, path::PathBuf};

use alloy_primitives::{Address, B256};
use canut_protocol::{DealId, Domain, Nrlc, Range, TaskId, task::Status};

use crate::{archive::ArchiveError, network::NetworkError, sdk::SdkError, wallet::WalletError};

/// Result of what a client does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The services a client talks to beside the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The order book.
    Market,
    /// Where files are.
    Store,
    /// Where secrets are kept.
    Vault,
    /// The scheduler of a workerpool.
    Pool,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Market => "market",
            Self::Store => "store",
            Self::Vault => "vault",
            Self::Pool => "pool",
        })
    }
}

/// What went wrong, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The chain, or the hub's refusal.
    #[error(transparent)]
    Hub(Box<canut_hub::Error>),
    /// No connection to the node.
    #[error(transparent)]
    Connect(#[from] canut_hub::ConnectError),
    /// The store.
    #[error("the store: {0}")]
    Store(Box<canut_store::Error>),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] canut_vault::RemoteError),
    /// A secret that is none.
    #[error(transparent)]
    Secret(#[from] crate::secrets::SecretError),
    /// An encrypted result that cannot be opened.
    #[error("the encrypted result cannot be opened: {0}")]
    Unsealing(#[from] canut_vault::format::result::ResultError),
    /// The private key for an encrypted result is not there.
    #[error(
        "the result of task {task} is encrypted for {beneficiary}, and the private key is not there: name the folder that holds \
         {beneficiary}_key with --beneficiary-keys"
    )]
    Sealed {
        /// Whose result.
        task: TaskId,
        /// Who can open it.
        beneficiary: Address,
    },
    /// A keystore or a key.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// A description of a network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// Settings for iExec's tools.
    #[error(transparent)]
    Sdk(#[from] SdkError),
    /// An archive that is no result.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The node is of another chain than the network says.
    #[error(
        "the node at {rpc} is of chain {found}, the network is of chain {expected}: correct one of the two"
    )]
    OtherChain {
        /// The node.
        rpc: String,
        /// What the network says.
        expected: u64,
        /// What the node says.
        found: u64,
    },
    /// A service is needed and the network names none.
    #[error(
        "this needs a {0}, and the network names none: give --{0} URL, or add it with `canut network add`"
    )]
    NoService(Service),
    /// The address of a service is none.
    #[error("`{url}` is not the address of a {service}: write for instance http://127.0.0.1:3000")]
    Address {
        /// Which service.
        service: Service,
        /// What was given.
        url: String,
    },
    /// A service does not answer.
    #[error(
        "the {service} at {url} does not answer ({cause}): check that it runs, and its address"
    )]
    Unreachable {
        /// Which.
        service: Service,
        /// Where.
        url: String,
        /// Why.
        cause: String,
    },
    /// A service says no, and why.
    #[error("the {service} refuses: {message}")]
    Refused {
        /// Which.
        service: Service,
        /// HTTP status.
        status: u16,
        /// Its words.
        message: String,
    },
    /// A service answers what none of its kind would.
    #[error(
        "the {service} at {url} answers nonsense ({cause}): check its address; it may be of another version, or lie"
    )]
    Nonsense {
        /// Which.
        service: Service,
        /// Where.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A local file.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file that should be an app is none.
    #[error("{path} is no app: an app is a .wasm file built for wasm32-wasip1 or wasm32-wasip2, or an image archive (docker save)", path = .0.display())]
    NoApp(PathBuf),
    /// What should say where an image is does not say which.
    #[error(
        "{0:?} does not say which image: write registry.example/repository:tag@sha256:…, as docker inspect --format '{{{{index .RepoDigests 0}}}}' prints it once the image is pushed"
    )]
    NoImage(String),
    /// A file is larger than it may be.
    #[error("{path} has {bytes} bytes, more than the {limit} that are taken", path = .path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// No such asset.
    #[error("there is no {kind} at {address}: check the address and the network")]
    NoAsset {
        /// `app`, `dataset` or `workerpool`.
        kind: &'static str,
        /// The address.
        address: Address,
    },
    /// No such deal.
    #[error("there is no deal {0}: check the id and the network")]
    NoDeal(DealId),
    /// No such task, as far as its id tells.
    #[error(
        "task {0} is not known by its id alone: name it by its deal and its index instead, as DEAL:INDEX"
    )]
    NoTask(TaskId),
    /// A deal where a task is wanted.
    #[error(
        "{0} is a deal: name one of its tasks as {0}:INDEX, they are listed by `canut deal show {0}`"
    )]
    IsDeal(DealId),
    /// No task of that index.
    #[error("deal {deal} has no task {index}: its tasks are {first} to {last}")]
    NoIndex {
        /// The deal.
        deal: DealId,
        /// What was asked for.
        index: u64,
        /// The first there is.
        first: u64,
        /// The last there is.
        last: u64,
    },
    /// The node contradicts itself about a settlement.
    #[error(
        "the node contradicts itself about task {0} ({1}): it lies, or the chain has just changed; use another node"
    )]
    Contradiction(TaskId, &'static str),
    /// The task has no receipt.
    #[error(
        "task {0} went the open way, where every vote is on the chain: there is no receipt to make, and `canut task show` makes \
         its certificate"
    )]
    OpenWay(TaskId),
    /// A receipt cannot be made, or what it would hold does not hold.
    #[error("no receipt can be made: {0}")]
    Unproven(String),
    /// A pool was asked about another workerpool than its own.
    #[error(
        "the pool at that URL serves workerpool {served}, and not {workerpool}: give the --pool of that workerpool"
    )]
    OtherPool {
        /// What it serves.
        served: Address,
        /// What it was asked about.
        workerpool: Address,
    },
    /// Nobody knows where a workerpool answers.
    #[error(
        "nobody told this market where workerpool {0} answers (its owner does, with `canut workerpool announce`): if you know the \
         URL, give it with --pool"
    )]
    NoPool(Address),
    /// A file is no receipt.
    #[error("this is no receipt ({0}): make one with `canut receipt`")]
    NoReceipt(String),
    /// A receipt is of another market.
    #[error(
        "the receipt is of hub {} on chain {}, and the network of hub {} on chain {}: give the --rpc of its chain",
        .receipt.hub, .receipt.chain_id, .network.hub, .network.chain_id
    )]
    OtherHub {
        /// What the receipt is of.
        receipt: Domain,
        /// What was asked.
        network: Domain,
    },
    /// The params do not fit in a deal.
    #[error(
        "arguments and inputs take {0} bytes of a deal that holds {1}: put them in an input file"
    )]
    ParamsTooLong(usize, usize),
    /// Workers cannot fetch an input.
    #[error(
        "workers cannot fetch `{0}`: give a local file, or an address that begins with https://, ipfs:// or /ipfs/"
    )]
    InputScheme(String),
    /// Prices or volumes are absurd.
    #[error(transparent)]
    Overflow(#[from] canut_protocol::Overflow),
    /// Nothing can be bought.
    #[error("nobody offers {missing} of {tasks} tasks at these terms{why}")]
    NoOffer {
        /// Tasks wanted.
        tasks: u64,
        /// Tasks that no order fills.
        missing: u64,
        /// Reasons and remedies, from the market; begins with a separator.
        why: String,
    },
    /// The account cannot pay.
    #[error(
        "{account} needs {needed} and has {has} (on the hub and in the wallet together): get RLC, or lower --max-price or --tasks"
    )]
    TooPoor {
        /// Whose.
        account: Address,
        /// What it costs.
        needed: Nrlc,
        /// What there is.
        has: Nrlc,
    },
    /// More is to be moved than there is.
    #[error("{needed} cannot be moved: {account} has {has} {place}")]
    Short {
        /// Whose.
        account: Address,
        /// Where it is missing, as `free on the hub`.
        place: &'static str,
        /// What there is.
        has: Nrlc,
        /// What is to be moved.
        needed: Nrlc,
    },
    /// The orders changed between the quote and the purchase.
    #[error(
        "prices moved: what is left would cost {now}, {quoted} was agreed: ask for a new quote"
    )]
    Dearer {
        /// What was agreed for what is left.
        quoted: Nrlc,
        /// What it costs now.
        now: Nrlc,
    },
    /// Some deals were made, then something went wrong.
    #[error("{made} of {wanted} tasks are bought ({deals}), then: {source}", deals = list(.deals))]
    Halfway {
        /// The deals there are.
        deals: Vec<DealId>,
        /// Tasks of these.
        made: u64,
        /// Tasks wanted.
        wanted: u64,
        /// What went wrong.
        source: Box<Error>,
    },
    /// A result is wanted of a task that has none.
    #[error("task {task} has no result: it is {status}", status = status_name(*.status))]
    NoResult {
        /// The task.
        task: TaskId,
        /// Where it stands.
        status: Status,
    },
    /// The result is somewhere a client does not go.
    #[error("the result of task {task} is not in a store of IPFS but at `{location}`")]
    Elsewhere {
        /// The task.
        task: TaskId,
        /// What the chain says, shortened.
        location: String,
    },
    /// The result is not the one that was certified.
    #[error(
        "the result of task {task} is NOT the certified one: its digest is {found}, the workers certified {certified}. Nothing was \
         unpacked; tell the pool's operator, and try another store"
    )]
    Tampered {
        /// The task.
        task: TaskId,
        /// On the chain.
        certified: B256,
        /// Of the archive.
        found: B256,
    },
    /// The folder for results is in use.
    #[error("{path} exists already: choose another folder with --out, or move it away", path = .0.display())]
    Exists(PathBuf),
    /// The time is not over.
    #[error(
        "task {task} can be claimed when its final deadline is over, in {left} s: wait until then", left = .deadline.saturating_sub(*.now)
    )]
    TooEarly {
        /// The task.
        task: TaskId,
        /// Its final deadline.
        deadline: u64,
        /// Time of the chain.
        now: u64,
    },
    /// Posted votes cannot be counted yet.
    #[error(
        "the pool stalled and votes on {range} were posted on the chain: they are counted when the time to open them is over, in \
         {left} s: claim then", left = .at.saturating_sub(*.now)
    )]
    Uncounted {
        /// Which tasks.
        range: Range,
        /// From then on they are counted.
        at: u64,
        /// Time of the chain.
        now: u64,
    },
    /// Work of another thread broke.
    #[error("a background thread failed: {0}")]
    Thread(String),
}

impl From<canut_store::Error> for Error {
    fn from(error: canut_store::Error) -> Self {
        Self::Store(Box::new(error))
    }
}

impl From<canut_hub::Error> for Error {
    fn from(error: canut_hub::Error) -> Self {
        Self::Hub(Box::new(error))
    }
}

impl Error {
    /// For `map_err` on what touches `path`.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File {
            path: path.into(),
            source,
        }
    }

    /// A node's error, in the words of the hub.
    pub(crate) fn node(error: alloy::transports::TransportError) -> Self {
        Self::Hub(Box::new(error.into()))
    }
}

/// The name of a status, for people.
pub(crate) const fn status_name(status: Status) -> &'static str {
    match status {
        Status::Unset => "not initialised yet",
        Status::Active => "being computed",
        Status::Revealing => "certified, and its result is on the way",
        Status::Completed => "completed",
        Status::Failed => "failed and refunded",
    }
}

fn list(deals: &[DealId]) -> String {
    let deals: Vec<_> = deals.iter().map(|deal| format!("deal {deal}")).collect();
    deals.join(", ")
}
