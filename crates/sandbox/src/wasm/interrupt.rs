use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use wasmtime::{Engine, Store, UpdateDeadline};

use crate::{Fault, vfs::Stop};

/// Stops one run from outside. To drop it stops the run too.
#[derive(Debug)]
pub(super) struct Interrupt {
    raised: Arc<AtomicBool>,
    engine: Engine,
}

/// The end of an [`Interrupt`] that the run looks at.
#[derive(Debug, Clone)]
pub(super) struct Interrupted(Arc<AtomicBool>);

impl Interrupt {
    pub(super) fn new(engine: &Engine) -> (Self, Interrupted) {
        let raised = Arc::new(AtomicBool::new(false));
        (
            Self {
                raised: Arc::clone(&raised),
                engine: engine.clone(),
            },
            Interrupted(raised),
        )
    }

    /// Every run of the engine looks up at its next loop or call; this one stops.
    pub(super) fn raise(&self) {
        self.raised.store(true, SeqCst);
        self.engine.increment_epoch();
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

    /// Makes the code in `store` look.
    pub(super) fn watch<T>(&self, store: &mut Store<T>) -> Result<(), Fault> {
        let interrupted = self.clone();
        store.epoch_deadline_callback(move |_| match interrupted.check() {
            Ok(()) => Ok(UpdateDeadline::Continue(1)),
            Err(fault) => Err(Stop::from(fault).into()),
        });
        store.set_epoch_deadline(1);
        // Raised before the deadline was set: the epoch it moved is behind us.
        self.check()
    }
}
