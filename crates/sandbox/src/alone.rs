//! Being alone in a folder.

use std::{
    fs::{File, TryLockError},
    io,
    path::Path,
    time::Duration,
};

use tokio::time::{Instant, sleep};

/// How long somebody else may still be there. Until it becomes a program of its own, a process that was just started holds
/// what the process that started it held, which may have been killed meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);
const MOMENT: Duration = Duration::from_millis(20);

/// Locks `folder` for as long as the file is open.
///
/// # Errors
///
/// Of the kind [`WouldBlock`](io::ErrorKind::WouldBlock) when somebody else is in it; else what the system says.
pub async fn alone_in(folder: &Path) -> io::Result<File> {
    let lock = File::create(folder.join("lock"))?;
    let end = Instant::now() + PATIENCE;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if Instant::now() < end => sleep(MOMENT).await,
            Err(error) => return Err(error.into()),
        }
    }
}
