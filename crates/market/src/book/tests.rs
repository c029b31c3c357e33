use alloy_primitives::U256;
use canut_protocol::{
    AppOrder, DatasetOrder, Domain, Nrlc, RequestOrder, Tag, Trust, WorkerpoolOrder,
};
use proptest::prelude::*;
use serde_json::value::to_raw_value;

use super::*;
use crate::chain::{AssetKind, Fact, Record};

const DOMAIN: Domain = Domain::new(7, Address::ZERO);

/// Few of everything, so that they meet.
fn address(which: u8) -> Address {
    Address::repeat_byte(which)
}

fn entry(order: AnyOrder, signer: Address, published: i64) -> Arc<Entry> {
    Arc::new(Entry {
        hash: order.hash(&DOMAIN),
        signer,
        published,
        json: to_raw_value(&order).unwrap(),
        order,
    })
}

fn apply(mirror: &mut Mirror, fact: Fact) -> Touched {
    let mut touched = Touched::default();
    let record = Record {
        block: 1,
        timestamp: 1,
        fact,
    };
    mirror.apply(&record, &mut touched);
    touched
}

/// Assets 1 and 2 of each kind belong to 0xA1, who has all the stake there is; so does the requester 0xB1.
fn mirror() -> Mirror {
    let mut mirror = Mirror::default();
    for kind in [AssetKind::App, AssetKind::Dataset, AssetKind::Workerpool] {
        for asset in 1..3 {
            let (asset, owner) = (address(asset), address(0xa1));
            apply(&mut mirror, Fact::Owner { kind, asset, owner });
        }
    }
    for account in [0xa1, 0xb1] {
        apply(&mut mirror, stake(Address::ZERO, address(account), 1 << 60));
    }
    mirror
}

fn stake(from: Address, to: Address, amount: u64) -> Fact {
    Fact::Stake {
        from,
        to,
        amount: Nrlc::new(amount),
    }
}

fn any_restriction() -> impl Strategy<Value = Address> {
    prop_oneof![2 => Just(Address::ZERO), 1 => Just(address(1)), 1 => Just(address(2))]
}

fn any_tag() -> impl Strategy<Value = Tag> {
    prop_oneof![2 => Just(Tag::NONE), 1 => Just(Tag::GPU), 1 => Just(Tag::TEE), 1 => Just(Tag::TEE | Tag::GPU)]
}

prop_compose! {
    fn any_order()(
        kind in 0..4u8, asset in 1..3u8, price in 0..3u64, volume in 1..4u64, tag in any_tag(),
        restricts in [any_restriction(), any_restriction(), any_restriction()],
        (category, trust) in (0..2u64, 0..4u64), salt: [u8; 32],
    ) -> AnyOrder {
        let (asset, salt) = (address(asset), salt.into());
        let (volume, price) = (U256::from(volume), Nrlc::new(price));
        let [first, second, requesterrestrict] = restricts;
        match kind {
            0 => AnyOrder::App(AppOrder {
                app: asset, appprice: price, volume, tag, salt, requesterrestrict,
                datasetrestrict: first, workerpoolrestrict: second, ..Default::default()
            }),
            1 => AnyOrder::Dataset(DatasetOrder {
                dataset: asset, datasetprice: price, volume, tag, salt, requesterrestrict,
                apprestrict: first, workerpoolrestrict: second, ..Default::default()
            }),
            2 => AnyOrder::Workerpool(WorkerpoolOrder {
                workerpool: asset, workerpoolprice: price, volume, tag, salt, requesterrestrict,
                apprestrict: first, datasetrestrict: second, category: U256::from(category), trust: Trust::new(trust),
                ..Default::default()
            }),
            _ => AnyOrder::Request(RequestOrder {
                app: asset, dataset: first, workerpool: second, requester: address(0xb1), beneficiary: requesterrestrict,
                appmaxprice: Nrlc::new(2), datasetmaxprice: Nrlc::new(2), workerpoolmaxprice: price, volume, tag, salt,
                category: U256::from(category), trust: Trust::new(trust), ..Default::default()
            }),
        }
    }
}

