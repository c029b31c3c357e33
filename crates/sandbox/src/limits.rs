use std::time::Duration;

/// Fuel for one second of the time paid: about one unit for each WebAssembly instruction. An ordinary core burns from one
/// (a sieve, waiting for memory) to fifteen times 10⁹ in a second (the renderer in `apps/`).
pub const FUEL_PER_SECOND: u64 = 4_000_000_000;

/// How much longer than the time paid for a slow machine may take before it gives up.
const PATIENCE: u32 = 10;

/// What one run may use.
///
/// Every limit but [`time`](Self::time) and [`wall_time`](Self::wall_time) decides the result: a run that meets it ends in the same
/// [`Failure`](crate::Failure) on every machine. Workers of one task must therefore use equal limits, and take them from
/// the deal, never from their own settings. [`for_duration`](Self::for_duration) does so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Size of a WebAssembly app, in bytes.
    pub app_bytes: u64,
    /// Linear memory of all instances together, in bytes. A `memory.grow` beyond it returns -1. A container that uses more,
    /// beside its files, is killed.
    pub memory_bytes: u64,
    /// Elements of all tables together. A `table.grow` beyond it returns -1.
    pub table_elements: u64,
    /// Core instances, and likewise memories and tables, that a component may be made of.
    pub instances: usize,
    /// Work, in units of fuel: instructions, those that make floats canonical among them, and bytes moved by the host on
    /// behalf of the app.
    pub fuel: u64,
    /// All files that the app wrote, together, in bytes; holes count.
    pub output_bytes: u64,
    /// Files and folders that the app made.
    pub files: usize,
    /// One file name, in bytes of UTF-8.
    pub name_bytes: usize,
    /// Names in a path under `IEXEC_OUT`.
    pub path_depth: usize,
    /// Standard output, and likewise standard error, in bytes: what comes after is dropped.
    pub log_bytes: usize,
    /// A container image, its archive and likewise its files, in bytes.
    pub image_bytes: u64,
    /// Files, folders and links of a container image.
    pub image_files: usize,
    /// The time paid for, by the clock. Only a runtime that counts no fuel ends a run there, in a [`Fault`](crate::Fault).
    pub time: Duration,
    /// The last resort against a run that stops burning fuel. To meet it is a [`Fault`](crate::Fault) of the host.
    pub wall_time: Duration,
}

impl Limits {
    /// The limits of a task that may compute for `duration`, the `workClockTimeRef` of its category (poco.md, categories).
    pub fn for_duration(duration: Duration) -> Self {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self {
            app_bytes: 64 << 20,
            memory_bytes: 2 << 30,
            table_elements: 1 << 20,
            instances: 64,
            fuel: nanoseconds.saturating_mul(FUEL_PER_SECOND / 1_000_000_000),
            output_bytes: 1 << 30,
            files: 10_000,
            name_bytes: 255,
            path_depth: 32,
            log_bytes: 1 << 20,
            image_bytes: 8 << 30,
            image_files: 500_000,
            time: duration,
            wall_time: duration.saturating_mul(PATIENCE),
        }
    }
}

impl Default for Limits {
    /// Five minutes, the shortest category in use.
    fn default() -> Self {
        Self::for_duration(Duration::from_secs(300))
    }
}
