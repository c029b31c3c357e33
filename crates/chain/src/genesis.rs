//! The first block: who has what before anything happens.

use crate::{
    executor::{Fees, Rules},
    state::StateChanges,
    store::GenesisBlock,
};
use alloy::{
    consensus::{EMPTY_OMMER_ROOT_HASH, Header},
    eips::{
        eip2935::{HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE},
        eip4788::{BEACON_ROOTS_ADDRESS, BEACON_ROOTS_CODE},
        eip7685::EMPTY_REQUESTS_HASH,
    },
    signers::local::{LocalSignerError, MnemonicBuilder, PrivateKeySigner, coins_bip39::English},
};
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, address, bytes, keccak256};
use alloy_trie::{EMPTY_ROOT_HASH, TrieAccount};
use revm::primitives::hardfork::SpecId;
use std::collections::BTreeMap;

/// The mnemonic of every Ethereum development chain. Its keys are public: what they own on a real
/// network is anybody's.
pub const DEV_MNEMONIC: &str = "test test test test test test test test test test test junk";
/// The chain id of development chains.
pub const DEV_CHAIN_ID: u64 = 31_337;
/// Gas of a block.
pub const GAS_LIMIT: u64 = 60_000_000;
/// The first base fee, wei per gas.
pub const BASE_FEE: u64 = 1_000_000_000;

/// The deterministic deployment proxy: whoever calls it creates a contract at an address that follows from its code. On
/// every chain it is at this address, put there by a transaction without a chain id, which nodes no longer take (EIP-155);
/// so our chains begin with it. Source: github.com/Arachnid/deterministic-deployment-proxy.
pub const DEPLOYMENT_PROXY: Address = address!("4e59b44847b379578588920cA78FbF26c0B4956C");
const DEPLOYMENT_PROXY_CODE: Bytes = bytes!(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
);

/// An account of the first block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GenesisAccount {
    /// Wei.
    pub balance: U256,
    /// Transactions sent, or contracts made.
    pub nonce: u64,
    /// Code, if it is a contract.
    pub code: Bytes,
    /// Its storage.
    pub storage: BTreeMap<U256, U256>,
}

/// What a chain starts from. It is fixed for the life of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// Chain id (EIP-155).
    pub chain_id: u64,
    /// Accounts that exist from the start.
    pub accounts: BTreeMap<Address, GenesisAccount>,
    /// Gas of a block.
    pub gas_limit: u64,
    /// First base fee, wei per gas, or the only one.
    pub fees: Fees,
    /// Seconds since 1970; the time of creation if 0.
    pub timestamp: u64,
}

impl Genesis {
    /// A chain with these accounts, at mainnet's rules.
    pub fn new(
        chain_id: u64,
        accounts: impl IntoIterator<Item = (Address, GenesisAccount)>,
    ) -> Self {
        Self {
            chain_id,
            accounts: accounts.into_iter().collect(),
            gas_limit: GAS_LIMIT,
            fees: Fees::Eip1559,
            timestamp: 0,
        }
    }

    /// A chain that gives each of `addresses` the same balance, wei.
    pub fn funding(
        chain_id: u64,
        addresses: impl IntoIterator<Item = Address>,
        balance: U256,
    ) -> Self {
        let account = GenesisAccount {
            balance,
            ..GenesisAccount::default()
        };
        Self::new(
            chain_id,
            addresses
                .into_iter()
                .map(|address| (address, account.clone())),
        )
    }

    /// The rules that follow.
    pub(crate) fn rules(&self) -> Rules {
        Rules {
            chain_id: self.chain_id,
            spec: SpecId::OSAKA,
            fees: self.fees,
        }
    }

    /// The block, but for its state root.
    pub(crate) fn block(&self, now: u64) -> GenesisBlock {
        let mut state = StateChanges::default();
        let system = |code: Bytes| GenesisAccount {
            nonce: 1,
            code,
            ..GenesisAccount::default()
        };
        let contracts = BTreeMap::from([
            (BEACON_ROOTS_ADDRESS, system(BEACON_ROOTS_CODE.clone())),
            (
                HISTORY_STORAGE_ADDRESS,
                system(HISTORY_STORAGE_CODE.clone()),
            ),
            (DEPLOYMENT_PROXY, system(DEPLOYMENT_PROXY_CODE)),
        ]);
        for (address, account) in contracts.iter().chain(&self.accounts) {
            insert(&mut state, *address, account);
        }
        let base_fee = match self.fees {
            Fees::Eip1559 => BASE_FEE,
            Fees::Fixed(fee) => fee,
        };
        let header = Header {
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            transactions_root: EMPTY_ROOT_HASH,
            receipts_root: EMPTY_ROOT_HASH,
            gas_limit: self.gas_limit,
            timestamp: if self.timestamp == 0 {
                now
            } else {
                self.timestamp
            },
            base_fee_per_gas: Some(base_fee),
            withdrawals_root: Some(EMPTY_ROOT_HASH),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(B256::ZERO),
            requests_hash: Some(EMPTY_REQUESTS_HASH),
            ..Header::default()
        };
        GenesisBlock {
            chain_id: self.chain_id,
            header,
            state,
        }
    }
}

fn insert(state: &mut StateChanges, address: Address, account: &GenesisAccount) {
    let owner = keccak256(address);
    let code_hash = if account.code.is_empty() {
        KECCAK256_EMPTY
    } else {
        keccak256(&account.code)
    };
    if !account.code.is_empty() {
        state.codes.insert(code_hash, account.code.clone());
    }
    let slots = account.storage.iter().filter(|(_, value)| !value.is_zero());
    let slots: BTreeMap<B256, U256> = slots
        .map(|(slot, value)| (keccak256(B256::from(*slot)), *value))
        .collect();
    if !slots.is_empty() {
        state.storage.insert(owner, slots);
    }
    let (nonce, balance) = (account.nonce, account.balance);
    let account = TrieAccount {
        nonce,
        balance,
        storage_root: EMPTY_ROOT_HASH,
        code_hash,
    };
    state.accounts.insert(owner, Some(account));
}

/// The first `count` keys of a mnemonic, at `m/44'/60'/0'/0/i`.
pub fn mnemonic_keys(phrase: &str, count: u32) -> Result<Vec<PrivateKeySigner>, LocalSignerError> {
    // The seed takes thousands of hashes; the keys below it do not.
    let path = MnemonicBuilder::<English>::default()
        .phrase(phrase)
        .index(0)?;
    let keys = path.build_parent_key()?.into_iter();
    keys.take(count as usize).collect()
}
