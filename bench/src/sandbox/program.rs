//! The program in its three forms.

use std::{
    fs,
    path::{Path, PathBuf},
};

use eyre::Result;
use tempfile::TempDir;

use super::{image, say};
use crate::python::{Environment, run};

/// The compiler of `apps/build`, at its version.
const COMPILER: &str = "ziglang==0.17.1\n";
/// Where the apps are.
const APPS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../apps");
const NAME: &str = "option-pricer";

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Program {
    /// Static, of this machine.
    pub(super) native: PathBuf,
    pub(super) wasm: PathBuf,
    /// A container image that holds the native one.
    pub(super) image: PathBuf,
    _folder: TempDir,
}

impl Program {
    /// Compiles it for this machine, and makes the image.
    pub(super) async fn make() -> Result<Self> {
        let folder = TempDir::new()?;
        let (native, image) = (folder.path().join(NAME), folder.path().join("image.tar"));
        let source = Path::new(APPS).join(NAME).join("main.cpp");
        let compiler = Environment::with("ziglang", COMPILER).await?;
        let cache = compiler.cache()?;
        say("compiling the program; the first time, a minute goes into the compiler's libraries");
        let mut zig = compiler.python();
        zig.args(["-m", "ziglang", "c++"])
            .arg("-target")
            .arg(format!("{}-linux-musl", std::env::consts::ARCH))
            // As `apps/build` has it. Contracted floats would be other results than WebAssembly's.
            .args([
                "-static",
                "-O2",
                "-std=c++20",
                "-s",
                "-fno-exceptions",
                "-fno-rtti",
            ])
            .arg("-ffp-contract=off")
            .arg(source)
            .arg("-o")
            .arg(&native)
            .env("ZIG_GLOBAL_CACHE_DIR", &cache)
            .env("ZIG_LOCAL_CACHE_DIR", &cache);
        run(&mut zig).await?;
        image::save(&fs::read(&native)?, &image)?;
        Ok(Self {
            native,
            wasm: Path::new(APPS).join(format!("{NAME}.wasm")),
            image,
            _folder: folder,
        })
    }
}
