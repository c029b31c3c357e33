//! `canut order`: signed orders, as files and on the market.

use super::common::Common;
use alloy_primitives::{Address, B256, U256};
use canut_client::{Account, Listed, Target, Tradable, kind_name, salt};
use canut_protocol::{
    AppOrder, DatasetOrder, OrderHash, RequestOrder, WorkerpoolOrder, order::OrderKind,
};
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use eyre::{Result, WrapErr, bail, eyre};
use serde_json::{Value, json};
use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Sign an order that is written in a file, and print it.
    Sign(File),
    /// Publish a signed order.
    Publish(File),
    /// Take an order, or all of an asset, back from the market. The chain does not know: see `cancel`.
    Unpublish(Unpublish),
    /// Close an order on the chain, for good: nobody can match it any more.
    Cancel(Cancel),
    /// Show an order of the market, and what is left of it on the chain.
    Show(One),
    /// Match four orders of the market, now. Whoever asked pays; of somebody else's request, you do.
    Fill(Fill),
}

/// The four kinds of orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    App,
    Dataset,
    Workerpool,
    Request,
}

impl From<Kind> for OrderKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::App => Self::App,
            Kind::Dataset => Self::Dataset,
            Kind::Workerpool => Self::Workerpool,
            Kind::Request => Self::Request,
        }
    }
}

/// An order in a file, in the JSON of iExec's SDK.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  canut order sign app order.json >signed.json && canut order publish app signed.json
      order.json: {\"app\":\"0x…\",\"appprice\":0,\"volume\":100}
      What is left out is zero: no restriction, no tag; a salt is made when there is none.")]
pub(crate) struct File {
    /// Kind of the order
    kind: Kind,
    /// The file; - for standard input
    file: PathBuf,
    #[command(flatten)]
    common: Common,
}

/// Take orders back from the market.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  canut order unpublish app 0x(64 digits)\n  canut order unpublish app --all 0x5FbDB2315678afecb367f032d93F642f64180aa3"
)]
pub(crate) struct Unpublish {
    /// Kind of the order
    kind: Kind,
    /// Hash of the order
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    hash: Option<OrderHash>,
    /// All orders of this asset; of requests, all of this account's
    #[arg(long, value_name = "ADDRESS", value_parser = super::common::address)]
    all: Option<Address>,
    #[command(flatten)]
    common: Common,
}

/// Close an order for good, on the chain.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples:\n  canut order cancel workerpool 0x(64 digits)\n  canut order cancel app order.json"
)]
pub(crate) struct Cancel {
    /// Kind of the order
    kind: Kind,
    /// Its hash, if the market has it; else the file that holds it, - for standard input
    #[arg(value_name = "HASH|FILE")]
    order: String,
    #[command(flatten)]
    common: Common,
}

/// An order of the market.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  canut order show workerpool 0x(64 digits)")]
pub(crate) struct One {
    /// Kind of the order
    kind: Kind,
    /// Hash of the order
    hash: OrderHash,
    #[command(flatten)]
    common: Common,
}

/// Match four orders of the market.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  canut order fill --app 0x… --workerpool 0x… --request 0x…")]
pub(crate) struct Fill {
    /// Hash of the app's order
    #[arg(long, value_name = "HASH")]
    app: OrderHash,
    /// Hash of the dataset's order, if the request wants one
    #[arg(long, value_name = "HASH")]
    dataset: Option<OrderHash>,
    /// Hash of the workerpool's order
    #[arg(long, value_name = "HASH")]
    workerpool: OrderHash,
    /// Hash of the request
    #[arg(long, value_name = "HASH")]
    request: OrderHash,
    #[command(flatten)]
    common: Common,
}

/// Runs `$body` with `$order` standing for the type of the kind.
macro_rules! of_kind {
    ($kind:expr, $order:ident => $body:expr) => {
        match $kind {
            Kind::App => {
                type $order = AppOrder;
                $body
            }
            Kind::Dataset => {
                type $order = DatasetOrder;
                $body
            }
            Kind::Workerpool => {
                type $order = WorkerpoolOrder;
                $body
            }
            Kind::Request => {
                type $order = RequestOrder;
                $body
            }
        }
    };
}

