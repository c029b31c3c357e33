use wasmtime::ResourceLimiter;

use crate::{Fault, Limits, vfs::Stop};

/// The memory that a run may still take.
#[derive(Debug)]
pub(crate) struct Allowance {
    memory: usize,
    elements: usize,
    instances: usize,
    /// Whether the app was ever refused.
    pub(crate) refused: bool,
}

impl Allowance {
    pub(crate) fn new(limits: &Limits) -> Self {
        let size = |limit| usize::try_from(limit).unwrap_or(usize::MAX);
        Self {
            memory: size(limits.memory_bytes),
            elements: size(limits.table_elements),
            instances: limits.instances,
            refused: false,
        }
    }
}

/// Takes what `desired` adds to `current` from `left`. Growth beyond the maximum that the app itself declared fails without
/// being a refusal of ours.
fn take(
    left: &mut usize,
    refused: &mut bool,
    current: usize,
    desired: usize,
    maximum: Option<usize>,
) -> bool {
    if maximum.is_some_and(|maximum| desired > maximum) {
        return false;
    }
    let rest = left.checked_sub(desired.saturating_sub(current));
    *refused |= rest.is_none();
    *left = rest.unwrap_or(*left);
    rest.is_some()
}

impl ResourceLimiter for Allowance {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(take(
            &mut self.memory,
            &mut self.refused,
            current,
            desired,
            maximum,
        ))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(take(
            &mut self.elements,
            &mut self.refused,
            current,
            desired,
            maximum,
        ))
    }

    /// The system refused what we allowed: the app must not notice.
    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(Stop::from(Fault::Resources(error.to_string())).into())
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(Stop::from(Fault::Resources(error.to_string())).into())
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.instances
    }

    fn memories(&self) -> usize {
        self.instances
    }
}
