//! Bounds on what comes from outside.

/// What one request, one block or one walk may cost. The defaults hold any file that Kubo's `add`
/// makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one block, read or written.
    pub block: usize,
    /// Bytes of one upload, all files together; also the largest file that is read.
    pub upload: u64,
    /// Files and folders of one upload; also the entries of one folder when it is listed.
    pub entries: usize,
    /// Bytes of one entry's name.
    pub name: usize,
    /// Depth of folders in a path, and of a file's tree of blocks.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            block: 1 << 20,
            upload: 64 << 30,
            entries: 100_000,
            name: 255,
            depth: 32,
        }
    }
}

impl Limits {
    pub(crate) fn check(value: u64, limit: u64, what: &'static str) -> crate::Result<()> {
        if value > limit {
            Err(crate::Error::TooLarge { what, limit })
        } else {
            Ok(())
        }
    }
}
