//! Gas of Canut's hub beside that of PoCo's contracts, as npm publishes them.
//!
//! Both sides stand on the same EVM and the same token, are brought to the same steady state, and then receive the same
//! transactions: same orders, same results, same order of phases. A transaction's gas is what
//! its sender pays for: intrinsic gas included, refunds deducted.

mod bags;
mod basics;
mod certificates;
mod matches;
mod sheet;
mod steady;
mod tasks;

use canut_tests::artifact::ArtifactError;
use canut_tests::market::{Coin, Market, Side};
use sheet::Sheet;

/// What to measure and how to show it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// One line of JSON: `contribute` and `reveal` are means over the three workers of a task, `finalize` is that of
    /// the same task, `task_N` is a whole task with N workers from match to money, `bag_100_3` is a whole bag of 100
    /// tasks with 3 workers each. `certificate_1_3` is the settlement of one task by the signed votes of 3 workers,
    /// `certificate_100_3` and `certificate_1000_3` a task of such a bag with its share of the match; beside them is what
    /// the same takes with PoCo.
    #[arg(long)]
    json: bool,
}

/// Measures both sides and prints what was found.
pub(crate) fn run(args: &Args) -> Result<(), ArtifactError> {
    let ours = measure(Side::Canut)?;
    let poco = measure(Side::Poco)?;
    if args.json {
        println!("{}", sheet::json(&ours, &poco));
    } else {
        println!("{}", sheet::table(&ours, &poco));
    }
    Ok(())
}

fn measure(side: Side) -> Result<Sheet, ArtifactError> {
    let mut fresh = Market::deploy(side, Coin::Faucet)?;
    let mut sheet = Sheet::default();
    basics::measure(&mut sheet, &fresh);
    steady::reach(&mut sheet, &mut fresh);
    let steady = fresh;
    matches::measure(&mut sheet, &steady);
    tasks::measure(&mut sheet, &steady);
    bags::measure(&mut sheet, &steady);
    certificates::measure(&mut sheet, &steady);
    Ok(sheet)
}
