//! Programs at random: floats that go every way that a function has.

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, ExportKind, ExportSection, Function,
    FunctionSection, GlobalSection, GlobalType, Instruction as I, MemArg, MemorySection,
    MemoryType, Module, TypeSection, ValType,
};

/// Locals of `main`, and as many of each type as there are; the first of `helper` are its parameters.
const F64: [u32; 3] = [0, 1, 2];
const F32: [u32; 2] = [3, 4];
const V128: [u32; 2] = [5, 6];
/// Counters of loops, one for each depth.
const COUNTERS: u32 = 7;
/// How deep blocks are nested, and expressions.
const DEPTH: u32 = 4;

/// What bytes at random spell.
#[derive(Debug)]
pub(super) struct Program<'a> {
    seed: std::slice::Iter<'a, u8>,
    code: Vec<I<'static>>,
    /// Blocks around, each with whether it is a loop.
    around: Vec<bool>,
}

impl<'a> Program<'a> {
    pub(super) fn new(seed: &'a [u8]) -> Self {
        Self {
            seed: seed.iter(),
            code: Vec::new(),
            around: Vec::new(),
        }
    }

    /// The module: memory 0 to 127 holds floats, NaNs among them; what `main` leaves stands behind.
    pub(super) fn module(mut self) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        types.ty().function(
            [ValType::F64, ValType::F64, ValType::F64, ValType::F32],
            [ValType::F64],
        );
        types
            .ty()
            .function([ValType::F64], [ValType::F32, ValType::F64]);
        let mut functions = FunctionSection::new();
        functions.function(0).function(1);
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: 1,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        let mut globals = GlobalSection::new();
        let kind = GlobalType {
            val_type: ValType::F64,
            mutable: true,
            shared: false,
        };
        globals.global(kind, &ConstExpr::f64_const(1.5.into()));
        let mut exports = ExportSection::new();
        exports
            .export("memory", ExportKind::Memory, 0)
            .export("main", ExportKind::Func, 0);
        let mut data = DataSection::new();
        data.active(0, &ConstExpr::i32_const(0), floats());
        let mut code = CodeSection::new();
        let all = self.seed.as_slice();
        // Every other program has more locals than are followed.
        let crowd = u32::try_from(all.len() % 2 * 5_000).unwrap();
        let locals = [
            (3, ValType::F64),
            (2, ValType::F32),
            (2, ValType::V128),
            (DEPTH + 1, ValType::I32),
            (crowd, ValType::F64),
        ];
        let (main, helper) = all.split_at(all.len() / 5 * 4);
        self.seed = main.iter();
        while !self.seed.as_slice().is_empty() {
            self.statement(DEPTH, true);
        }
        self.leave();
        code.function(&function(&locals, std::mem::take(&mut self.code)));
        self.seed = helper.iter();
        while !self.seed.as_slice().is_empty() {
            self.statement(2, false);
        }
        self.f64(2, false);
        let locals = [(1, ValType::F32), locals[2], locals[3]];
        code.function(&function(&locals, self.code));
        let mut module = Module::new();
        module
            .section(&types)
            .section(&functions)
            .section(&memories)
            .section(&globals);
        module.section(&exports).section(&code).section(&data);
        module.finish()
    }

    /// A choice among `count`; the first when there is nothing left to choose by.
    fn pick(&mut self, count: u32) -> u32 {
        self.seed.next().map_or(0, |byte| u32::from(*byte) % count)
    }

    fn of(&mut self, among: &[u32]) -> u32 {
        among[self.pick(among.len() as u32) as usize]
    }

    fn op(&mut self, among: &[I<'static>]) {
        let choice = self.pick(among.len() as u32) as usize;
        self.code.push(among[choice].clone());
    }

    fn put(&mut self, instructions: impl IntoIterator<Item = I<'static>>) {
        self.code.extend(instructions);
    }

    fn statements(&mut self, depth: u32, calls: bool) {
        for _ in 0..self.pick(6) {
            self.statement(depth, calls);
        }
    }

    fn statement(&mut self, depth: u32, calls: bool) {
        let kinds = if depth == 0 { 6 } else { 11 };
        match self.pick(kinds) {
            0 | 1 => {
                let local = self.of(&F64);
                self.f64(DEPTH, calls);
                self.put([I::LocalSet(local)]);
            }
            2 => {
                let local = self.of(&F32);
                self.f32(DEPTH, calls);
                self.put([I::LocalSet(local)]);
            }
            3 => {
                let local = self.of(&V128);
                self.v128(DEPTH, calls);
                self.put([I::LocalSet(local)]);
            }
            4 => {
                self.f64(DEPTH, calls);
                self.put([I::GlobalSet(0)]);
            }
            5 => self.store(calls),
            6 | 7 => self.choice(depth, calls),
            8 => {
                self.code.push(I::Block(BlockType::Empty));
                self.around.push(false);
                self.statements(depth - 1, calls);
                self.exit();
                self.statements(depth - 1, calls);
                self.around.pop();
                self.code.push(I::End);
            }
            9 => self.repeat(depth, calls),
            _ => {
                // Values that lie on the stack while a block is gone through, and what it gives.
                let (single, double) = (self.of(&F32), self.of(&F64));
                self.f64(2, calls);
                self.code.push(I::Block(BlockType::FunctionType(2)));
                self.put([I::LocalSet(double)]);
                self.f32(2, calls);
                self.f64(2, calls);
                self.i32(1);
                self.put([I::BrIf(0), I::LocalGet(double), I::F64Mul, I::End]);
                self.put([I::LocalSet(double), I::LocalSet(single)]);
            }
        }
    }

    fn store(&mut self, calls: bool) {
        let place = i32::try_from(128 + 8 * self.pick(32)).unwrap();
        self.code.push(I::I32Const(place));
        match self.pick(4) {
            0 => {
                self.f64(DEPTH, calls);
                self.put([I::F64Store(at(0))]);
            }
            1 => {
                self.f32(DEPTH, calls);
                self.put([I::F32Store(at(0))]);
            }
            2 => {
                self.v128(DEPTH, calls);
                self.put([I::V128Store(at(0))]);
            }
            _ => {
                self.f64(DEPTH, calls);
                self.put([I::I64ReinterpretF64, I::I64Store(at(0))]);
            }
        }
    }

    fn choice(&mut self, depth: u32, calls: bool) {
        self.i32(2);
        self.code.push(I::If(BlockType::Empty));
        self.around.push(false);
        self.statements(depth - 1, calls);
        if self.pick(3) == 0 {
            self.exit();
        }
        if self.pick(2) == 1 {
            self.code.push(I::Else);
            self.statements(depth - 1, calls);
        }
        self.around.pop();
        self.code.push(I::End);
    }

    /// Some rounds, and again from within while the counter says so.
    fn repeat(&mut self, depth: u32, calls: bool) {
        let counter = COUNTERS + depth;
        let again = [
            I::LocalGet(counter),
            I::I32Const(1),
            I::I32Add,
            I::LocalTee(counter),
            I::I32Const(3),
            I::I32LtU,
        ];
        self.put([
            I::I32Const(0),
            I::LocalSet(counter),
            I::Loop(BlockType::Empty),
        ]);
        self.around.push(true);
        self.statements(depth - 1, calls);
        self.put(again.clone());
        self.put([I::BrIf(0)]);
        self.statements(depth - 1, calls);
        self.put(again);
        self.put([I::BrIf(0)]);
        self.around.pop();
        self.code.push(I::End);
    }

    /// Perhaps leaves for the end of a block around, in one of several ways.
    fn exit(&mut self) {
        let ends: Vec<_> = self
            .around
            .iter()
            .rev()
            .zip(0..)
            .filter(|(back, _)| !**back)
            .map(|(_, depth)| depth)
            .collect();
        if ends.is_empty() {
            return;
        }
        let (one, other) = (self.of(&ends), self.of(&ends));
        match self.pick(3) {
            0 => {
                self.i32(2);
                self.put([I::BrIf(one)]);
            }
            1 => {
                self.i32(2);
                self.put([I::BrTable(vec![one].into(), other)]);
            }
            _ => self.put([I::Br(one)]),
        }
    }

    fn f64(&mut self, depth: u32, calls: bool) {
        let kinds = if depth == 0 { 4 } else { 14 };
        match self.pick(kinds) {
            0 | 1 => {
                let local = self.of(&F64);
                self.put([I::LocalGet(local)]);
            }
            2 => self.load(8, I::F64Load(at(0))),
            3 => self.op(&[
                I::F64Const(0.0.into()),
                I::F64Const(f64::INFINITY.into()),
                I::GlobalGet(0),
                I::F64Const((-3.5).into()),
            ]),
            4 | 5 => {
                self.f64(depth - 1, calls);
                self.f64(depth - 1, calls);
                self.op(&[
                    I::F64Sub,
                    I::F64Add,
                    I::F64Mul,
                    I::F64Div,
                    I::F64Min,
                    I::F64Max,
                    I::F64Copysign,
                ]);
            }
            6 => {
                self.f64(depth - 1, calls);
                self.op(&[
                    I::F64Sqrt,
                    I::F64Neg,
                    I::F64Abs,
                    I::F64Floor,
                    I::F64Nearest,
                    I::F64Trunc,
                    I::F64Ceil,
                ]);
            }
            7 => {
                self.f32(depth - 1, calls);
                self.put([I::F64PromoteF32]);
            }
            8 => {
                self.f64(depth - 1, calls);
                self.f64(depth - 1, calls);
                self.i32(depth - 1);
                self.op(&[I::Select, I::TypedSelect(ValType::F64)]);
            }
            9 => {
                let local = self.of(&F64);
                self.f64(depth - 1, calls);
                self.put([I::LocalTee(local)]);
            }
            10 => {
                self.v128(depth - 1, calls);
                self.op(&[I::F64x2ExtractLane(0), I::F64x2ExtractLane(1)]);
            }
            11 => {
                self.i32(depth - 1);
                self.op(&[I::F64ConvertI32S, I::F64ConvertI32U]);
            }
            12 if calls => {
                for _ in 0..3 {
                    self.f64(1, calls);
                }
                self.f32(1, calls);
                self.put([I::Call(1)]);
            }
            _ => {
                self.code.push(I::Block(BlockType::Result(ValType::F64)));
                self.f64(depth - 1, calls);
                self.i32(depth - 1);
                self.put([I::BrIf(0), I::Drop]);
                self.f64(depth - 1, calls);
                self.put([I::End]);
            }
        }
    }

    fn f32(&mut self, depth: u32, calls: bool) {
        let kinds = if depth == 0 { 3 } else { 8 };
        match self.pick(kinds) {
            0 => {
                let local = self.of(&F32);
                self.put([I::LocalGet(local)]);
            }
            1 => self.load(4, I::F32Load(at(0))),
            2 => self.op(&[
                I::F32Const(0.0.into()),
                I::F32Const(f32::NEG_INFINITY.into()),
            ]),
            3 | 4 => {
                self.f32(depth - 1, calls);
                self.f32(depth - 1, calls);
                self.op(&[
                    I::F32Sub,
                    I::F32Add,
                    I::F32Mul,
                    I::F32Div,
                    I::F32Min,
                    I::F32Max,
                    I::F32Copysign,
                ]);
            }
            5 => {
                self.f32(depth - 1, calls);
                self.op(&[I::F32Sqrt, I::F32Neg, I::F32Abs, I::F32Floor, I::F32Nearest]);
            }
            6 => {
                self.f64(depth - 1, calls);
                self.put([I::F32DemoteF64]);
            }
            _ => {
                self.f32(depth - 1, calls);
                self.f32(depth - 1, calls);
                self.i32(depth - 1);
                self.put([I::Select]);
            }
        }
    }

    fn v128(&mut self, depth: u32, calls: bool) {
        let kinds = if depth == 0 { 2 } else { 9 };
        match self.pick(kinds) {
            0 => {
                let local = self.of(&V128);
                self.put([I::LocalGet(local)]);
            }
            1 => self.load(16, I::V128Load(at(0))),
            2 | 3 => {
                self.v128(depth - 1, calls);
                self.v128(depth - 1, calls);
                self.op(&[
                    I::F64x2Add,
                    I::F64x2Sub,
                    I::F64x2Mul,
                    I::F64x2Min,
                    I::F64x2PMin,
                    I::F32x4Add,
                    I::F32x4Div,
                    I::F32x4Max,
                    I::F32x4PMax,
                    I::F64x2Lt,
                    I::F32x4Eq,
                    I::V128Xor,
                    I::F64x2RelaxedMax,
                    I::F32x4RelaxedMin,
                    I::I32x4Add,
                ]);
            }
            4 => {
                self.v128(depth - 1, calls);
                self.op(&[
                    I::F64x2Sqrt,
                    I::F32x4Sqrt,
                    I::F64x2Abs,
                    I::F32x4Abs,
                    I::F64x2Neg,
                    I::F32x4Neg,
                    I::F64x2Ceil,
                    I::F32x4Floor,
                    I::F32x4DemoteF64x2Zero,
                    I::F64x2PromoteLowF32x4,
                    I::I32x4TruncSatF32x4S,
                    I::F64x2ConvertLowI32x4S,
                ]);
            }
            5 => {
                self.v128(depth - 1, calls);
                self.v128(depth - 1, calls);
                self.v128(depth - 1, calls);
                self.op(&[I::F64x2RelaxedMadd, I::F32x4RelaxedNmadd, I::V128Bitselect]);
            }
            6 => {
                self.f64(depth - 1, calls);
                self.put([I::F64x2Splat]);
            }
            7 => {
                self.v128(depth - 1, calls);
                self.f32(depth - 1, calls);
                self.op(&[I::F32x4ReplaceLane(0), I::F32x4ReplaceLane(3)]);
            }
            _ => {
                self.v128(depth - 1, calls);
                self.v128(depth - 1, calls);
                self.i32(depth - 1);
                self.put([I::Select]);
            }
        }
    }

    fn i32(&mut self, depth: u32) {
        let kinds = if depth == 0 { 2 } else { 5 };
        match self.pick(kinds) {
            0 => {
                let value = self.pick(2);
                self.put([I::I32Const(value as i32)]);
            }
            1 => self.load(4, I::I32Load8U(at(0))),
            2 => {
                self.f64(depth - 1, false);
                self.f64(depth - 1, false);
                self.op(&[I::F64Lt, I::F64Eq, I::F64Ne, I::F64Ge]);
            }
            3 => {
                self.f64(depth - 1, false);
                self.op(&[I::I32TruncSatF64S, I::I32TruncSatF64U]);
            }
            _ => {
                self.f32(depth - 1, false);
                self.put([I::I32ReinterpretF32]);
            }
        }
    }

    fn load(&mut self, size: u32, load: I<'static>) {
        let place = i32::try_from(self.pick(256 / size) * size).unwrap();
        self.put([I::I32Const(place), load]);
    }

    /// Stores all locals where nothing else is.
    fn leave(&mut self) {
        for (place, local) in (0..).zip(F64) {
            self.put([
                I::I32Const(1024 + 8 * place),
                I::LocalGet(local),
                I::F64Store(at(0)),
            ]);
        }
        for (place, local) in (0..).zip(F32) {
            self.put([
                I::I32Const(1088 + 4 * place),
                I::LocalGet(local),
                I::F32Store(at(0)),
            ]);
        }
        for (place, local) in (0..).zip(V128) {
            self.put([
                I::I32Const(1104 + 16 * place),
                I::LocalGet(local),
                I::V128Store(at(0)),
            ]);
        }
        self.put([I::I32Const(1136), I::GlobalGet(0), I::F64Store(at(0))]);
    }
}

