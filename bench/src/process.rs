//! What processes used, as `/proc` has it.

use std::{fs, ops::Sub};

use eyre::{OptionExt, Result, WrapErr};

/// Ticks of a second in `/proc`, on every architecture that matters.
const TICKS: f64 = 100.0;

/// Processor time, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Processor {
    /// In the programs themselves.
    pub(crate) user: f64,
    /// In the system.
    pub(crate) system: f64,
}

impl Processor {
    pub(crate) fn total(self) -> f64 {
        self.user + self.system
    }
}

impl Sub for Processor {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            user: self.user - before.user,
            system: self.system - before.system,
        }
    }
}

/// What a process used so far.
///
/// # Errors
/// When there is no such process.
pub(crate) fn processor(process: u32) -> Result<Processor> {
    Ok(times(process)?[0])
}

/// What this process used so far, and all that it started and that have ended.
///
/// # Errors
/// When `/proc` is not there.
pub(crate) fn own_and_ended() -> Result<Processor> {
    let [own, ended] = times(std::process::id())?;
    Ok(Processor {
        user: own.user + ended.user,
        system: own.system + ended.system,
    })
}

/// Memory that a process has now, in bytes.
///
/// # Errors
/// When there is no such process.
pub(crate) fn resident(process: u32) -> Result<u64> {
    memory(process, "VmRSS:")
}

/// The most memory that a process had so far, in bytes.
///
/// # Errors
/// When there is no such process.
pub(crate) fn peak(process: u32) -> Result<u64> {
    memory(process, "VmHWM:")
}

fn times(process: u32) -> Result<[Processor; 2]> {
    let path = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&path).wrap_err_with(|| path.clone())?;
    parse_times(&stat).ok_or_eyre("/proc/PID/stat is not as expected")
}

/// The times of a process, and of what it started and that have ended: fields 14 to 17.
fn parse_times(stat: &str) -> Option<[Processor; 2]> {
    // The name, in parentheses, may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut seconds = || Some(fields.next()?.parse::<f64>().ok()? / TICKS);
    let mut both = || {
        Some(Processor {
            user: seconds()?,
            system: seconds()?,
        })
    };
    Some([both()?, both()?])
}

fn memory(process: u32, name: &str) -> Result<u64> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).wrap_err_with(|| path.clone())?;
    parse_memory(&status, name).ok_or_eyre("/proc/PID/status is not as expected")
}

fn parse_memory(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_look_like_fields() {
        let stat = "42 (a) 1 (b)) S 1 42 42 0 -1 4194304 9 8 7 6 150 25 300 50 20 0 1 0 5 6 7";
        let own = Processor {
            user: 1.5,
            system: 0.25,
        };
        let ended = Processor {
            user: 3.0,
            system: 0.5,
        };
        assert_eq!(parse_times(stat), Some([own, ended]));
        assert_eq!(
            ended - own,
            Processor {
                user: 1.5,
                system: 0.25
            }
        );
        assert_eq!(ended.total(), 3.5);
        assert_eq!(parse_times("42 (a) S 1 42"), None);
        assert_eq!(parse_times("nothing"), None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(parse_memory(status, "VmRSS:"), Some(1 << 20));
        assert_eq!(parse_memory(status, "VmHWM:"), Some(2 << 20));
        assert_eq!(parse_memory(status, "VmSwap:"), None);
        assert_eq!(parse_memory("VmRSS:\tmany", "VmRSS:"), None);
    }

    #[test]
    fn this_process_has_used_something() {
        let own = std::process::id();
        assert!(processor(own).unwrap().total() >= 0.0);
        assert!(own_and_ended().unwrap().total() >= 0.0);
        assert!(peak(own).unwrap() >= resident(own).unwrap() / 2);
        assert!(processor(u32::MAX).is_err());
    }
}
