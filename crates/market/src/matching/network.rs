//! Flows of least cost, by successive shortest paths (Jewell 1962): each step sends what fits along the cheapest path that is
//! left, and may take back runs sent before. Costs of an arc rise with its flow, because its lots are sorted by price, so
//! every flow on the way is the cheapest of its size.

use std::collections::HashMap;

use super::offers::Lot;

/// A place runs flow through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Node {
    Source,
    App(usize),
    PoolIn(usize),
    PoolOut(usize),
    Dataset(usize),
    Sink,
}

/// A directed connection.
#[derive(Debug)]
struct Arc {
    from: usize,
    to: usize,
    flow: u64,
    /// Lots by price; none for an arc that is free and without limit.
    lots: Option<Vec<Lot>>,
    /// The lot that the next run comes from, and how much of it flows already.
    next: (usize, u64),
}

/// Which way along an arc.
#[derive(Clone, Copy, Debug)]
enum Way {
    Forth,
    Back,
}

#[derive(Debug, Default)]
pub(super) struct Network {
    names: HashMap<Node, usize>,
    nodes: Vec<Node>,
    arcs: Vec<Arc>,
}

impl Network {
    /// An arc on which each run costs the price of its lot.
    pub(super) fn sell(&mut self, from: Node, to: Node, lots: &[Lot]) {
        self.connect(from, to, Some(lots.to_vec()));
    }

    /// An arc without cost or limit.
    pub(super) fn link(&mut self, from: Node, to: Node) {
        self.connect(from, to, None);
    }

    fn connect(&mut self, from: Node, to: Node, lots: Option<Vec<Lot>>) {
        let (from, to) = (self.index(from), self.index(to));
        self.arcs.push(Arc {
            from,
            to,
            flow: 0,
            lots,
            next: (0, 0),
        });
    }

    fn index(&mut self, node: Node) -> usize {
        *self.names.entry(node).or_insert_with(|| {
            self.nodes.push(node);
            self.nodes.len() - 1
        })
    }

    /// Sends up to `volume` runs from source to sink as cheaply as can be; how many, and what they cost.
    pub(super) fn flow(&mut self, volume: u64) -> (u64, i128) {
        let (mut sent, mut cost) = (0, 0);
        while sent < volume {
            let Some((path, price)) = self.cheapest_path() else {
                break;
            };
            let room = path
                .iter()
                .filter_map(|(arc, way)| Some(self.arcs.get(*arc)?.step(*way)?.1));
            let runs = room.fold(volume - sent, u64::min);
            for (arc, way) in path {
                if let Some(arc) = self.arcs.get_mut(arc) {
                    arc.send(way, runs);
                }
            }
            sent += runs;
            cost += price * i128::from(runs);
        }
        (sent, cost)
    }

    /// What flows on the arcs without cost.
    pub(super) fn links(&self) -> Vec<(Node, Node, u64)> {
        let used = self
            .arcs
            .iter()
            .filter(|arc| arc.lots.is_none() && arc.flow > 0);
        let named = used.filter_map(|arc| {
            Some((
                *self.nodes.get(arc.from)?,
                *self.nodes.get(arc.to)?,
                arc.flow,
            ))
        });
        named.collect()
    }

    /// The cheapest path with room, from the source to the sink (Bellman and Ford: taking back has negative cost).
    fn cheapest_path(&self) -> Option<(Vec<(usize, Way)>, i128)> {
        let (source, sink) = (
            *self.names.get(&Node::Source)?,
            *self.names.get(&Node::Sink)?,
        );
        let mut reached: Vec<Option<i128>> = vec![None; self.nodes.len()];
        let mut through: Vec<Option<(usize, Way)>> = vec![None; self.nodes.len()];
        *reached.get_mut(source)? = Some(0);
        let mut changed = true;
        while changed {
            changed = false;
            for (index, arc) in self.arcs.iter().enumerate() {
                for (way, from, to) in [
                    (Way::Forth, arc.from, arc.to),
                    (Way::Back, arc.to, arc.from),
                ] {
                    let (Some(at), Some((price, _))) =
                        (reached.get(from).copied().flatten(), arc.step(way))
                    else {
                        continue;
                    };
                    let known = reached.get_mut(to)?;
                    if known.is_none_or(|known| at + price < known) {
                        *known = Some(at + price);
                        *through.get_mut(to)? = Some((index, way));
                        changed = true;
                    }
                }
            }
        }
        let price = reached.get(sink).copied().flatten()?;
        let mut path = Vec::new();
        let mut node = sink;
        while node != source {
            let (index, way) = through.get(node).copied().flatten()?;
            let arc = self.arcs.get(index)?;
            node = match way {
                Way::Forth => arc.from,
                Way::Back => arc.to,
            };
            path.push((index, way));
        }
        Some((path, price))
    }
}

impl Arc {
    /// Price of the next run that way, and for how many runs it holds.
    fn step(&self, way: Way) -> Option<(i128, u64)> {
        let Some(lots) = &self.lots else {
            return match way {
                Way::Forth => Some((0, u64::MAX)),
                Way::Back => (self.flow > 0).then_some((0, self.flow)),
            };
        };
        let (index, used) = self.next;
        match way {
            Way::Forth => lots.get(index).map(|lot| (price(lot), lot.volume - used)),
            Way::Back if used > 0 => lots.get(index).map(|lot| (-price(lot), used)),
            Way::Back => {
                let lot = lots.get(index.checked_sub(1)?)?;
                Some((-price(lot), lot.volume))
            }
        }
    }

    /// Sends `runs` that way; no more than [`step`](Self::step) says.
    fn send(&mut self, way: Way, runs: u64) {
        match way {
            Way::Forth => self.flow += runs,
            Way::Back => self.flow -= runs,
        }
        let Some(lots) = &self.lots else {
            return;
        };
        let (index, used) = self.next;
        self.next = match way {
            Way::Forth if lots.get(index).is_some_and(|lot| used + runs == lot.volume) => {
                (index + 1, 0)
            }
            Way::Forth => (index, used + runs),
            Way::Back if used > 0 => (index, used - runs),
            Way::Back => {
                let before = index.saturating_sub(1);
                (before, lots.get(before).map_or(0, |lot| lot.volume - runs))
            }
        };
    }
}

/// Prices have at most 96 bits on the hub, and 53 in the book.
fn price(lot: &Lot) -> i128 {
    i128::try_from(lot.price.0).unwrap_or(i128::MAX / 8)
}
