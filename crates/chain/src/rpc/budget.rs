//! How much a trace may remember: a contract can make a tracer copy far more than it pays for.

use super::errors::{RpcError, RpcResult};
use revm::{
    Inspector,
    interpreter::{CallInputs, CallOutcome, CreateInputs, CreateOutcome, Interpreter},
};

/// Bytes that one trace may remember.
const TRACE_BYTES: usize = 64 << 20;
/// What a step or a call takes besides its data, bytes.
const EACH: usize = 300;

/// Runs beside a tracer, counts what it remembers, and stops the transaction when that is too much.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
    /// Every step is remembered, with its stack.
    steps: bool,
    /// And with its memory.
    memory: bool,
}

impl Budget {
    /// For a tracer that remembers calls.
    pub(super) fn of_calls() -> Self {
        Self {
            left: TRACE_BYTES,
            steps: false,
            memory: false,
        }
    }

    /// For a tracer that remembers steps, perhaps with their memory.
    pub(super) fn of_steps(memory: bool) -> Self {
        Self {
            steps: true,
            memory,
            ..Self::of_calls()
        }
    }

    fn take(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes.saturating_add(EACH));
    }

    /// Refuses a trace that was stopped.
    pub(super) fn kept(&self) -> RpcResult<()> {
        if self.left == 0 {
            return Err(RpcError::limit(format!(
                "trace too large (limit {TRACE_BYTES} bytes): ask for less, with a tracer or without stack and memory"
            )));
        }
        Ok(())
    }
}

impl<C> Inspector<C> for Budget {
    fn step(&mut self, interpreter: &mut Interpreter, _: &mut C) {
        if self.steps {
            let memory = if self.memory {
                interpreter.memory.len()
            } else {
                0
            };
            self.take(interpreter.stack.len() * 32 + memory);
        }
        if self.left == 0 {
            interpreter.halt_oog();
        }
    }

    fn call(&mut self, _: &mut C, inputs: &mut CallInputs) -> Option<CallOutcome> {
        self.take(inputs.input.len());
        None
    }

    fn call_end(&mut self, _: &mut C, _: &CallInputs, outcome: &mut CallOutcome) {
        self.take(outcome.result.output.len());
    }

    fn create(&mut self, _: &mut C, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        self.take(inputs.init_code().len());
        None
    }

    fn log(&mut self, _: &mut C, log: alloy_primitives::Log) {
        self.take(log.data.data.len());
    }
}
