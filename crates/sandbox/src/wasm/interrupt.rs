//! The end of a run from outside.
//!
//! A run pauses whenever it has burnt some fuel, and after each call of the host; then it looks whether it is to stop.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
};

use crate::{FUEL_PER_SECOND, Fault};

/// Fuel between two pauses: about a millisecond.
pub(super) const STRETCH: u64 = FUEL_PER_SECOND / 1000;

/// Stops one run from outside. To drop it stops the run too.
#[derive(Debug, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

/// The end of an [`Interrupt`] that the run looks at.
#[derive(Debug, Clone)]
pub(super) struct Interrupted(Arc<AtomicBool>);

impl Interrupt {
    pub(super) fn new() -> (Self, Interrupted) {
        let interrupt = Self::default();
        let interrupted = Interrupted(Arc::clone(&interrupt.0));
        (interrupt, interrupted)
    }

    /// The run stops at its next pause.
    pub(super) fn raise(&self) {
        self.0.store(true, SeqCst);
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.raise();
    }
}

impl Interrupted {
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.0.load(SeqCst) {
            Err(Fault::Cancelled)
        } else {
            Ok(())
        }
    }

    /// Goes on with `run` until it ends, and gives it up in a pause when it is to stop. It waits for nothing but itself.
    pub(super) fn drive<T>(&self, run: impl Future<Output = T>) -> Result<T, Fault> {
        let mut run = pin!(run);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            self.check()?;
            if let Poll::Ready(end) = run.as_mut().poll(&mut context) {
                return Ok(end);
            }
        }
    }
}
