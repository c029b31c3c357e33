//! What is known of the locals of a function where ways meet.
//!
//! A local that is [loose](Nan::Loose) on one way and [exact](Nan::Exact) on another is exact where they meet, so the first
//! way must make it canonical before. Which it is shows only when all ways are known, those back to a loop among them. So the
//! function is gone through again, with what was found, until nothing new is found.

use super::operators::{Nan, Shape};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Flow {
    labels: Vec<Label>,
    /// Whether something was found that the way so far did not know.
    changed: bool,
    /// Locals that may still be looked at, operands and bytes: a function that wants more is not worth it.
    left: usize,
}

#[derive(Debug, Clone, Default)]
struct Label {
    /// `None`: no way leads there, as far as is known.
    locals: Option<Vec<Nan>>,
    /// It belongs to an `if` without `else`, before which locals must be made canonical.
    needs_if: bool,
}

impl Flow {
    /// The flow of a function of so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            labels: Vec::new(),
            changed: false,
            left: bytes
                .saturating_mul(256)
                .saturating_add(1 << 16)
                .min(1 << 27),
        }
    }

    /// Whether the last way through found something new, and takes note of that.
    pub(super) fn changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Takes the price of looking at so many locals, operands or bytes.
    pub(super) fn pay(&mut self, locals: usize) {
        self.left = self.left.saturating_sub(locals);
    }

    /// It is not worth it.
    pub(super) fn give_up(&mut self) {
        self.left = 0;
    }

    /// Whether there was too much to look at.
    pub(super) fn exhausted(&self) -> bool {
        self.left == 0
    }

    /// A way leads to `label`, with such `locals`. Gives those that must be made canonical first.
    pub(super) fn meet(&mut self, label: usize, locals: &[Nan]) -> Vec<(usize, Shape)> {
        self.pay(locals.len());
        let known = &mut slot(&mut self.labels, label).locals;
        let known = known.get_or_insert_with(|| locals.to_vec());
        for (known, nan) in known.iter_mut().zip(locals) {
            if nan > known {
                *known = *nan;
                self.changed = true;
            }
        }
        let pairs = known.iter().zip(locals).enumerate();
        pairs
            .filter_map(|(local, pair)| match pair {
                (Nan::Exact, Nan::Loose(shape)) => Some((local, *shape)),
                _ => None,
            })
            .collect()
    }

    /// What the locals are at `label`, if a way leads there.
    pub(super) fn at(&mut self, label: usize) -> Option<Vec<Nan>> {
        let found = self.labels.get(label)?.locals.clone()?;
        self.pay(found.len());
        Some(found)
    }

    /// Whether locals must be made canonical before the `if` that ends at `label`, as it has no `else` in which to do so.
    pub(super) fn needs_if(&self, label: usize) -> bool {
        self.labels.get(label).is_some_and(|label| label.needs_if)
    }

    /// Locals must be made canonical before the `if` that ends at `label`.
    pub(super) fn leads_from_if(&mut self, label: usize) {
        let label = slot(&mut self.labels, label);
        self.changed |= !label.needs_if;
        label.needs_if = true;
    }
}

fn slot(labels: &mut Vec<Label>, label: usize) -> &mut Label {
    if labels.len() <= label {
        labels.resize(label + 1, Label::default());
    }
    &mut labels[label]
}
