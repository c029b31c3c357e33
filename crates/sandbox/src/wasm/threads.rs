//! Threads for runs.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError, Weak, mpsc},
    thread,
};

/// Native stack of a thread, in bytes: room for the host and the compiler. An app has a stack of its own.
const STACK: usize = 4 << 20;

/// Threads that are kept while they have nothing to do: to make one, and its stack, takes longer than many a run.
const KEPT: usize = 16;

type Work = Box<dyn FnOnce() + Send>;
type Idle = Mutex<Vec<mpsc::Sender<Work>>>;

/// Threads whose stacks are of a known size. Those that have nothing to do end with this value.
#[derive(Debug, Default)]
pub(super) struct Threads(Arc<Idle>);

impl Threads {
    /// Does `work` on a thread that does nothing else meanwhile.
    pub(super) fn run(&self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut work: Work = Box::new(work);
        while let Some(thread) = pop(&self.0) {
            match thread.send(work) {
                Ok(()) => return Ok(()),
                Err(mpsc::SendError(unsent)) => work = unsent,
            }
        }
        let idle = Arc::downgrade(&self.0);
        thread::Builder::new()
            .name("app".to_owned())
            .stack_size(STACK)
            .spawn(move || {
                let mut next = Some(work);
                while let Some(work) = next.take() {
                    work();
                    next = wait(&idle);
                }
            })
            .map(drop)
    }
}

fn pop(idle: &Idle) -> Option<mpsc::Sender<Work>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

/// What a thread is to do next; nothing when it is not to be kept.
fn wait(idle: &Weak<Idle>) -> Option<Work> {
    let (sender, work) = mpsc::channel();
    {
        let idle = idle.upgrade()?;
        let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() >= KEPT {
            return None;
        }
        idle.push(sender);
    }
    work.recv().ok()
}

#[cfg(test)]
mod tests {
    use std::thread::{ThreadId, current};

    use super::*;

    fn id(threads: &Threads, idle: usize) -> ThreadId {
        let (sender, receiver) = mpsc::channel();
        threads
            .run(move || sender.send(current().id()).unwrap())
            .unwrap();
        let id = receiver.recv().unwrap();
        while threads.0.lock().unwrap().len() < idle {
            thread::yield_now();
        }
        id
    }

    #[test]
    fn a_thread_is_used_again_and_a_panic_costs_only_its_own() {
        let threads = Threads::default();
        let first = id(&threads, 1);
        assert_eq!(id(&threads, 1), first);
        let (sender, receiver) = mpsc::channel::<()>();
        let fails = move || {
            let _sender = sender;
            panic!("a run that fails");
        };
        threads.run(fails).unwrap();
        assert!(receiver.recv().is_err());
        assert_ne!(id(&threads, 1), first);
    }

    #[test]
    fn runs_do_not_wait_for_each_other() {
        let threads = Threads::default();
        let (first, heard) = mpsc::channel();
        let (second, told) = mpsc::channel();
        threads
            .run(move || heard.recv().map(drop).unwrap())
            .unwrap();
        threads
            .run(move || {
                first.send(()).unwrap();
                second.send(()).unwrap();
            })
            .unwrap();
        told.recv().unwrap();
    }
}
