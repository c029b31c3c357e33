//! `canut worker unit`: the worker as a service of systemd.

use std::{env, io::Write, path::PathBuf};

use clap::Args as ClapArgs;
use eyre::{OptionExt, Result, WrapErr, bail};

use super::settings::Settings;

/// Seconds beyond those for draining, to break off what is left and remove containers.
const CLEARING: u64 = 30;

/// Print a unit of systemd that runs the worker.
///
/// Stopped or upgraded by systemctl, the worker finishes what it took; systemd waits a little longer than `drain` says.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  canut worker unit --config /etc/canut/worker.toml > /etc/systemd/system/canut-worker.service
  systemctl enable --now canut-worker")]
pub(super) struct Args {
    /// File of settings
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Prints the unit.
pub(super) fn run(args: &Args) -> Result<()> {
    let settings = Settings::default().with_file(Some(&args.config))?;
    for path in [&settings.dir, &settings.key_file].into_iter().flatten() {
        if path.is_relative() {
            bail!(
                "{} is not a whole path: systemd starts the worker in /, where it would find another; write the path from / on",
                path.display()
            );
        }
    }
    let program = env::current_exe().wrap_err("where is this program?")?;
    let config = args.config.canonicalize()?;
    let (program, config) = (quoted(&program)?, quoted(&config)?);
    let wait = settings.patience().as_secs().saturating_add(CLEARING);
    let unit = format!(
        "\
[Unit]
Description=Canut worker
Wants=network-online.target
After=network-online.target

[Service]
ExecStart={program} worker --config {config}
Restart=always
RestartSec=5
# The worker alone is told to stop. It takes no more tasks, finishes those it has, and ends its containers itself.
KillMode=mixed
KillSignal=SIGTERM
TimeoutStopSec={wait}
# An app that was killed for lack of memory does not end the worker, which answers for its votes.
OOMPolicy=continue

[Install]
WantedBy=multi-user.target
"
    );
    std::io::stdout().lock().write_all(unit.as_bytes())?;
    Ok(())
}

/// A path as systemd reads it.
fn quoted(path: &std::path::Path) -> Result<String> {
    let text = path.to_str().ok_or_eyre("a path is no text")?;
    if text.chars().any(char::is_control) {
        bail!("a path holds a control character, which no unit may");
    }
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%")
        .replace('$', "$$");
    Ok(format!("\"{escaped}\""))
}
