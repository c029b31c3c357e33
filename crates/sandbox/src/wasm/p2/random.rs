use std::convert::Infallible;

use canut_protocol::TaskId;
use chacha20::ChaCha20Rng;
use rand_core::{Rng, TryRng};

use crate::wasm::world::{self, Meter};

/// The random numbers of a task, paid by the byte. wasmtime-wasi draws a word for each byte that it gives.
pub(super) struct Metered {
    random: ChaCha20Rng,
    meter: Meter,
}

impl Metered {
    pub(super) fn new(task: TaskId, meter: &Meter) -> Self {
        Self {
            random: world::random(task),
            meter: meter.clone(),
        }
    }
}

impl TryRng for Metered {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.meter.moved(4);
        Ok(self.random.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.meter.moved(8);
        Ok(self.random.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.meter.moved(bytes.len() as u64);
        self.random.fill_bytes(bytes);
        Ok(())
    }
}
