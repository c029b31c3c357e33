//! One function, rewritten.

use std::{
    collections::{HashMap, hash_map::Entry},
    mem,
};

use wasm_encoder::{Encode, Instruction};
use wasmparser::{FuncValidator, FunctionBody, Operator, ValType, ValidatorResources};

use super::{
    flow::Flow,
    operators::{Act, Nan, Shape, act},
};

/// How many times larger than the function what is made of it may be, before it is made in the plain way.
const GROWTH: usize = 32;

/// Locals that are followed at most. A function may have so many more that to look at them once takes longer than to compile it.
const LOCALS: u32 = 4096;

/// The function `body` with canonical floats. `validator` is new.
///
/// # Errors
///
/// When it is invalid.
pub(super) fn rewrite(
    body: &FunctionBody<'_>,
    mut validator: FuncValidator<ValidatorResources>,
) -> wasmtime::Result<Vec<u8>> {
    let parameters = validator.len_locals();
    validator.read_locals(&mut body.get_binary_reader())?;
    let mut flow = Flow::new(body.as_bytes().len());
    let locals = if validator.len_locals() <= LOCALS {
        locals(&validator, parameters)
    } else {
        flow.give_up();
        Vec::new()
    };
    while !flow.exhausted() {
        let code = Pass::new(&validator, &locals, Some(&mut flow)).run(body)?;
        if !flow.changed() && !flow.exhausted() {
            return Ok(code);
        }
    }
    Pass::new(&validator, &[], None).run(body)
}

/// What is known of the locals at first, up to the last that is a float. Those after the first `parameters` are zero.
fn locals(validator: &FuncValidator<ValidatorResources>, parameters: u32) -> Vec<Nan> {
    let float = |local| {
        let value = validator.get_local_type(local);
        matches!(value, Some(ValType::F32 | ValType::F64))
    };
    let count = (0..validator.len_locals()).rfind(|local| float(*local));
    (0..count.map_or(0, |last| last + 1))
        .map(|local| {
            if local >= parameters && float(local) {
                Nan::Canonical
            } else {
                Nan::Exact
            }
        })
        .collect()
}

/// A block, a loop or an `if`.
#[derive(Debug)]
struct Frame {
    label: usize,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Block,
    Loop,
    /// With what the locals were when it began; from its `else` on, it is a block.
    If(Vec<Nan>),
}

/// One way through the function, from its beginning to its end.
struct Pass<'a> {
    validator: FuncValidator<ValidatorResources>,
    /// Without it, floats are made canonical as soon as they are computed.
    flow: Option<&'a mut Flow>,
    /// What is known of the values on the stack.
    stack: Vec<Nan>,
    /// What is known of the locals, up to the last that is a float.
    locals: Vec<Nan>,
    frames: Vec<Frame>,
    /// Labels so far.
    labels: usize,
    code: Vec<u8>,
    /// Locals of our own, by type and number.
    own: HashMap<(u8, usize), u32>,
    /// The types of our own locals.
    types: Vec<u8>,
}

impl<'a> Pass<'a> {
    fn new(
        validator: &FuncValidator<ValidatorResources>,
        locals: &[Nan],
        flow: Option<&'a mut Flow>,
    ) -> Self {
        Self {
            validator: validator.clone(),
            flow,
            stack: Vec::new(),
            locals: locals.to_vec(),
            frames: Vec::new(),
            labels: 0,
            code: Vec::new(),
            own: HashMap::new(),
            types: Vec::new(),
        }
    }