pub(crate) async fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Sign(File { kind, file, common }) => {
            let (account, value) = (common.account().await?, read(&file)?);
            of_kind!(kind, O => sign::<O>(&common, &account, value))
        }
        Verb::Publish(File { kind, file, common }) => {
            let (account, value) = (common.account().await?, read(&file)?);
            of_kind!(kind, O => publish::<O>(&common, &account, value).await)
        }
        Verb::Unpublish(Unpublish {
            kind,
            hash,
            all,
            common,
        }) => {
            let target = match (hash, all) {
                (Some(hash), _) => Target::Order(hash),
                (None, Some(asset)) => Target::All(asset),
                (None, None) => bail!("name an order, or an asset with --all"),
            };
            let gone = common
                .account()
                .await?
                .unpublish(kind.into(), target)
                .await?;
            let document = json!({ "unpublished": gone });
            common.show(&document, || {
                format!("{} taken back from the market. Copies can still be matched: to close an order for good, use `canut order cancel` with a copy of it.", gone.len())
            })
        }
        Verb::Cancel(Cancel {
            kind,
            order,
            common,
        }) => {
            of_kind!(kind, O => cancel::<O>(&common, &order).await)
        }
        Verb::Show(One { kind, hash, common }) => {
            of_kind!(kind, O => show::<O>(&common, hash).await)
        }
        Verb::Fill(fill) => self::fill(fill).await,
    }
}

/// Largest file of an order, in bytes.
const MAX_FILE: u64 = 1 << 20;

fn read(file: &Path) -> Result<Value> {
    let mut text = String::new();
    let source: Box<dyn Read> = if file.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(fs::File::open(file).wrap_err_with(|| file.display().to_string())?)
    };
    let name = match file.to_str() {
        Some("-") => "standard input".to_owned(),
        _ => file.display().to_string(),
    };
    source
        .take(MAX_FILE)
        .read_to_string(&mut text)
        .wrap_err_with(|| name.clone())?;
    serde_json::from_str(&text).wrap_err_with(|| format!("{name} holds no order"))
}

/// An order that was signed.
fn signed<O: Tradable>(value: Value) -> Result<O> {
    let kind = kind_name(O::KIND);
    let sign = value.get("sign").and_then(Value::as_str);
    if sign.is_none_or(|sign| sign.len() <= "0x".len()) {
        bail!("the order is not signed: `canut order sign {kind} FILE` does it");
    }
    serde_json::from_value(value).wrap_err_with(|| format!("this is no {kind} order"))
}

/// Completes what is left out, with zero and a fresh salt.
fn complete<O: Tradable + Default>(value: Value, domain: &canut_protocol::Domain) -> Result<O> {
    let Value::Object(given) = value else {
        bail!("an order is a JSON object: {{\"app\": \"0x…\", …}}")
    };
    let mut fields = match serde_json::to_value(O::default())? {
        Value::Object(fields) => fields,
        _ => serde_json::Map::new(),
    };
    fields.insert("salt".into(), json!(salt()));
    fields.insert("volume".into(), json!(1));
    let kind = kind_name(O::KIND);
    let read =
        |fields: &serde_json::Map<_, _>| serde_json::from_value(Value::Object(fields.clone()));
    for (name, value) in given {
        if !fields.contains_key(&name) {
            bail!("`{name}` is no field of the {kind} order");
        }
        fields.insert(name.clone(), value);
        let _: O =
            read(&fields).wrap_err_with(|| format!("`{name}` of the order cannot be read"))?;
    }
    let order: O = read(&fields)?;
    if order.resource().is_zero() {
        let name = if O::KIND == OrderKind::Request {
            "requester"
        } else {
            kind
        };
        bail!("the order is of nobody: give it `{name}`");
    }
    // A placeholder is as good as no salt.
    if order.volume() == U256::ZERO || order.hash(domain).0 == B256::ZERO {
        bail!("the order is for nothing: give it a volume of 1 or more");
    }
    Ok(order)
}

fn sign<O: Tradable + Default>(common: &Common, account: &Account, value: Value) -> Result<()> {
    let order: O = account.sign(complete(value, &account.client().hub().domain())?)?;
    // The order itself, in either form: it is made to be kept in a file.
    common.show(&order, || {
        serde_json::to_string_pretty(&order).unwrap_or_default()
    })
}

