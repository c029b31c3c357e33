//! Guests written in a few lines of WebAssembly text, and a place to run them.

use std::{fmt, fs, path::Path, sync::LazyLock};

use alloy_primitives::B256;
use canut_sandbox::{Failure, Fault, Job, Limits, Outcome, Runtime, WasmRuntime};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
};
use wit_component::ComponentEncoder;

/// One engine for all tests: it takes a while to make.
pub(crate) static RUNTIME: LazyLock<WasmRuntime> =
    LazyLock::new(|| WasmRuntime::new(None).unwrap());

/// What every guest has: system calls under short names, and a few helpers.
const PRELUDE: &str = include_str!("prelude.wat");
/// Where the strings of a guest begin.
const STRINGS: usize = 4096;

/// A guest under construction.
#[derive(Default)]
pub(crate) struct Guest {
    strings: String,
    functions: String,
    main: String,
}

/// A string in the memory of a guest. It prints as the two arguments, address and length, of a system call.
#[derive(Clone, Copy)]
pub(crate) struct Text {
    address: usize,
    length: usize,
}

impl Text {
    pub(crate) fn address(self) -> usize {
        self.address
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "(i32.const {}) (i32.const {})",
            self.address, self.length
        )
    }
}

impl Guest {
    pub(crate) fn text(&mut self, text: &str) -> Text {
        let text_at = Text {
            address: STRINGS + self.strings.len(),
            length: text.len(),
        };
        self.strings += text;
        text_at
    }

    /// Adds instructions to the main function, which has the locals `$a` to `$d` (i32) and `$n` (i64).
    pub(crate) fn main(mut self, instructions: impl fmt::Display) -> Self {
        self.main += &instructions.to_string();
        self
    }

    pub(crate) fn functions(mut self, functions: &str) -> Self {
        self.functions += functions;
        self
    }

    /// Ends with a good `computed.json` that names the whole output folder.
    pub(crate) fn done(self) -> Self {
        self.main("(call $done)")
    }

    pub(crate) fn module(&self) -> Vec<u8> {
        let Self {
            strings,
            functions,
            main,
        } = self;
        let data: String = strings
            .bytes()
            .map(|byte| format!("\\{byte:02x}"))
            .collect();
        let text = format!(
            "(module {PRELUDE} (data (i32.const {STRINGS}) \"{data}\") {functions}
             (func (export \"_start\") (local $a i32) (local $b i32) (local $c i32) (local $d i32) (local $n i64) {main}))"
        );
        wat::parse_str(text).unwrap()
    }

    /// The same guest as a component: its calls of preview 1 become calls of preview 2.
    pub(crate) fn component(&self) -> Vec<u8> {
        ComponentEncoder::default()
            .module(&self.module())
            .unwrap()
            .adapter(
                WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
                WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
            )
            .unwrap()
            .encode()
            .unwrap()
    }
}

/// Folders to run an app in.
pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) job: Job,
    pub(crate) limits: Limits,
}

impl Bench {
    pub(crate) fn new(app: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("in")).unwrap();
        fs::create_dir(at("out")).unwrap();
        fs::write(at("app.wasm"), app).unwrap();
        let job = Job {
            task: B256::repeat_byte(1).into(),
            deal: B256::repeat_byte(2).into(),
            ..Job::plain(at("app.wasm"), at("in"), at("out"))
        };
        Self {
            folder,
            job,
            limits: limits(),
        }
    }

    pub(crate) fn input(mut self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        fs::write(self.job.input.join(name), bytes).unwrap();
        self.job.inputs.push(name.to_owned());
        self
    }

    pub(crate) fn arguments(mut self, arguments: &str) -> Self {
        self.job.arguments = canut_sandbox::split_arguments(arguments).unwrap();
        self
    }

    pub(crate) fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    pub(crate) fn run(&self) -> Result<Outcome, Fault> {
        self.run_in(&RUNTIME)
    }

    pub(crate) fn run_in(&self, runtime: &WasmRuntime) -> Result<Outcome, Fault> {
        let tokio = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let outcome = tokio.block_on(runtime.run(&self.job, &self.limits));
        let scratch = fs::read_dir(self.folder.path()).unwrap().filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .starts_with(".run-")
        });
        assert_eq!(scratch.count(), 0, "the scratch folder is gone after a run");
        if let Ok(outcome) = &outcome {
            lay_out(&self.job.output, outcome);
        }
        outcome
    }

    pub(crate) fn output(&self, name: impl AsRef<Path>) -> Vec<u8> {
        fs::read(self.job.output.join(name)).unwrap()
    }
}

/// Writes a result that is in memory to the output folder.
pub(crate) fn lay_out(output: &Path, outcome: &Outcome) {
    for file in &outcome.files {
        let (path, bytes) = (output.join(&file.path), file.read(output).unwrap());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Small limits, so that tests that meet them are quick.
pub(crate) fn limits() -> Limits {
    Limits {
        fuel: 100_000_000,
        memory_bytes: 64 << 20,
        table_elements: 10_000,
        output_bytes: 16 << 20,
        files: 100,
        ..Limits::default()
    }
}

/// Runs a guest as a module and as a component, and wants both to succeed.
pub(crate) fn succeeds(guest: &Guest) {
    for app in [guest.module(), guest.component()] {
        let outcome = Bench::new(&app).run().unwrap();
        assert!(outcome.verdict.is_ok(), "{outcome:?}");
    }
}

/// Runs a guest as a module and as a component, and wants both to fail alike.
pub(crate) fn fails(guest: &Guest, expected: &Failure) {
    for app in [guest.module(), guest.component()] {
        let outcome = Bench::new(&app).run().unwrap();
        assert_eq!(outcome.verdict.as_ref(), Err(expected), "{outcome:?}");
        assert_eq!(outcome.digest, expected.digest());
    }
}