fn any_restrict() -> impl Strategy<Value = Restrict> {
    let address = || prop_oneof![Just(address(1)), Just(address(2))];
    prop_oneof![
        1 => Just(Restrict::Unrestricted),
        1 => address().prop_map(Restrict::Allows),
        1 => address().prop_map(Restrict::Only),
        3 => Just(Restrict::Any),
    ]
}

prop_compose! {
    fn any_filter()(
        kind in 0..4usize, resource in prop::option::of(1..3u8), signer in prop::option::of(Just(address(0xa1))),
        restricts in [any_restrict(), any_restrict(), any_restrict(), any_restrict()],
        category in prop::option::of(0..2u64), requested in prop::option::weighted(0.2, 1..3u8),
        trusts in [prop::option::weighted(0.3, 0..4u64), prop::option::weighted(0.3, 0..4u64)],
        tags in [prop::option::weighted(0.3, any_tag()), prop::option::weighted(0.3, any_tag())],
        min_volume in prop::option::weighted(0.3, 0..4u64),
    ) -> (OrderKind, Filter) {
        let kind = crate::order::KINDS[kind];
        let is_request = kind == OrderKind::Request;
        let has_category = is_request || kind == OrderKind::Workerpool;
        let filter = Filter {
            resource: resource.map(address).filter(|_| !is_request),
            signer: signer.filter(|_| !is_request),
            app: restricts[0], dataset: restricts[1], workerpool: restricts[2], requester: restricts[3],
            requested_app: requested.map(address).filter(|_| is_request),
            category: category.filter(|_| has_category),
            min_trust: trusts[0], max_trust: trusts[1], min_tag: tags[0], max_tag: tags[1], min_volume,
            ..Filter::default()
        };
        (kind, filter)
    }
}

/// The rule, order by order.
fn admits(filter: &Filter, order: &AnyOrder, listed: &Listed) -> bool {
    let is =
        |wanted: Option<Address>, address: Address| wanted.is_none_or(|wanted| wanted == address);
    is(filter.resource, order.resource())
        && is(filter.signer, listed.entry.signer)
        && filter
            .min_volume
            .is_none_or(|least| listed.remaining >= least)
        && filter
            .min_tag
            .is_none_or(|least| order.tag().contains(least))
        && filter.max_tag.is_none_or(|most| most.contains(order.tag()))
        && match order {
            AnyOrder::App(order) => {
                filter.dataset.admits(order.datasetrestrict)
                    && filter.workerpool.admits(order.workerpoolrestrict)
                    && filter.requester.admits(order.requesterrestrict)
            }
            AnyOrder::Dataset(order) => {
                filter.app.admits(order.apprestrict)
                    && filter.workerpool.admits(order.workerpoolrestrict)
                    && filter.requester.admits(order.requesterrestrict)
                    && (!filter.bulk_only || listed.entry.bulk() == Some(true))
            }
            AnyOrder::Workerpool(order) => {
                filter.app.admits(order.apprestrict)
                    && filter.dataset.admits(order.datasetrestrict)
                    && filter.requester.admits(order.requesterrestrict)
                    && filter
                        .category
                        .is_none_or(|wanted| order.category.saturating_to::<u64>() == wanted)
                    && filter
                        .min_trust
                        .is_none_or(|least| order.trust.0.saturating_to::<u64>() >= least)
            }
            AnyOrder::Request(order) => {
                is(filter.requested_app, order.app)
                    && is(filter.requested_dataset, order.dataset)
                    && is(filter.beneficiary, order.beneficiary)
                    && filter.workerpool.admits(order.workerpool)
                    && filter
                        .category
                        .is_none_or(|wanted| order.category.saturating_to::<u64>() == wanted)
                    && filter
                        .max_trust
                        .is_none_or(|most| order.trust.0.saturating_to::<u64>() <= most)
            }
        }
}

/// What changes while a book lives.
#[derive(Clone, Debug)]
enum Change {
    Insert(Box<AnyOrder>),
    Remove(prop::sample::Index),
    Consume(prop::sample::Index),
    Close(prop::sample::Index),
    Sell(u8),
    Withdraw(u64),
    Deposit(u64),
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => any_order().prop_map(|order| Change::Insert(Box::new(order))),
        1 => any::<prop::sample::Index>().prop_map(Change::Remove),
        2 => any::<prop::sample::Index>().prop_map(Change::Consume),
        1 => any::<prop::sample::Index>().prop_map(Change::Close),
        1 => (0xa1..0xa3u8).prop_map(Change::Sell),
        1 => Just(Change::Withdraw(1 << 60)),
        1 => Just(Change::Deposit(1 << 60)),
    ]
}

