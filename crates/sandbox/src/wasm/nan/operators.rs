//! What operators do to floats.

use wasm_encoder::{Ieee32, Ieee64, Instruction};
use wasmparser::{Operator, ValType};

/// What is known of a value, as far as it is a NaN. The order is that of [`flow`](super::flow): where two meet, the later
/// holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Nan {
    /// Only the canonical NaN, if any.
    Canonical,
    /// Whatever NaN it is, it stands for the canonical one: its bits must not be seen.
    Loose(Shape),
    /// Whatever NaN it is, its bits count; so does what is no float.
    Exact,
}

impl Nan {
    /// What is known of a value that may be either.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Loose(one), Self::Loose(other)) if one != other => Self::Exact,
            _ => self.max(other),
        }
    }
}

/// A float, or a vector of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shape {
    F32,
    F64,
    F32x4,
    F64x2,
}

impl Shape {
    pub(super) fn value_type(self) -> ValType {
        match self {
            Self::F32 => ValType::F32,
            Self::F64 => ValType::F64,
            Self::F32x4 | Self::F64x2 => ValType::V128,
        }
    }

    /// Makes the value on the stack canonical, with the help of a local.
    pub(super) fn canonical(self, scratch: u32) -> [Instruction<'static>; 6] {
        // The quiet NaN of positive sign whose payload is zero but for its first bit.
        let (single, double) = (0x7fc0_0000_u32, 0x7ff8_0000_0000_0000_u64);
        let wide = |lane: u64| i128::from(lane) | i128::from(lane) << 64;
        // A scalar that is not at least itself is a NaN: that is one jump, never taken but then; whether it equals itself is two.
        let (nan, compare, choose) = match self {
            Self::F32 => (
                Instruction::F32Const(Ieee32::new(single)),
                Instruction::F32Ge,
                Instruction::Select,
            ),
            Self::F64 => (
                Instruction::F64Const(Ieee64::new(double)),
                Instruction::F64Ge,
                Instruction::Select,
            ),
            Self::F32x4 => (
                Instruction::V128Const(wide(u64::from(single) << 32 | u64::from(single))),
                Instruction::F32x4Eq,
                Instruction::V128Bitselect,
            ),
            Self::F64x2 => (
                Instruction::V128Const(wide(double)),
                Instruction::F64x2Eq,
                Instruction::V128Bitselect,
            ),
        };
        let (keep, again) = (
            Instruction::LocalTee(scratch),
            Instruction::LocalGet(scratch),
        );
        [keep, nan, again.clone(), again, compare, choose]
    }
}

/// What an operator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Looks at floats of one shape without telling one NaN from another, and gives one value.
    Computes { takes: Shape, gives: Nan },
    /// Gives the float that it takes, but for its sign, which is positive then.
    Unsigns(Shape),
    /// Gives a value of its own.
    Makes(Nan),
    /// Gives one of two.
    Chooses,
    /// Forgets what it takes.
    Drops,
    /// Gives the value of a local.
    Gets(u32),
    /// Gives a value to a local.
    Sets(u32),
    /// Gives a value to a local, and keeps it.
    Tees(u32),
    /// Sees the bits of what it takes, or might, and gives what is no float that it computed.
    Sees,
}

/// What `operator` does. Whatever computes a float must be here: what is not [sees](Act::Sees).
pub(super) fn act(operator: &Operator<'_>) -> Act {
    match operator {
        Operator::LocalGet { local_index } => Act::Gets(*local_index),
        Operator::LocalSet { local_index } => Act::Sets(*local_index),
        Operator::LocalTee { local_index } => Act::Tees(*local_index),
        Operator::Drop => Act::Drops,
        Operator::Select | Operator::TypedSelect { .. } => Act::Chooses,
        Operator::F32Const { value } if !f32::from_bits(value.bits()).is_nan() => {
            Act::Makes(Nan::Canonical)
        }
        Operator::F64Const { value } if !f64::from_bits(value.bits()).is_nan() => {
            Act::Makes(Nan::Canonical)
        }
        Operator::F32ConvertI32S
        | Operator::F32ConvertI32U
        | Operator::F32ConvertI64S
        | Operator::F32ConvertI64U
        | Operator::F64ConvertI32S
        | Operator::F64ConvertI32U
        | Operator::F64ConvertI64S
        | Operator::F64ConvertI64U => Act::Makes(Nan::Canonical),
        Operator::F32Abs => Act::Unsigns(Shape::F32),
        Operator::F64Abs => Act::Unsigns(Shape::F64),
        Operator::F32x4Abs => Act::Unsigns(Shape::F32x4),
        Operator::F64x2Abs => Act::Unsigns(Shape::F64x2),
        Operator::F32DemoteF64 => computes(Shape::F64, Some(Shape::F32)),
        Operator::F64PromoteF32 => computes(Shape::F32, Some(Shape::F64)),
        Operator::F32x4DemoteF64x2Zero => computes(Shape::F64x2, Some(Shape::F32x4)),
        Operator::F64x2PromoteLowF32x4 => computes(Shape::F32x4, Some(Shape::F64x2)),
        _ => arithmetic(operator)
            .map(|shape| computes(shape, Some(shape)))
            .or_else(|| examines(operator).map(|shape| computes(shape, None)))
            .unwrap_or(Act::Sees),
    }
}

