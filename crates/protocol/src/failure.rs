//! Why work on a task failed: one closed list for the whole project.
//!
//! A failure says whose fault it is and what to do. The word for it is the same in every message, log, page and database.
//!
//! Some failures are as true as a result: every honest worker meets them, so they can be voted for, certified and paid. These
//! have a [code](Failure::code), from which their result digest [follows](digest) (certificate.md, section 2.3).

use std::{fmt, num::NonZeroU32};

use alloy_primitives::{B256, Keccak256};
use serde::{Deserialize, Serialize};

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// Of who asked for the run: parameters, inputs, dataset.
    Requester,
    /// Of the app, hence of its developer.
    App,
    /// Of the worker, or of its machine.
    Worker,
    /// Of the pool.
    Pool,
    /// Of no party: a service or a connection is down.
    Network,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requester => "requester",
            Self::App => "app",
            Self::Worker => "worker",
            Self::Pool => "pool",
            Self::Network => "network",
        })
    }
}

/// Declares the list: variant, name, code (0 for none), fault, meaning, remedy.
macro_rules! failures {
    ($($variant:ident $name:literal $code:literal $fault:ident $meaning:literal $remedy:literal)*) => {
        /// Why work on a task failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Failure {
            $(#[doc = concat!("Fault of: ", stringify!($fault), ". ", $meaning, ".")] #[serde(rename = $name)] $variant,)*
        }

        impl Failure {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name, as written in messages.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Whose fault it is.
            pub const fn fault(self) -> Fault {
                match self { $(Self::$variant => Fault::$fault,)* }
            }

            /// What happened, in a clause without a full stop.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }

            /// What to do about it, in a sentence.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
            }

            /// Its number, if every honest worker meets it, so that it can be certified. Part of the protocol: none is
            /// ever used again for something else.
            pub const fn code(self) -> Option<NonZeroU32> {
                match self { $(Self::$variant => NonZeroU32::new($code),)* }
            }
        }
    };
}

failures! {
    AppInvalid "APP_INVALID" 1 App
        "the app is no program that its runtime can run"
        "Build it as a WASI command for wasm32-wasip1 or wasm32-wasip2, and register it anew."
    AppTooLarge "APP_TOO_LARGE" 2 App
        "the app is larger than an app may be"
        "Build it smaller, and move data to a dataset or an input file."
    AppTrapped "APP_TRAPPED" 3 App
        "the app crashed"
        "Read its logs, or run it at home with the same input, and correct it."
    AppStackOverflow "APP_STACK_OVERFLOW" 4 App
        "the app used up its stack"
        "Recurse less deep."
    AppOutOfFuel "APP_OUT_OF_FUEL" 5 App
        "the app computed for longer than the category allows"
        "Choose a longer category, or split the work over more tasks."
    AppOutOfMemory "APP_OUT_OF_MEMORY" 6 App
        "the app wanted more memory than a run may use"
        "Work on less at a time."
    AppOutputTooLarge "APP_OUTPUT_TOO_LARGE" 7 App
        "the app wrote more than a run may write"
        "Write less, or split the work over more tasks."
    AppTooManyFiles "APP_TOO_MANY_FILES" 8 App
        "the app made more files than a run may make"
        "Put results together in fewer files."
    AppExited "APP_EXITED" 9 App
        "the app ended with an error of its own"
        "Read its logs: they say what it did not like."
    ComputedMissing "COMPUTED_MISSING" 10 App
        "the app ended without writing computed.json"
        "The app must write IEXEC_OUT/computed.json and name its result there."
    ComputedInvalid "COMPUTED_INVALID" 11 App
        "the app wrote a computed.json that does not name a result"
        "It must be a JSON object with deterministic-output-path, or with callback-data for a callback."
    ResultInvalid "RESULT_INVALID" 12 App
        "the app left a file that no result may hold"
        "Results are plain files and folders with ordinary names."
    AppMismatch "APP_MISMATCH" 33 App
        "the app's bytes do not have the registered checksum"
        "The developer must put the registered file at its address, or register the app anew."
    DatasetMismatch "DATASET_MISMATCH" 34 Requester
        "the dataset's bytes do not have the registered checksum"
        "The owner must put the registered file at its address, or register the dataset anew."
    ParamsInvalid "PARAMS_INVALID" 35 Requester
        "the parameters of the request cannot be understood"
        "They are a JSON object: iexec_args is a string, iexec_input_files a list of https:// and /ipfs/ addresses."
    AppMissing "APP_MISSING" 0 App
        "the app's file is not at its address"
        "The developer must publish the file again."
    AppUnreachable "APP_UNREACHABLE" 0 App
        "the server or the registry of the app does not answer"
        "It is tried again; the developer should check the address of the app, or put it in the store."
    AppRefused "APP_REFUSED" 0 App
        "the worker does not fetch from the address of the app"
        "The developer should put the app in the store, or on a public https:// server or registry."
    RegistryWrong "REGISTRY_WRONG" 0 App
        "the registry gives something other than the registered image"
        "The developer should push the image to a registry that keeps it as it is."
    DatasetMissing "DATASET_MISSING" 0 Requester
        "the dataset's file is not at its address"
        "The owner must publish the file again."
    InputMissing "INPUT_MISSING" 0 Requester
        "an input file is not at its address"
        "Check the address, and publish the file again."
    InputUnreachable "INPUT_UNREACHABLE" 0 Requester
        "the server of an input file does not answer"
        "Check the address, or put the file in the store and give its /ipfs/ address."
    InputTooLarge "INPUT_TOO_LARGE" 0 Requester
        "an input is larger than the worker fetches"
        "Split the input over more tasks."
    InputRefused "INPUT_REFUSED" 0 Requester
        "the worker does not fetch from the address of an input"
        "Put the file in the store, or on a public https:// server."
    KeyMissing "KEY_MISSING" 0 Requester
        "the result is to be encrypted, and its beneficiary has no usable key in the vault"
        "The beneficiary should push one: canut secret generate-key, then canut secret push-key."
    CallbackMissing "CALLBACK_MISSING" 0 App
        "the run failed, and a contract waits for its data"
        "Claim the task after its final deadline: the money comes back."
    RuntimeMissing "RUNTIME_MISSING" 0 Worker
        "the worker has nothing to run this kind of app with"
        "The pool should offer only what its workers can run."
    SlotsFull "SLOTS_FULL" 0 Worker
        "the worker has no free slot"
        "Wait, or add workers."
    StakeTooLow "STAKE_TOO_LOW" 0 Worker
        "the worker has too little on the hub for the stake"
        "The worker's owner should deposit RLC: canut account deposit."
    StakeRefused "STAKE_REFUSED" 0 Worker
        "the stake is higher than the worker's owner accepts"
        "The worker's owner can raise the limit."
    TermsRefused "TERMS_REFUSED" 0 Worker
        "the worker's owner does not take such tasks"
        "Others may; a higher price helps if it was that."
    GasTooLow "GAS_TOO_LOW" 0 Worker
        "the worker has too little ether for its transactions"
        "The worker's owner should send it ether."
    DiskFull "DISK_FULL" 0 Worker
        "the worker's disk is full"
        "The worker's owner should make room in its folder."
    TimeExceeded "TIME_EXCEEDED" 0 Worker
        "the run took longer than a machine may take"
        "The machine is too slow or too busy; another worker computes the task."
    WorkerBroken "WORKER_BROKEN" 0 Worker
        "the worker met an error of its own"
        "The worker's log says more; another worker computes the task."
    WorkerLost "WORKER_LOST" 0 Worker
        "the worker went away"
        "Another worker computes the task."
    WorkerSlow "WORKER_SLOW" 0 Worker
        "the worker took too long to vote"
        "Another worker computes the task as well."
    WorkerStopped "WORKER_STOPPED" 0 Worker
        "the worker is being stopped by its owner"
        "Another worker computes the task."
    TransactionFailed "TRANSACTION_FAILED" 0 Worker
        "a transaction of the worker was refused"
        "The worker's log gives the reason of the chain."
    UploadFailed "UPLOAD_FAILED" 0 Network
        "the result could not be put in the store"
        "Another worker that found the same is asked."
    UploadWrong "UPLOAD_WRONG" 0 Worker
        "the uploaded result is not the one that was certified"
        "Another worker that found the same is asked."
    Aborted "ABORTED" 0 Pool
        "the task was certified or taken back before the worker voted"
        "Nothing is lost; other tasks come."
    TooLate "TOO_LATE" 0 Pool
        "too little time was left before the deadline"
        "The pool should give tasks out earlier."
    DealForeign "DEAL_FOREIGN" 0 Pool
        "the task is of no deal of this workerpool"
        "Check that worker and pool use the same chain, hub and workerpool."
    AuthorizationInvalid "AUTHORIZATION_INVALID" 0 Pool
        "the pool's authorization is not signed by the scheduler of the deal"
        "The pool must run with the key of the workerpool's owner."
    StoreUnreachable "STORE_UNREACHABLE" 0 Network
        "the store does not answer"
        "It is tried again; check the store if it lasts."
    VaultUnreachable "VAULT_UNREACHABLE" 0 Network
        "the vault does not answer, or the worker was told of none"
        "The worker's owner should check it, and canut worker --vault."
    ChainUnreachable "CHAIN_UNREACHABLE" 0 Network
        "the node of the chain does not answer"
        "It is tried again; check the node if it lasts."
}