    fn run(mut self, body: &FunctionBody<'_>) -> wasmtime::Result<Vec<u8>> {
        let (bytes, base) = (body.as_bytes(), body.range().start);
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let at = operators.original_position();
            let operator = operators.read()?;
            let own = &bytes[at - base..operators.original_position() - base];
            self.step(&operator, at, own)?;
            if let Some(flow) = &mut self.flow {
                flow.pay(own.len());
                if self.code.len() > bytes.len().saturating_mul(GROWTH) {
                    flow.give_up();
                }
                if flow.exhausted() {
                    break;
                }
            }
        }
        self.function(body)
    }

    /// The function: its locals and ours, and the code.
    fn function(mut self, body: &FunctionBody<'_>) -> wasmtime::Result<Vec<u8>> {
        let (bytes, base) = (body.as_bytes(), body.range().start);
        let declared = body.get_locals_reader()?;
        let groups = declared.original_position() - base;
        let operators = body.get_operators_reader()?.original_position() - base;
        let mut function = Vec::new();
        let count = u32::try_from(self.own.len())?.saturating_add(declared.get_count());
        count.encode(&mut function);
        function.extend(&bytes[groups..operators]);
        for value in &self.types {
            function.extend([1, *value]);
        }
        function.append(&mut self.code);
        Ok(function)
    }

    /// One operator: what must be done before it, itself, and what is known after.
    fn step(&mut self, operator: &Operator<'_>, at: usize, bytes: &[u8]) -> wasmtime::Result<()> {
        let live = self.is_live();
        let taken = match operator.operator_arity(&self.validator) {
            Some((taken, _)) if live => (taken as usize).min(self.stack.len()),
            _ => 0,
        };
        if let Some(flow) = &mut self.flow {
            flow.pay(taken);
        }
        let given = if live {
            self.prepare(operator, taken)?
        } else {
            Nan::Exact
        };
        self.code.extend(bytes);
        self.validator.op(at, operator)?;
        let height = self.validator.operand_stack_height() as usize;
        self.stack.truncate((self.stack.len() - taken).min(height));
        let gives = height > self.stack.len();
        self.stack.resize(height, Nan::Exact);
        if gives && let Some(top) = self.stack.last_mut() {
            *top = given;
            if let Nan::Loose(shape) = given
                && self.flow.is_none()
            {
                *top = settled(shape);
                self.make_canonical(shape)?;
            }
        }
        self.structure(operator);
        Ok(())
    }

    /// Whether what follows can be reached, as far as the rules of validation see.
    fn is_live(&self) -> bool {
        let frame = self.validator.get_control_frame(0);
        frame.is_some_and(|frame| !frame.unreachable)
    }

    /// Makes canonical what `operator` would show, and says what it gives, if it gives one value.
    fn prepare(&mut self, operator: &Operator<'_>, taken: usize) -> wasmtime::Result<Nan> {
        Ok(match act(operator) {
            Act::Drops => Nan::Exact,
            Act::Makes(nan) => nan,
            Act::Gets(local) => self.local(local),
            Act::Computes { takes, gives } => {
                self.settle(taken, Some(takes))?;
                gives
            }
            Act::Unsigns(shape) => {
                self.settle(taken, Some(shape))?;
                self.stack.last().copied().unwrap_or(Nan::Exact)
            }
            Act::Chooses => self.choose(taken)?,
            Act::Sets(local) | Act::Tees(local) => self.assign(local, taken)?,
            Act::Sees => {
                self.settle(taken, None)?;
                self.branch(operator)?;
                Nan::Exact
            }
        })
    }

    fn local(&self, local: u32) -> Nan {
        let known = self.locals.get(local as usize);
        known.copied().unwrap_or(Nan::Exact)
    }

    /// The one of two values that a condition chooses.
    fn choose(&mut self, taken: usize) -> wasmtime::Result<Nan> {
        let either = match self.stack.as_slice() {
            [.., one, other, _] => one.or(*other),
            _ => Nan::Exact,
        };
        if either == Nan::Exact {
            self.settle(taken, None)?;
        }
        Ok(either)
    }

    /// What a local gets, and a `local.tee` gives.
    fn assign(&mut self, local: u32, taken: usize) -> wasmtime::Result<Nan> {
        let scalar = match self.stack.last() {
            Some(Nan::Loose(shape @ (Shape::F32 | Shape::F64))) => Some(*shape),
            _ => None,
        };
        self.settle(taken, scalar)?;
        let nan = self.stack.last().copied().unwrap_or(Nan::Exact);
        if let Some(known) = self.locals.get_mut(local as usize) {
            *known = nan;
        }
        Ok(nan)
    }

    /// Makes the first `count` values of the stack canonical where they are loose and of another shape than `but`.
    fn settle(&mut self, count: usize, but: Option<Shape>) -> wasmtime::Result<()> {
        let unsettled = |nan: Nan| match nan {
            Nan::Loose(shape) if Some(shape) != but => Some(shape),
            _ => None,
        };
        let height = self.stack.len();
        let mut taken = self.stack[height - count..].iter();
        let Some(deepest) = taken.position(|nan| unsettled(*nan).is_some()) else {
            return Ok(());
        };
        // What lies above the deepest of them is put aside meanwhile.
        let above = count - 1 - deepest;
        let mut aside = Vec::new();
        for depth in 0..=above {
            let place = height - 1 - depth;
            if let Some(shape) = unsettled(self.stack[place]) {
                self.make_canonical(shape)?;
                self.stack[place] = settled(shape);
            }
            if depth < above {
                let value = self.validator.get_operand_type(depth).flatten();
                let own = self.own(value, depth + 1)?;
                Instruction::LocalSet(own).encode(&mut self.code);
                aside.push(own);
            }
        }
        for own in aside.into_iter().rev() {
            Instruction::LocalGet(own).encode(&mut self.code);
        }
        Ok(())
    }

    /// Makes the float on top of the stack canonical.
    fn make_canonical(&mut self, shape: Shape) -> wasmtime::Result<()> {
        let scratch = self.own(Some(shape.value_type()), 0)?;
        for instruction in shape.canonical(scratch) {
            instruction.encode(&mut self.code);
        }
        Ok(())
    }

    /// One of our own locals, by its type and number.
    fn own(&mut self, value: Option<ValType>, number: usize) -> wasmtime::Result<u32> {
        let code = match value {
            Some(ValType::I32) => 0x7f,
            Some(ValType::I64) => 0x7e,
            Some(ValType::F32) => 0x7d,
            Some(ValType::F64) => 0x7c,
            Some(ValType::V128) => 0x7b,
            Some(ValType::FUNCREF) => 0x70,
            Some(ValType::EXTERNREF) => 0x6f,
            // It cannot be put aside, so it should not have to be.
            _ => {
                if let Some(flow) = &mut self.flow {
                    flow.give_up();
                }
                return Ok(0);
            }
        };
        let next = u32::try_from(self.types.len())?.saturating_add(self.validator.len_locals());
        Ok(match self.own.entry((code, number)) {
            Entry::Occupied(own) => *own.get(),
            Entry::Vacant(free) => {
                self.types.push(code);
                *free.insert(next)
            }
        })
    }

    /// A way leads to the label so many frames up; beyond them it leaves the function.
    fn leave_for(&mut self, depth: u32) -> wasmtime::Result<()> {
        let frame = self.frames.iter().rev().nth(depth as usize);
        match frame.map(|frame| frame.label) {
            Some(label) => self.lead_to(label),
            None => Ok(()),
        }
    }

    fn lead_to(&mut self, label: usize) -> wasmtime::Result<()> {
        let Some(flow) = &mut self.flow else {
            return Ok(());
        };
        for (place, shape) in flow.meet(label, &self.locals) {
            let local = u32::try_from(place)?;
            Instruction::LocalGet(local).encode(&mut self.code);
            self.make_canonical(shape)?;
            Instruction::LocalSet(local).encode(&mut self.code);
            self.locals[place] = settled(shape);
        }
        Ok(())
    }

    /// Follows the ways that `operator` opens, before it.
    fn branch(&mut self, operator: &Operator<'_>) -> wasmtime::Result<()> {
        let needs = |flow: &&mut Flow| flow.needs_if(self.labels);
        match operator {
            Operator::Loop { .. } => self.lead_to(self.labels),
            Operator::If { .. } if self.flow.as_ref().is_some_and(needs) => {
                self.lead_to(self.labels)
            }
            Operator::Else | Operator::End => match self.frames.last() {
                Some(Frame {
                    kind: Kind::Loop, ..
                }) => Ok(()),
                _ => self.leave_for(0),
            },
            Operator::Br { relative_depth }
            | Operator::BrIf { relative_depth }
            | Operator::BrOnNull { relative_depth }
            | Operator::BrOnNonNull { relative_depth }
            | Operator::BrOnCast { relative_depth, .. }
            | Operator::BrOnCastFail { relative_depth, .. } => self.leave_for(*relative_depth),
            Operator::BrTable { targets } => {
                let mut depths = targets.targets().collect::<Result<Vec<_>, _>>()?;
                depths.push(targets.default());
                depths.sort_unstable();
                depths.dedup();
                depths
                    .into_iter()
                    .try_for_each(|depth| self.leave_for(depth))
            }
            _ => Ok(()),
        }
    }

    /// Follows the nesting of the function, after `operator`.
    fn structure(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Block { .. } => self.enter(Kind::Block),
            Operator::Loop { .. } => {
                let label = self.labels;
                self.enter(Kind::Loop);
                self.arrive(label);
            }
            Operator::If { .. } => {
                if let Some(flow) = &mut self.flow {
                    flow.pay(self.locals.len());
                }
                self.enter(Kind::If(self.locals.clone()));
            }
            Operator::Else => {
                if let Some(frame) = self.frames.last_mut()
                    && let Kind::If(before) = mem::replace(&mut frame.kind, Kind::Block)
                {
                    self.locals = before;
                }
            }
            Operator::End => match self.frames.pop() {
                None
                | Some(Frame {
                    kind: Kind::Loop, ..
                }) => {}
                Some(Frame { label, kind }) => {
                    // A way leads here from the beginning of an `if` without `else`.
                    if let Some(flow) = &mut self.flow
                        && let Kind::If(before) = kind
                        && !flow.meet(label, &before).is_empty()
                    {
                        flow.leads_from_if(label);
                    }
                    self.arrive(label);
                }
            },
            _ => {}
        }
    }

    fn enter(&mut self, kind: Kind) {
        let label = self.labels;
        self.labels += 1;
        self.frames.push(Frame { label, kind });
    }

    /// Goes on at a label.
    fn arrive(&mut self, label: usize) {
        if let Some(flow) = &mut self.flow
            && let Some(locals) = flow.at(label)
        {
            self.locals = locals;
        }
    }
}

/// What a loose float is when it was made canonical. Of a vector it is not told for which of its shapes.
fn settled(shape: Shape) -> Nan {
    match shape {
        Shape::F32 | Shape::F64 => Nan::Canonical,
        Shape::F32x4 | Shape::F64x2 => Nan::Exact,
    }
}