fn function(locals: &[(u32, ValType)], code: Vec<I<'static>>) -> Function {
    let mut function = Function::new(locals.iter().copied());
    for instruction in &code {
        function.instruction(instruction);
    }
    function.instruction(&I::End);
    function
}

fn at(offset: u64) -> MemArg {
    MemArg {
        offset,
        align: 0,
        memory_index: 0,
    }
}

/// NaNs of several kinds, infinities and numbers, of both sizes.
fn floats() -> Vec<u8> {
    let double = [
        0x7ff8_0000_0000_0000,
        0xfff8_0000_0000_0000,
        0x7ff8_0000_0000_1234,
        0x7ff0_0000_0000_0001,
        0xfff4_0000_0000_0000,
        f64::INFINITY.to_bits(),
        f64::NEG_INFINITY.to_bits(),
        0,
        (-0.0_f64).to_bits(),
        1.25_f64.to_bits(),
        1,
    ];
    let single = [
        0x7fc0_0000_u32,
        0xffc0_0000,
        0x7fc0_1234,
        0x7f80_0001,
        0xff80_0000,
        0,
        1.5_f32.to_bits(),
        (-2.0_f32).to_bits(),
        1,
        7,
    ];
    let doubles = double.into_iter().flat_map(u64::to_le_bytes);
    doubles
        .chain(single.into_iter().flat_map(u32::to_le_bytes))
        .collect()
}
