//! Puts either side's contracts on the chain.

use std::collections::BTreeSet;
use std::path::PathBuf;

use alloy::primitives::{Address, Bytes, FixedBytes};
use alloy::sol;
use alloy::sol_types::SolValue;

use crate::abi::Hub;
use crate::actor::Actor;
use crate::artifact::{Artifact, ArtifactError, root};
use crate::world::World;

/// Whose contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Canut's, from `contracts/artifacts`.
    Canut,
    /// PoCo's, as its npm package has them.
    Poco,
}

/// Which RLC token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coin {
    /// Canut's test token.
    Canut,
    /// The token PoCo's own tests use (npm `rlc-faucet-contract`).
    Faucet,
    /// One that is deployed already.
    Other(Address),
}

/// Where everything was deployed.
#[derive(Debug)]
pub(super) struct Contracts {
    pub(super) hub: Address,
    pub(super) token: Address,
    /// App, dataset, workerpool.
    pub(super) registries: [Address; 3],
}

impl Side {
    /// A compiled contract of this side, by the name it has there.
    ///
    /// # Errors
    ///
    /// When it is not there.
    pub fn artifact(self, name: &str) -> Result<Artifact, ArtifactError> {
        Artifact::load(&match self {
            Self::Canut => root()
                .join("../contracts/artifacts")
                .join(format!("{name}.json")),
            Self::Poco => poco(name),
        })
    }

    /// The artifact that holds the hub's whole interface.
    #[must_use]
    pub const fn interface(self) -> &'static str {
        match self {
            Self::Canut => "IHub",
            Self::Poco => "IexecInterfaceToken",
        }
    }
}

fn poco(name: &str) -> PathBuf {
    let package = root().join("node_modules/.poco");
    let folder = match name {
        // Pieces that come from the diamond library are only among the records of past deployments.
        "OwnershipFacet" | "DiamondLoupeFacet" => {
            return package.join(format!("deployments/arbitrum/{name}.json"));
        }
        "AppRegistry" | "App" => "registries/apps/",
        "DatasetRegistry" | "Dataset" => "registries/datasets/",
        "WorkerpoolRegistry" | "Workerpool" => "registries/workerpools/",
        "IexecLibOrders_v5" => "libs/",
        "Diamond" | "IexecInterfaceToken" => "",
        _ if name.ends_with("Facet") => "facets/",
        _ => "tools/testing/",
    };
    package.join(format!(
        "artifacts/contracts/{folder}{name}.sol/{name}.json"
    ))
}

pub(super) fn deploy(
    world: &mut World,
    side: Side,
    coin: Coin,
) -> Result<Contracts, ArtifactError> {
    let token = match coin {
        Coin::Canut => {
            let holder = Actor::Admin.address().abi_encode();
            create(world, &Side::Canut.artifact("RLC")?, &[], &holder)?
        }
        Coin::Faucet => {
            let path = root().join("node_modules/.rlc/build/contracts/RLC.json");
            create(world, &Artifact::load(&path)?, &[], &[])?
        }
        Coin::Other(token) => token,
    };
    let hub = match side {
        Side::Canut => canut(world)?,
        Side::Poco => diamond(world)?,
    };
    let mut registry = |name| {
        let owner = Actor::Admin.address().abi_encode();
        let arguments: &[u8] = if side == Side::Canut { &owner } else { &[] };
        create(world, &side.artifact(name)?, &[], arguments)
    };
    let registries = [
        registry("AppRegistry")?,
        registry("DatasetRegistry")?,
        registry("WorkerpoolRegistry")?,
    ];
    Ok(Contracts {
        hub,
        token,
        registries,
    })
}

/// Canut's hub: a chain of contracts, each passing on what it does not answer.
fn canut(world: &mut World) -> Result<Address, ArtifactError> {
    let artifact = |name| Side::Canut.artifact(name);
    let views = create(world, &artifact("Views")?, &[], &[])?;
    let certificates = create(world, &artifact("Certificates")?, &[], &views.abi_encode())?;
    let market = create(world, &artifact("Market")?, &[], &certificates.abi_encode())?;
    create(
        world,
        &artifact("Hub")?,
        &[],
        &(market, Actor::Admin.address()).abi_encode_params(),
    )
}

sol! {
    struct FacetCut { address facetAddress; uint8 action; bytes4[] functionSelectors; }
    struct DiamondArgs { address owner; address init; bytes initCalldata; }
}

/// PoCo's hub: a diamond with every facet of token mode cut in at construction.
fn diamond(world: &mut World) -> Result<Address, ArtifactError> {
    let library = create(world, &Side::Poco.artifact("IexecLibOrders_v5")?, &[], &[])?;
    let mut taken = BTreeSet::new();
    let mut cuts = Vec::new();
    for name in FACETS {
        let facet = Side::Poco.artifact(name)?;
        let address = create(world, &facet, &[("IexecLibOrders_v5", library)], &[])?;
        let mut selectors: Vec<FixedBytes<4>> =
            facet.abi.functions().map(|f| f.selector()).collect();
        if facet.abi.receive.is_some() {
            selectors.push([0; 4].into());
        }
        if facet.abi.fallback.is_some() {
            selectors.push([0xff; 4].into());
        }
        selectors.retain(|selector| taken.insert(*selector));
        cuts.push(FacetCut {
            facetAddress: address,
            action: 0,
            functionSelectors: selectors,
        });
    }
    let arguments = DiamondArgs {
        owner: Actor::Admin.address(),
        init: Address::ZERO,
        initCalldata: Bytes::new(),
    };
    create(
        world,
        &Side::Poco.artifact("Diamond")?,
        &[],
        &(cuts, arguments).abi_encode_params(),
    )
}

const FACETS: [&str; 13] = [
    "DiamondLoupeFacet",
    "OwnershipFacet",
    "IexecAccessorsABILegacyFacet",
    "IexecCategoryManagerFacet",
    "IexecConfigurationFacet",
    "IexecConfigurationExtraFacet",
    "IexecERC20Facet",
    "IexecEscrowTokenFacet",
    "IexecOrderManagementFacet",
    "IexecPoco1Facet",
    "IexecPoco2Facet",
    "IexecPocoAccessorsFacet",
    "IexecRelayFacet",
];

fn create(
    world: &mut World,
    contract: &Artifact,
    libraries: &[(&str, Address)],
    arguments: &[u8],
) -> Result<Address, ArtifactError> {
    let code = [&contract.code(libraries)?, arguments].concat();
    Ok(world.deploy(Actor::Admin.address(), code.into()).0)
}

/// What the hub's owner does once.
pub(super) fn configuration(contracts: [Address; 4]) -> Hub::configureCall {
    let [token, apps, datasets, pools] = contracts;
    Hub::configureCall {
        token,
        name: "Staked RLC".into(),
        symbol: "SRLC".into(),
        decimals: 9,
        apps,
        datasets,
        pools,
        previous: Address::ZERO,
    }
}
