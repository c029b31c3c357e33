//! `canut receipt` and `canut verify`: why a result can be believed, in a file.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use alloy_primitives::B256;
use canut_client::{Client, read_receipt, verify_archive, verify_receipt};
use canut_protocol::receipt::{Check, MAX_RECEIPT, Outcome, Receipt, Report};
use clap::Args as ClapArgs;
use eyre::{Result, WrapErr, bail};
use serde_json::{Value, json};

use super::{
    clock,
    common::{Common, note},
    task::Named,
};

/// Write the receipt of a task: everything that shows why its result was certified and paid.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  canut receipt 0x(64 digits of the deal):3 > receipt.json
      The receipt, for tasks that were settled by certificate.
  canut verify receipt.json --block-hash 0x(64 digits)
      Anyone can check it, without asking anybody, who knows the hash of the block.")]
pub(crate) struct Make {
    /// Its id, or DEAL:INDEX
    task: Named,
    #[command(flatten)]
    common: Common,
}

/// Check a receipt: offline against the hash of a block that you trust, or else against a node.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  canut verify receipt.json --hub 0x(40 digits) --block-hash 0x(64 digits)
      Without any network. Both must come from somebody that you trust, and not from the receipt.
  canut verify receipt.json --rpc http://127.0.0.1:8545 --archive result.zip
      Against a node, which also says whether the settlement was contested; and a file against the receipt.

Each of twelve checks that fails says what that means and what to do. The status is 0 only if nothing failed.")]
pub(crate) struct Verify {
    /// The receipt; - reads standard input
    file: PathBuf,
    /// Hash of a block that you trust. Repeat it when a receipt names two
    #[arg(long, value_name = "HASH")]
    block_hash: Vec<B256>,
    /// The plain archive of the result, to be compared with the receipt
    #[arg(long, value_name = "FILE")]
    archive: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

pub(crate) async fn make(Make { task, common }: Make) -> Result<()> {
    let receipt = common.client().await?.receipt(task.0).await?;
    let mut out = std::io::stdout().lock();
    let text = if common.json {
        serde_json::to_string(&receipt)?
    } else {
        serde_json::to_string_pretty(&receipt)?
    };
    writeln!(out, "{text}").and_then(|()| out.flush())?;
    if !common.json {
        for (block, hash) in blocks(&receipt) {
            note(&format!("It is checked against block {block}, {hash}"));
        }
    }
    Ok(())
}

pub(crate) async fn verify(args: Verify) -> Result<()> {
    let receipt =
        read_receipt(&read(&args.file)?).wrap_err_with(|| args.file.display().to_string())?;
    // A contract of somebody's own could say anything.
    if let Some(hub) = args.common.hub().filter(|hub| *hub != receipt.hub) {
        bail!(
            "the receipt is of hub {}, and not of {hub}: it says nothing about this market",
            receipt.hub
        );
    }
    let mut report = if args.block_hash.is_empty() {
        let network = args
            .common
            .network_of(receipt.hub)
            .wrap_err("nothing to check it against: give --block-hash, or a node with --rpc")?;
        Client::connect(&network)
            .await?
            .verify_receipt(&receipt)
            .await?
    } else {
        let trusted: BTreeSet<_> = args.block_hash.iter().copied().collect();
        verify_receipt(&receipt, &trusted)
    };
    if let Some(archive) = &args.archive {
        report.set(Check::Archive, verify_archive(&receipt, archive)?);
    }
    let known = args.common.hub().is_some();
    let open = receipt
        .contestable_until()
        .filter(|until| *until > clock::now());
    args.common.show(&document(&receipt, &report, open), || {
        text(&receipt, &report, known, open)
    })?;
    if report.holds() {
        return Ok(());
    }
    bail!("the receipt does not hold: do not rely on this result")
}

/// The blocks that a receipt is checked against.
fn blocks(receipt: &Receipt) -> BTreeSet<(u64, B256)> {
    let (settlement, terms) = (&receipt.settlement, &receipt.terms);
    BTreeSet::from([
        (settlement.block, settlement.block_hash),
        (terms.block, terms.block_hash),
    ])
}

fn read(file: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than is taken, so that too many are noticed.
    let limit = MAX_RECEIPT as u64 + 1;
    if file == Path::new("-") {
        std::io::stdin().take(limit).read_to_end(&mut bytes)
    } else {
        fs::File::open(file).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    }
    .wrap_err_with(|| format!("reading {}", file.display()))?;
    Ok(bytes)
}

fn document(receipt: &Receipt, report: &Report, open: Option<u64>) -> Value {
    let checks = report.0.iter().map(|finding| {
        let mut check = json!(finding);
        check["number"] = finding.check.number().into();
        if matches!(finding.outcome, Outcome::Failed(_)) {
            check["means"] = finding.check.means().into();
            check["remedy"] = finding.check.remedy().into();
        }
        check
    });
    json!({
        "task": receipt.taskid,
        "chainId": receipt.chain_id,
        "hub": receipt.hub,
        "holds": report.holds(),
        "contestableUntil": open,
        "blocks": blocks(receipt).into_iter().map(|(number, hash)| json!({ "number": number, "hash": hash })).collect::<Vec<_>>(),
        "checks": checks.collect::<Vec<_>>(),
    })
}

fn text(receipt: &Receipt, report: &Report, known: bool, open: Option<u64>) -> String {
    let Receipt {
        index,
        dealid,
        result,
        reached,
        hub,
        chain_id,
        ..
    } = receipt;
    let mut text = format!(
        "Receipt of task {index} of deal {dealid}\n  hub         {hub} on chain {chain_id}\n  result      {}\n  trust       {} reached, {} needed, by {} votes\n",
        result.cid,
        reached.reached,
        reached.required,
        receipt.votes.len(),
    );
    for finding in &report.0 {
        let (number, check) = (finding.check.number(), finding.check);
        text += &match &finding.outcome {
            Outcome::Passed => format!("  {number:2} ok        {}\n", check.holds()),
            Outcome::Unchecked(why) => format!("  {number:2} not asked {why}\n"),
            Outcome::Failed(why) => format!(
                "  {number:2} FAILED    {}: {why}\n               {}\n",
                check.means(),
                check.remedy()
            ),
        };
    }
    if !known {
        text += "Make sure that this is the hub you know, or name that with --hub.\n";
    }
    if let Some(until) = open {
        let until = clock::deadline(until, clock::now());
        text += &format!("It may still be contested until {until}.\n");
    }
    text
}
