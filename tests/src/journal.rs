//! What happened, in a form that two markets at different addresses have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use alloy::primitives::{Address, Bytes, Log, U256, keccak256};

use crate::market::Market;
use crate::outcome::{Outcome, Refusal, describe};

/// One call and its consequences.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The function called.
    pub what: String,
    /// Who called.
    pub from: Address,
    /// Whom.
    pub to: Address,
    /// With what.
    pub data: Bytes,
    /// When, in seconds since 1970.
    pub time: u64,
    /// What came of it.
    pub outcome: Outcome,
    /// Everybody's free stake, locked stake, wallet and score after it.
    pub money: Vec<(Address, [U256; 4])>,
}

/// Addresses, ids and hashes that differ from side to side, and the names they have in common.
#[derive(Clone, Debug, Default)]
pub struct Names {
    names: BTreeMap<Vec<u8>, String>,
    numbers: BTreeMap<String, usize>,
}

impl Names {
    /// Names some bytes, unless they have a name.
    pub fn name(&mut self, bytes: impl AsRef<[u8]>, name: impl Into<String>) {
        self.names
            .entry(bytes.as_ref().to_vec())
            .or_insert_with(|| name.into());
    }

    /// Names some bytes after their kind and how many of that kind came before, unless they have a name.
    pub fn number(&mut self, bytes: impl AsRef<[u8]>, kind: &str) {
        if !self.names.contains_key(bytes.as_ref()) {
            let number = self.numbers.entry(kind.to_owned()).or_default();
            *number += 1;
            let name = format!("{kind} {number}");
            self.names.insert(bytes.as_ref().to_vec(), name);
        }
    }

    /// The name of some bytes.
    #[must_use]
    pub fn of(&self, bytes: &[u8]) -> Option<&str> {
        self.names.get(bytes).map(String::as_str)
    }

    /// The data with everything that has a name replaced by what stands for the name on both sides.
    #[must_use]
    pub fn common(&self, data: &[u8]) -> Bytes {
        self.common_of(&self.lengths(), data)
    }

    fn lengths(&self) -> BTreeSet<usize> {
        self.names.keys().map(Vec::len).collect()
    }

    fn common_of(&self, lengths: &BTreeSet<usize>, data: &[u8]) -> Bytes {
        let mut common = Vec::with_capacity(data.len());
        while let Some(rest) = data.get(common.len()..).filter(|rest| !rest.is_empty()) {
            let named = lengths
                .iter()
                .rev()
                .filter_map(|length| rest.get(..*length));
            let found = named
                .filter_map(|bytes| Some((bytes.len(), self.names.get(bytes)?)))
                .next();
            match found {
                Some((length, name)) => {
                    let token = keccak256(name).repeat(length.div_ceil(32));
                    common.extend_from_slice(&token[..length]);
                }
                None => common.push(rest[0]),
            }
        }
        common.into()
    }

    /// The data in hexadecimal, with names for what has one.
    fn readable(&self, text: &str) -> String {
        self.names
            .iter()
            .fold(text.to_owned(), |text, (bytes, name)| {
                let hex = alloy::hex::encode(bytes);
                let checked =
                    <[u8; 20]>::try_from(&bytes[..]).map(|a| Address::from(a).to_string());
                let text = text.replace(&format!("0x{hex}"), &format!("<{name}>"));
                checked.map_or(text.clone(), |checked| {
                    text.replace(&checked, &format!("<{name}>"))
                })
            })
    }
}

/// Where two journals first part, in words; `None` when they agree to the end.
#[must_use]
pub fn first_difference(one: &Market, other: &Market) -> Option<String> {
    let (left, right) = (one.journal(), other.journal());
    let lengths = [one, other].map(|market| market.names.lengths());
    for (step, (a, b)) in left.iter().zip(right).enumerate() {
        let (a_text, b_text) = (common(one, &lengths[0], a), common(other, &lengths[1], b));
        if a.what != b.what || a_text != b_text {
            let mut text = format!("step {step}: {}\n", a.what);
            let _ = writeln!(text, "--- {:?}\n{}", one.side, show(one, a));
            let _ = writeln!(text, "--- {:?}, {}\n{}", other.side, b.what, show(other, b));
            for ((who, x), (_, y)) in a.money.iter().zip(&b.money).filter(|(x, y)| x.1 != y.1) {
                let _ = writeln!(
                    text,
                    "money of {}: {x:?} against {y:?}",
                    one.names.readable(&who.to_string())
                );
            }
            return Some(text);
        }
    }
    (left.len() != right.len()).then(|| format!("{} steps against {}", left.len(), right.len()))
}

type Common = (
    Result<Bytes, Option<Bytes>>,
    Vec<(Bytes, Vec<Bytes>, Bytes)>,
    Vec<(Bytes, [U256; 4])>,
);

/// What an entry has in common with that of the other side, when both behave the same. Gas is not part of it.
fn common(market: &Market, lengths: &BTreeSet<usize>, entry: &Entry) -> Common {
    let common = |data: &[u8]| market.names.common_of(lengths, data);
    let result = match &entry.outcome.result {
        Ok(data) => Ok(common(data)),
        Err(Refusal::Revert(data)) => Err(Some(common(data))),
        Err(Refusal::Halt(_)) => Err(None),
    };
    let log = |log: &Log| {
        let topics = log
            .topics()
            .iter()
            .map(|topic| common(&topic[..]))
            .collect();
        (common(&log.address[..]), topics, common(&log.data.data))
    };
    let logs = entry.outcome.logs.iter().map(log).collect();
    let money = entry
        .money
        .iter()
        .map(|(who, money)| (common(&who[..]), *money))
        .collect();
    (result, logs, money)
}

fn show(market: &Market, entry: &Entry) -> String {
    let mut text = match &entry.outcome.result {
        Ok(data) => format!("returned {data}\n"),
        Err(refusal) => format!("refused: {refusal:?}\n"),
    };
    for log in &entry.outcome.logs {
        let _ = writeln!(text, "  {} from {}", describe(log), log.address);
    }
    market.names.readable(&text)
}