impl Failure {
    /// The failure of this [code](Self::code); `None` for one of another version.
    pub fn from_code(code: u32) -> Option<Self> {
        let has = |failure: &&Self| failure.code().is_some_and(|own| own.get() == code);
        Self::ALL.iter().find(has).copied()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.meaning())
    }
}

impl std::error::Error for Failure {}

/// The result digest of a failure: `keccak256("canut.failed" ‖ uint32 code)`, packed (certificate.md, section 2.3).
pub fn digest(code: u32) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update("canut.failed");
    hasher.update(code.to_be_bytes());
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use alloy_primitives::keccak256;

    use super::*;

    #[test]
    fn names_and_codes_are_unique_and_found_again() {
        let names: BTreeSet<_> = Failure::ALL.iter().map(|failure| failure.name()).collect();
        assert_eq!(names.len(), Failure::ALL.len());
        let coded = Failure::ALL
            .iter()
            .filter_map(|failure| Some((failure, failure.code()?)));
        for (failure, code) in coded {
            assert_eq!(Failure::from_code(code.get()), Some(*failure), "{code}");
        }
        assert_eq!(Failure::from_code(0), None);
        assert_eq!(Failure::from_code(u32::MAX), None);
    }

    #[test]
    fn messages_carry_the_name() {
        for failure in Failure::ALL {
            let json = serde_json::to_value(failure).unwrap();
            assert_eq!(json, failure.name());
            assert_eq!(serde_json::from_value::<Failure>(json).unwrap(), *failure);
        }
    }

    #[test]
    fn only_what_every_honest_worker_meets_is_certified() {
        for failure in Failure::ALL
            .iter()
            .filter(|failure| failure.code().is_some())
        {
            assert!(
                matches!(failure.fault(), Fault::Requester | Fault::App),
                "{failure}"
            );
        }
    }

    #[test]
    fn a_failure_has_the_digest_of_its_code() {
        assert_eq!(digest(9), keccak256(b"canut.failed\0\0\0\x09"));
        assert_ne!(digest(9), digest(10));
    }
}
