//! `canut relay`: carries to the hub what workers without ether have signed.

use std::{io::Write, net::SocketAddr, num::NonZeroU32};

use alloy::providers::Provider;
use canut_hub::{Caller, Hub, Sender, SenderConfig, connect};
use canut_relay::{Config, Server};
use clap::Args as ClapArgs;
use eyre::{Result, WrapErr};
use serde_json::json;

use crate::{
    logging,
    service::{ChainArgs, KeyArgs},
    signals::Signals,
};

/// Run a relay: when a pool stalls, it sends its workers' votes to the hub for those that have no ether.
///
/// Who posts the first vote on a range, and who has it decided, is given a tenth each of the stake of the pool that stalled: it
/// is paid to the relay's account on the hub. A transaction that the hub would refuse is not sent, but nothing else says what
/// one is worth: the relay may spend all the ether that its key has. Give it a key of its own, with as much as you are ready to
/// lose.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  CANUT_PRIVATE_KEY=0x… canut relay --hub 0x3eca1B216A7DF1C7689aEb259fFB83ADFB894E7f
      A relay at http://127.0.0.1:8550 over the node at ws://127.0.0.1:8545.
  canut relay --hub 0x… --key-file /run/keys/relay --listen 0.0.0.0:8550
      Workers on other machines reach it.
  canut worker --relay http://127.0.0.1:8550 …
      A worker that turns to it.

It takes errands at /carry; /status tells its account, its ether and what it carried; /health and /metrics answer on the same port.")]
pub(crate) struct Args {
    #[command(flatten)]
    chain: ChainArgs,

    #[command(flatten)]
    key: KeyArgs,

    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8550")]
    listen: SocketAddr,

    /// Requests per minute from one address; this machine is exempt
    #[arg(long, value_name = "N", default_value = "100")]
    requests_per_minute: NonZeroU32,

    /// Print one line of JSON when ready (relay, hub, account), and nothing else
    #[arg(long)]
    json: bool,
}

/// Runs the relay until it is told to stop.
pub(crate) async fn run(args: Args) -> Result<()> {
    logging::start(if args.json { "warn" } else { "info" });
    let mut signals = Signals::listen()?;
    let key = args.key.read()?;
    let ChainArgs { rpc, hub } = &args.chain;
    let provider = connect(rpc).await?;
    let hub = Hub::at(provider.clone(), *hub)
        .await
        .wrap_err_with(|| format!("there is no hub at {hub}"))?;
    let account = key.address();
    if provider.get_balance(account).await?.is_zero() {
        tracing::warn!(%account, "the relay has no ether: send it some, without it nothing is carried");
    }
    let sender = Sender::new(provider, key, SenderConfig::default()).await?;
    let config = Config {
        listen: args.listen,
        requests_per_minute: args.requests_per_minute,
        ..Config::default()
    };
    let server = Server::start(config, Caller::new(hub, sender))
        .await
        .wrap_err("the relay does not start")?;
    let url = format!("http://{}", server.address());
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(
            out,
            "{}",
            json!({ "relay": url, "hub": args.chain.hub, "account": account })
        )?;
    } else {
        writeln!(out, "Relay of {account}, listening on {url}")?;
    }
    out.flush()?;
    drop(out);
    signals.next().await;
    tracing::info!("shutting down");
    server.stop().await;
    Ok(())
}