async fn publish<O: Tradable>(common: &Common, account: &Account, value: Value) -> Result<()> {
    let order: O = signed(value)?;
    super::asset::published(common, &account.publish(&order).await?)
}

async fn find<O: Tradable>(common: &Common, hash: OrderHash) -> Result<Listed<O>> {
    let found = common.client().await?.market()?.order(hash).await?;
    found.ok_or_else(|| {
        eyre!(
            "the market has no {} order {hash}: it was taken back, or is of another kind",
            kind_name(O::KIND)
        )
    })
}

async fn cancel<O: Tradable>(common: &Common, named: &str) -> Result<()> {
    let account = common.account().await?;
    let order: O = match named.parse() {
        Ok(hash) => find::<O>(common, hash).await?.order,
        Err(_) if named != "-" && !Path::new(named).exists() => {
            bail!("`{named}` is neither the hash of an order (0x and 64 digits) nor a file")
        }
        Err(_) => signed(read(Path::new(named))?)?,
    };
    let hash = order.hash(&account.client().hub().domain());
    let consumed = account.client().consumed(hash).await?;
    let transaction = if U256::from(consumed) < order.volume() {
        Some(account.cancel(&order).await?.transaction)
    } else {
        None
    };
    let document = json!({ "order": hash, "transaction": transaction });
    common.show(&document, || match transaction {
        Some(transaction) => {
            format!("Order {hash} is closed for good (transaction {transaction}).")
        }
        None => format!("Order {hash} was closed or used up before: nobody can match it."),
    })
}

async fn show<O: Tradable>(common: &Common, hash: OrderHash) -> Result<()> {
    let listed = find::<O>(common, hash).await?;
    let consumed = common.client().await?.consumed(hash).await?;
    let document = json!({ "listed": listed, "consumed": consumed });
    common.show(&document, || {
        let order = serde_json::to_string_pretty(&listed.order).unwrap_or_default();
        format!(
            "Order      {hash}\nStatus     {}, {} left on the market, {consumed} consumed on the chain\nSigner     {}\nPublished  {}\n{order}",
            listed.status, listed.remaining, listed.signer, listed.publication_timestamp
        )
    })
}

async fn fill(
    Fill {
        app,
        dataset,
        workerpool,
        request,
        common,
    }: Fill,
) -> Result<()> {
    let account = common.account().await?;
    let orders = account.collect(app, dataset, workerpool, request).await?;
    let bought = account.fill(&orders).await?;
    common.show(&bought, || {
        format!(
            "Deal {} of {} tasks for {} (transaction {}). `canut deal watch {}` follows it.",
            bought.deal, bought.tasks, bought.cost, bought.transaction, bought.deal
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use canut_protocol::Domain;

    #[test]
    fn what_an_order_leaves_out_is_zero_and_a_typo_is_pointed_out() {
        let domain = Domain::new(1, Address::ZERO);
        let app = Address::repeat_byte(7);
        let order: AppOrder = complete(json!({ "app": app, "appprice": 5 }), &domain).unwrap();
        assert_eq!(
            (order.app, order.volume, order.requesterrestrict),
            (app, U256::ONE, Address::ZERO)
        );
        let other: AppOrder = complete(json!({ "app": app, "appprice": 5 }), &domain).unwrap();
        assert_ne!(order.salt, other.salt);
        let told = complete::<AppOrder>(json!({ "price": 5 }), &domain)
            .unwrap_err()
            .to_string();
        assert!(told.contains("`price`"), "{told}");
        assert!(complete::<AppOrder>(json!({ "volume": 0 }), &domain).is_err());
        assert!(complete::<AppOrder>(json!([]), &domain).is_err());
        let told = |value| format!("{:#}", complete::<AppOrder>(value, &domain).unwrap_err());
        assert!(told(json!({ "app": "0x12" })).contains("`app`"));
        assert!(told(json!({ "volume": 5 })).contains("give it `app`"));
        let draft = signed::<AppOrder>(json!({ "app": app })).unwrap_err();
        assert!(
            draft.to_string().contains("canut order sign app"),
            "{draft}"
        );
        let other = signed::<DatasetOrder>(json!({ "app": app, "sign": "0x12" })).unwrap_err();
        assert!(other.to_string().contains("no dataset order"), "{other}");
    }
}
