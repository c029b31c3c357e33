//! `canut sdk-config`: iExec's own tools, pointed at a market.

use super::common::Common;
use canut_client::Sdk;
use clap::Args as ClapArgs;
use eyre::Result;
use serde_json::json;
use std::path::PathBuf;

/// Print the settings with which iExec's own tools (npm `iexec`) use this market.
///
/// The tools work unmodified: the hub, the market, the store and the other services speak their protocols.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  npm install --global iexec@9.0.0
  mkdir project && cd project && iexec init
  canut sdk-config --dir .
      The iexec command now uses the market of `canut up` in this folder, unless --chain names another.
  iexec wallet import KEY && iexec account deposit 100 RLC && iexec app run APP --watch
      KEY may be one that `canut up` prints; APP an app of `canut app deploy`, or of `iexec app deploy`.
  canut sdk-config --library
      For programs: new IExec({ ethProvider }, options).

An app may be a WebAssembly module in the store: \"type\": \"DOCKER\" and \"multiaddr\": \"/ipfs/Qm…\" in iexec.json. Canut looks at
the app's bytes to know what runs it. Since 9.0.1 the tools insist on tasks in an enclave (tag tee,tdx): plain tasks need 9.0.0.")]
pub(crate) struct Args {
    /// Put them into the chain.json of this folder, and make this chain the default there; its other chains stay
    #[arg(long, value_name = "FOLDER", conflicts_with = "library")]
    dir: Option<PathBuf>,

    /// Name of the chain in chain.json
    #[arg(long, value_name = "NAME", default_value = "canut")]
    name: String,

    /// Print the arguments of the library instead
    #[arg(long)]
    library: bool,

    #[command(flatten)]
    common: Common,
}

pub(crate) async fn run(
    Args {
        dir,
        name,
        library,
        common,
    }: Args,
) -> Result<()> {
    let sdk = Sdk::of(&common.network()?).await?;
    if let Some(dir) = dir {
        sdk.save(&dir, &name)?;
        let file = dir.join("chain.json");
        return common.show(&json!({ "file": file, "chain": name }), || {
            format!(
                "{} names the chain {name}, and it is the default there.",
                file.display()
            )
        });
    }
    let document = if library {
        sdk.library()
    } else {
        sdk.chain_file(&name)
    };
    common.show(&document, || format!("{document:#}"))
}
