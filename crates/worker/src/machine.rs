//! What this machine is made of.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
};

use serde::{Deserialize, Serialize};

/// Longest name of a processor that is told, in characters.
const MAX_NAME: usize = 64;

/// A machine, by what its speed depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// What its processor calls itself.
    pub processor: String,
    /// Cores that programs may use.
    pub cores: u32,
    /// Memory in all, in bytes.
    pub memory: u64,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            processor: processor(),
            cores: u32::try_from(cores).unwrap_or(u32::MAX),
            memory: of_memory("MemTotal:").unwrap_or_default(),
        }
    }
}

/// Memory that programs can still take, in bytes.
pub(crate) fn available_memory() -> Option<u64> {
    of_memory("MemAvailable:")
}

/// Bytes free on the disk of `folder`, which need not be there yet, and where that was looked at.
pub(crate) fn free_disk(folder: &Path) -> io::Result<(u64, PathBuf)> {
    let there = folder
        .ancestors()
        .find(|part| part.exists())
        .map_or_else(|| PathBuf::from("."), Path::to_owned);
    let about = rustix::fs::statvfs(&there)?;
    Ok((about.f_bavail.saturating_mul(about.f_frsize), there))
}

fn of_memory(line: &str) -> Option<u64> {
    kibibytes(&fs::read_to_string("/proc/meminfo").ok()?, line)
}

fn kibibytes(about: &str, name: &str) -> Option<u64> {
    let line = about.lines().find_map(|line| line.strip_prefix(name))?;
    let number = line.trim().strip_suffix(" kB")?;
    number.parse::<u64>().ok()?.checked_mul(1 << 10)
}

/// The name in `/proc/cpuinfo`; on ARM, where there is none, that of the board.
fn processor() -> String {
    let told = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = model(&told).map(str::to_owned);
    let name = name.or_else(|| fs::read_to_string("/proc/device-tree/model").ok());
    name.map(|name| tidy(&name))
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| format!("a processor of {}", std::env::consts::ARCH))
}

fn model(told: &str) -> Option<&str> {
    told.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == "model name").then_some(value)
    })
}

/// In printable ASCII with single spaces, cut where it is too long.
fn tidy(name: &str) -> String {
    let words: Vec<String> = name
        .split_whitespace()
        .map(|word| word.chars().filter(char::is_ascii_graphic).collect())
        .filter(|word: &String| !word.is_empty())
        .collect();
    let name: String = words.join(" ").chars().take(MAX_NAME).collect();
    name.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_name_and_a_size() {
        let here = Machine::here();
        assert!(!here.processor.is_empty() && here.cores > 0 && here.memory > 0);
        assert!(available_memory().is_some_and(|free| free <= here.memory));
        let (_, there) = free_disk(Path::new("/nowhere/at/all")).unwrap();
        assert_eq!(there, Path::new("/"));
    }

    #[test]
    fn what_the_kernel_says_is_read_and_made_fit_to_be_shown() {
        let told =
            "processor\t: 0\nmodel name\t: Loom(R)   X\u{7}100  @ 3.00GHz\nmodel name\t: other\n";
        assert_eq!(
            model(told).map(tidy).as_deref(),
            Some("Loom(R) X100 @ 3.00GHz")
        );
        assert_eq!(tidy(&"x".repeat(99)).len(), MAX_NAME);
        assert_eq!(model("Features : fp"), None);
        assert_eq!(kibibytes("MemTotal:  4 kB\n", "MemTotal:"), Some(4_096));
        assert_eq!(kibibytes("MemTotal:  4 MB\n", "MemTotal:"), None);
    }
}