fn computes(takes: Shape, gives: Option<Shape>) -> Act {
    Act::Computes {
        takes,
        gives: gives.map_or(Nan::Exact, Nan::Loose),
    }
}

/// The shape of the floats of which `operator` makes another, which is a NaN if one of them is.
fn arithmetic(operator: &Operator<'_>) -> Option<Shape> {
    match operator {
        Operator::F32Add
        | Operator::F32Sub
        | Operator::F32Mul
        | Operator::F32Div
        | Operator::F32Min
        | Operator::F32Max
        | Operator::F32Sqrt
        | Operator::F32Ceil
        | Operator::F32Floor
        | Operator::F32Trunc
        | Operator::F32Nearest => Some(Shape::F32),
        Operator::F64Add
        | Operator::F64Sub
        | Operator::F64Mul
        | Operator::F64Div
        | Operator::F64Min
        | Operator::F64Max
        | Operator::F64Sqrt
        | Operator::F64Ceil
        | Operator::F64Floor
        | Operator::F64Trunc
        | Operator::F64Nearest => Some(Shape::F64),
        Operator::F32x4Add
        | Operator::F32x4Sub
        | Operator::F32x4Mul
        | Operator::F32x4Div
        | Operator::F32x4Min
        | Operator::F32x4Max
        | Operator::F32x4Sqrt
        | Operator::F32x4Ceil
        | Operator::F32x4Floor
        | Operator::F32x4Trunc
        | Operator::F32x4Nearest
        | Operator::F32x4RelaxedMin
        | Operator::F32x4RelaxedMax
        | Operator::F32x4RelaxedMadd
        | Operator::F32x4RelaxedNmadd => Some(Shape::F32x4),
        Operator::F64x2Add
        | Operator::F64x2Sub
        | Operator::F64x2Mul
        | Operator::F64x2Div
        | Operator::F64x2Min
        | Operator::F64x2Max
        | Operator::F64x2Sqrt
        | Operator::F64x2Ceil
        | Operator::F64x2Floor
        | Operator::F64x2Trunc
        | Operator::F64x2Nearest
        | Operator::F64x2RelaxedMin
        | Operator::F64x2RelaxedMax
        | Operator::F64x2RelaxedMadd
        | Operator::F64x2RelaxedNmadd => Some(Shape::F64x2),
        _ => None,
    }
}

/// The shape of the floats that `operator` compares, or makes integers of.
fn examines(operator: &Operator<'_>) -> Option<Shape> {
    match operator {
        Operator::F32Eq
        | Operator::F32Ne
        | Operator::F32Lt
        | Operator::F32Gt
        | Operator::F32Le
        | Operator::F32Ge
        | Operator::I32TruncF32S
        | Operator::I32TruncF32U
        | Operator::I64TruncF32S
        | Operator::I64TruncF32U
        | Operator::I32TruncSatF32S
        | Operator::I32TruncSatF32U
        | Operator::I64TruncSatF32S
        | Operator::I64TruncSatF32U => Some(Shape::F32),
        Operator::F64Eq
        | Operator::F64Ne
        | Operator::F64Lt
        | Operator::F64Gt
        | Operator::F64Le
        | Operator::F64Ge
        | Operator::I32TruncF64S
        | Operator::I32TruncF64U
        | Operator::I64TruncF64S
        | Operator::I64TruncF64U
        | Operator::I32TruncSatF64S
        | Operator::I32TruncSatF64U
        | Operator::I64TruncSatF64S
        | Operator::I64TruncSatF64U => Some(Shape::F64),
        Operator::F32x4Eq
        | Operator::F32x4Ne
        | Operator::F32x4Lt
        | Operator::F32x4Gt
        | Operator::F32x4Le
        | Operator::F32x4Ge
        | Operator::I32x4TruncSatF32x4S
        | Operator::I32x4TruncSatF32x4U => Some(Shape::F32x4),
        Operator::F64x2Eq
        | Operator::F64x2Ne
        | Operator::F64x2Lt
        | Operator::F64x2Gt
        | Operator::F64x2Le
        | Operator::F64x2Ge
        | Operator::I32x4TruncSatF64x2SZero
        | Operator::I32x4TruncSatF64x2UZero => Some(Shape::F64x2),
        _ => None,
    }
}
