//! What a machine was measured to do, signed by its worker.
//!
//! Nobody else vouches for it: a pool may sort its workers by it, or require a least speed, and sees by their pace whether it was
//! true.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolStruct;
use serde::{Deserialize, Serialize};

use crate::{Domain, signature};

/// Version of what is measured, and how. Numbers of different versions cannot be compared.
pub const VERSION: u32 = 1;
/// Longest name of a processor, in characters of printable ASCII.
pub const MAX_NAME: usize = 64;
/// Most cores that a machine may claim.
pub const MAX_CORES: u32 = 4_096;

alloy_sol_types::sol! {
    struct MachineBenchmark {
        address worker; uint256 version; string processor; uint256 cores; uint256 ram; uint256 single; uint256 all;
        uint256 disk; uint256 time;
    }
}

/// What a machine is, and what it was measured to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Benchmark {
    /// [`VERSION`] by which it was measured.
    pub version: u32,
    /// What the processor calls itself.
    pub processor: String,
    /// Cores that programs may use.
    pub cores: u32,
    /// Memory, in bytes.
    pub memory: u64,
    /// One core: WebAssembly instructions a second, as the sandbox counts fuel.
    pub single: u64,
    /// All cores at once: the same.
    pub all: u64,
    /// Bytes a second written to the worker's folder and flushed to the disk.
    pub disk: u64,
    /// When it was measured, in seconds since the epoch.
    pub time: u64,
}

impl Benchmark {
    /// Whether it is of this version, and within bounds.
    pub fn is_plausible(&self) -> bool {
        let name = self.processor.as_bytes();
        let printable = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
        self.version == VERSION
            && (1..=MAX_NAME).contains(&name.len())
            && name.iter().all(printable)
            && (1..=MAX_CORES).contains(&self.cores)
            && self.memory > 0
            && self.single > 0
            && self.all > 0
            && self.disk > 0
    }

    /// What `worker` signs (EIP-712).
    pub fn digest(&self, domain: &Domain, worker: Address) -> B256 {
        let message = MachineBenchmark {
            worker,
            version: U256::from(self.version),
            processor: self.processor.clone(),
            cores: U256::from(self.cores),
            ram: U256::from(self.memory),
            single: U256::from(self.single),
            all: U256::from(self.all),
            disk: U256::from(self.disk),
            time: U256::from(self.time),
        };
        domain.digest(message.eip712_hash_struct())
    }
}

/// A benchmark and the signature of its worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedBenchmark {
    /// What was measured.
    pub benchmark: Benchmark,
    /// Signature of [`Benchmark::digest`].
    pub signature: Bytes,
}

impl SignedBenchmark {
    /// Whether it is plausible, and signed by `worker` for the hub of `domain`.
    pub fn is_of(&self, domain: &Domain, worker: Address) -> bool {
        let digest = || self.benchmark.digest(domain, worker);
        self.benchmark.is_plausible()
            && signature::verify(worker, digest(), &self.signature).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::key;

    fn benchmark() -> Benchmark {
        Benchmark {
            version: VERSION,
            processor: "Loom X100 @ 3.00GHz".into(),
            cores: 8,
            memory: 16 << 30,
            single: 900_000_000,
            all: 6_000_000_000,
            disk: 300_000_000,
            time: 1_700_000_000,
        }
    }

    #[test]
    fn a_benchmark_is_of_the_worker_that_signed_it_for_this_hub_as_it_is() {
        let domain = Domain::new(1337, Address::repeat_byte(1));
        let (sign, worker) = key(7);
        let signed = SignedBenchmark {
            signature: signature::to_bytes(&sign(benchmark().digest(&domain, worker))),
            benchmark: benchmark(),
        };
        assert!(signed.is_of(&domain, worker));
        assert!(
            !signed.is_of(&domain, Address::repeat_byte(2)),
            "another worker"
        );
        assert!(
            !signed.is_of(&Domain::new(1, domain.hub), worker),
            "another chain"
        );
        let mut faster = signed.clone();
        faster.benchmark.single *= 2;
        assert!(!faster.is_of(&domain, worker), "a better number");
        let mut cut = signed;
        cut.signature = cut.signature.slice(..63);
        assert!(!cut.is_of(&domain, worker));
    }

    #[test]
    fn what_is_out_of_bounds_is_no_benchmark_whoever_signed_it() {
        assert!(benchmark().is_plausible());
        let wrong: [fn(&mut Benchmark); 7] = [
            |one| one.version += 1,
            |one| one.processor = String::new(),
            |one| one.processor = "x".repeat(MAX_NAME + 1),
            |one| one.processor = "<b>\u{1b}[31m".into(),
            |one| one.cores = MAX_CORES + 1,
            |one| one.single = 0,
            |one| one.disk = 0,
        ];
        for change in wrong {
            let mut one = benchmark();
            change(&mut one);
            assert!(!one.is_plausible(), "{one:?}");
        }
    }
}