/// A book that lived through these changes, its mirror, and the entries left in it.
fn live(changes: &[Change]) -> (Book, Mirror, Vec<Arc<Entry>>) {
    let (mut book, mut mirror) = (Book::new(7), mirror());
    let mut entries: Vec<Arc<Entry>> = Vec::new();
    for (published, change) in (0..).zip(changes) {
        let fact = match change {
            Change::Insert(order) => {
                let signer = address(if order.kind() == OrderKind::Request {
                    0xb1
                } else {
                    0xa1
                });
                let entry = entry(AnyOrder::clone(order), signer, published / 3);
                book.insert(Arc::clone(&entry), &mirror);
                entries.push(entry);
                continue;
            }
            Change::Remove(which) if !entries.is_empty() => {
                let entry = entries.remove(which.index(entries.len()));
                book.remove(entry.hash, &mirror);
                continue;
            }
            Change::Consume(which) if !entries.is_empty() => Fact::Matched {
                orders: std::array::from_fn(|place| {
                    let hash = which.get(&entries).hash;
                    if place == 0 {
                        hash
                    } else {
                        OrderHash::default()
                    }
                }),
                volume: 1,
                category: 0,
                price: Nrlc::ZERO,
            },
            Change::Close(which) if !entries.is_empty() => Fact::Closed(which.get(&entries).hash),
            Change::Remove(_) | Change::Consume(_) | Change::Close(_) => continue,
            Change::Sell(owner) => Fact::Owner {
                kind: AssetKind::App,
                asset: address(1),
                owner: address(*owner),
            },
            Change::Withdraw(amount) => stake(address(0xa1), Address::ZERO, *amount),
            Change::Deposit(amount) => stake(Address::ZERO, address(0xa1), *amount),
        };
        let touched = apply(&mut mirror, fact);
        book.refresh(&touched, &mirror);
    }
    (book, mirror, entries)
}

proptest! {
    #[test]
    fn a_list_is_what_looking_at_every_order_finds(
        changes in prop::collection::vec(any_change(), 0..60), (kind, filter) in any_filter(), skip in 0..4usize, limit in 0..9usize,
    ) {
        let (book, _, entries) = live(&changes);
        let mut expected: Vec<_> = entries
            .iter()
            .filter_map(|entry| book.get(entry.hash))
            .filter(|listed| listed.entry.kind() == kind && listed.status == Status::Open && admits(&filter, &listed.entry.order, listed))
            .collect();
        expected.sort_by_key(|listed| {
            let price: i64 = listed.entry.order.price().0.to();
            let price = if kind == OrderKind::Request { -price } else { price };
            (price, listed.entry.published, listed.entry.hash)
        });
        let page = book.list(kind, &filter, skip, limit);
        prop_assert_eq!(page.count, expected.len());
        let hashes = |orders: Vec<&Arc<Listed>>| orders.iter().map(|listed| listed.entry.hash).collect::<Vec<_>>();
        let expected = expected.into_iter().skip(skip).take(limit).collect();
        prop_assert_eq!(hashes(page.orders.iter().collect()), hashes(expected));
    }

    #[test]
    fn a_book_that_lived_equals_one_built_from_nothing_in_any_order(
        changes in prop::collection::vec(any_change(), 0..60), backwards: bool,
    ) {
        let (book, mirror, mut entries) = live(&changes);
        if backwards {
            entries.reverse();
        }
        let mut fresh = Book::new(7);
        for entry in &entries {
            fresh.insert(Arc::clone(entry), &mirror);
        }
        for entry in &entries {
            let standing = |book: &Book| book.get(entry.hash).map(|listed| (listed.status, listed.remaining));
            prop_assert_eq!(standing(&book), standing(&fresh), "{:?}", entry.order);
        }
        for kind in crate::order::KINDS {
            let open = |book: &Book| {
                book.open().orders(kind, Facet::All).map(|listed| (listed.entry.hash, listed.remaining)).collect::<Vec<_>>()
            };
            prop_assert_eq!(open(&book), open(&fresh));
        }
    }
}
