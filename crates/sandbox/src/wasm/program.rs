//! Compiled apps, kept by the hash of their bytes.

use std::{
    collections::HashMap,
    fs,
    io::Read,
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use sha2::{Digest, Sha256};
use wasmtime::{
    Engine, InstancePre, Module,
    component::{self, Component},
};
use wasmtime_wasi::p2::bindings::CommandPre;

use super::{nan, p1, p2};
use crate::{Failure, Fault, Limits};

/// Programs kept in memory. Compiled code is larger than the app, so this bounds memory too.
const KEPT: usize = 32;

/// An app, compiled and linked.
pub(super) enum Program {
    /// A core module for WASI preview 1.
    Module(InstancePre<p1::Guest>),
    /// A component for WASI preview 2.
    Component(CommandPre<p2::Guest>),
}

/// Why an app is no program: the failure, and the words of the compiler.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    pub(super) failure: Failure,
    pub(super) detail: Option<String>,
}

type Compiled = Result<Arc<Program>, Refused>;
type Slot = Arc<OnceLock<Compiled>>;

/// The programs of one engine.
///
/// Two layers: linked programs in memory, the least recently used given up first; and below, when the runtime has a cache
/// folder, wasmtime's own cache of machine code on disk. That cache names each file by the hash of the module, the
/// compiler's version and every setting of the engine, writes it aside and renames it, and compiles anew what it cannot
/// decode, so concurrent writers and truncated files do no harm.
pub(super) struct Programs {
    engine: Engine,
    modules: wasmtime::Linker<p1::Guest>,
    components: component::Linker<p2::Guest>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    slots: HashMap<[u8; 32], (u64, Slot)>,
    uses: u64,
}

impl Programs {
    pub(super) fn new(engine: &Engine) -> wasmtime::Result<Self> {
        Ok(Self {
            engine: engine.clone(),
            modules: p1::linker(engine)?,
            components: p2::linker(engine)?,
            kept: Mutex::default(),
        })
    }

    /// The program in the file at `path`. Of several runs that want a new one at once, one compiles and the others wait.
    pub(super) fn load(&self, path: &Path, limits: &Limits) -> Result<Compiled, Fault> {
        let mut bytes = Vec::new();
        let file = fs::File::open(path).map_err(Fault::disk(path))?;
        let size = file.metadata().map_err(Fault::disk(path))?.len();
        let size = usize::try_from(size.min(limits.app_bytes)).unwrap_or_default();
        // One more, so that the end is seen in the same breath.
        bytes.reserve_exact(size.saturating_add(1));
        file.take(limits.app_bytes.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(Fault::disk(path))?;
        if bytes.len() as u64 > limits.app_bytes {
            let failure = Failure::AppTooLarge {
                limit: limits.app_bytes,
            };
            return Ok(Err(Refused {
                failure,
                detail: None,
            }));
        }
        let slot = self.slot(Sha256::digest(&bytes).into());
        Ok(slot.get_or_init(|| self.compile(&bytes)).clone())
    }

    fn slot(&self, hash: [u8; 32]) -> Slot {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.uses += 1;
        let now = kept.uses;
        if !kept.slots.contains_key(&hash)
            && kept.slots.len() >= KEPT
            && let Some(oldest) = kept
                .slots
                .iter()
                .min_by_key(|(_, (used, _))| *used)
                .map(|(hash, _)| *hash)
        {
            kept.slots.remove(&oldest);
        }
        let (used, slot) = kept.slots.entry(hash).or_default();
        *used = now;
        Arc::clone(slot)
    }

    fn compile(&self, bytes: &[u8]) -> Compiled {
        let program = nan::canonical(bytes, self.engine.get_wasm_features()).and_then(|bytes| {
            if nan::is_component(&bytes) {
                Component::from_binary(&self.engine, &bytes)
                    .and_then(|component| self.components.instantiate_pre(&component))
                    .and_then(CommandPre::new)
                    .map(Program::Component)
            } else {
                let module = Module::from_binary(&self.engine, &bytes)?;
                p1::check(&module)?;
                self.modules.instantiate_pre(&module).map(Program::Module)
            }
        });
        program.map(Arc::new).map_err(|error| Refused {
            failure: Failure::InvalidApp,
            detail: Some(format!("{error:#}")),
        })
    }
}

impl std::fmt::Debug for Programs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Programs").finish_non_exhaustive()
    }
}
