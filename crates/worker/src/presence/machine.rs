//! Whether somebody else uses the machine.
//!
//! Two measures of Linux. `/proc/stat` counts the time of processors by what they did, apart for processes of lowered priority;
//! as the worker lowers its own, and that of all it starts, the rest is of others. And a terminal's access time is that of the
//! last key pressed there, as `w` shows it.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use rustix::process::{Pid, setpriority_process};

/// The lowest priority.
const NICEST: i32 = 19;
/// Percent of all processors that others may use while the machine counts as idle.
const MOST: u64 = 25;
/// For so long nobody may have used it.
const CALM: Duration = Duration::from_secs(60);
/// For so long nobody may have typed.
const SILENCE: Duration = Duration::from_secs(300);

/// Gives the worker, and all that it starts from now on, the lowest priority.
pub(super) fn give_way() -> io::Result<()> {
    // Linux keeps a priority for each thread; new ones have that of their makers.
    for thread in fs::read_dir("/proc/self/task")? {
        let name = thread?.file_name();
        let number = name.to_str().and_then(|name| name.parse().ok());
        let Some(thread) = number.and_then(Pid::from_raw) else {
            continue;
        };
        match setpriority_process(Some(thread), NICEST) {
            // It ended meanwhile.
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Machine {
    last: Option<Spent>,
    used: Option<Instant>,
}

impl Machine {
    /// Whether others use the machine, or did a moment ago.
    pub(super) fn is_in_use(&mut self) -> bool {
        let spent = fs::read_to_string("/proc/stat")
            .ok()
            .and_then(|text| Spent::read(&text));
        let share = spent
            .zip(self.last)
            .map(|(now, then)| now.share_since(then));
        self.last = spent;
        let typed = last_key().and_then(|at| SystemTime::now().duration_since(at).ok());
        if share.is_some_and(|share| share > MOST) || typed.is_some_and(|ago| ago < SILENCE) {
            self.used = Some(Instant::now());
        }
        self.used.is_some_and(|used| used.elapsed() < CALM)
    }
}

/// Time of all processors since the start of the machine, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spent {
    /// By processes of normal priority, and by the kernel.
    others: u64,
    all: u64,
}

impl Spent {
    /// From the line `cpu` of `/proc/stat`: user, nice, system, idle, waiting, interrupts (hard, soft), stolen.
    fn read(text: &str) -> Option<Self> {
        let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let numbers: Vec<u64> = line
            .split_whitespace()
            .take(8)
            .map(|number| number.parse().ok())
            .collect::<Option<_>>()?;
        let [user, _, system, _, _, hard, soft, _] = numbers.as_slice() else {
            return None;
        };
        let sum = |numbers: &[u64]| numbers.iter().copied().fold(0, u64::saturating_add);
        Some(Self {
            others: sum(&[*user, *system, *hard, *soft]),
            all: sum(&numbers),
        })
    }

    /// Percent of the time since `then` that others spent.
    fn share_since(self, then: Self) -> u64 {
        let others = self.others.saturating_sub(then.others);
        let all = self.all.saturating_sub(then.all);
        others.saturating_mul(100).checked_div(all).unwrap_or(0)
    }
}

/// When somebody last typed on a terminal.
fn last_key() -> Option<SystemTime> {
    let folders = [Path::new("/dev/pts"), Path::new("/dev")];
    let entries = folders
        .into_iter()
        .filter_map(|folder| fs::read_dir(folder).ok());
    let terminals = entries.flatten().flatten().filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let number = name.strip_prefix("tty").unwrap_or(&name);
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    let touched = terminals.filter_map(|terminal| {
        let about = terminal.metadata().ok()?;
        // A terminal that nobody opened has the time of its making.
        (about.atime() != about.ctime())
            .then(|| about.accessed().ok())
            .flatten()
    });
    touched.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_worker_computes_is_not_the_use_of_others() {
        let read = |line: &str| Spent::read(line).unwrap();
        let then = read("cpu  1000 500 200 8000 100 5 5 0 0 0\ncpu0 1 1 1 1 1 1 1 1");
        let worker_computes = read("cpu  1000 1500 210 8000 100 5 5 0 0 0\n");
        assert_eq!(worker_computes.share_since(then), 0);
        let owner_too = read("cpu  1500 1000 200 8000 100 5 5 0 0 0\n");
        assert_eq!(owner_too.share_since(then), 50);
        assert_eq!(then.share_since(then), 0);
        for nonsense in [
            "",
            "cpu 1 2 3",
            "cpu  a b c d e f g h",
            "cpu0 1 2 3 4 5 6 7 8",
        ] {
            assert_eq!(Spent::read(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn this_machine_can_be_looked_at() {
        let text = fs::read_to_string("/proc/stat").unwrap();
        assert!(Spent::read(&text).unwrap().all > 0);
        let mut machine = Machine::default();
        machine.is_in_use();
        assert!(machine.last.is_some());
    }
}
