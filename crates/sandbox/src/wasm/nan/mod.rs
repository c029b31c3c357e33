//! One NaN: floats compute alike on every processor.
//!
//! WebAssembly leaves open which NaN an operation gives, and processors differ. The remedy is to replace every NaN that was
//! computed by the canonical one. To do so after each operation, as the compiler would, makes a loop of floats several times
//! slower, for each result must then wait for its own examination. But the bits of most results are never seen: they only go
//! into the next operation, which makes a NaN of a NaN, whichever it is. So the code of an app is rewritten before it is
//! compiled: a computed float is made canonical where its bits may be seen (where it is stored, reinterpreted, passed to
//! another function), and not before. What can be seen is exactly what it would be if each result were made canonical at once.
//!
//! [`operators`] says which operations compute floats; [`body`] rewrites a function; [`flow`] follows its local variables.

mod body;
mod flow;
mod operators;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use wasm_encoder::Encode;
use wasmparser::{BinaryReader, Parser, ValidPayload, Validator, WasmFeatures};

/// Components within components. More are no programs but traps for what walks through them.
const DEPTH: usize = 16;
/// The magic number and the version.
const HEADER: usize = 8;
/// The section of a module that holds its functions.
const CODE: u8 = 10;
/// The section of a component that holds a module.
const MODULE: u8 = 1;
/// The section of a component that holds another.
const COMPONENT: u8 = 4;

/// Whether `app` is a component. Else it is a module, if anything.
pub(super) fn is_component(app: &[u8]) -> bool {
    app.get(4..HEADER) == Some(&[0x0d, 0, 1, 0])
}

/// `app`, a module or a component, with canonical floats. It may use what `features` holds.
///
/// # Errors
///
/// When it is invalid. That none is given does not say that it is valid.
pub(super) fn canonical(app: &[u8], features: WasmFeatures) -> wasmtime::Result<Vec<u8>> {
    if is_component(app) {
        component(app, features, DEPTH)
    } else {
        module(app, features)
    }
}

fn component(app: &[u8], features: WasmFeatures, depth: usize) -> wasmtime::Result<Vec<u8>> {
    if depth == 0 {
        wasmtime::bail!("components are nested too deep");
    }
    replaced(app, |id, contents| {
        Ok(match id {
            MODULE => Cow::Owned(module(contents, features)?),
            COMPONENT => Cow::Owned(component(contents, features, depth - 1)?),
            _ => Cow::Borrowed(contents),
        })
    })
}

fn module(app: &[u8], features: WasmFeatures) -> wasmtime::Result<Vec<u8>> {
    let mut validator = Validator::new_with_features(features);
    let mut functions = Vec::new();
    let mut count = 0_u32;
    for payload in Parser::new(0).parse_all(app) {
        if let ValidPayload::Func(function, body) = validator.payload(&payload?)? {
            let code = body::rewrite(&body, function.into_validator(Default::default()))?;
            code.as_slice().encode(&mut functions);
            count += 1;
        }
    }
    let mut code = Vec::new();
    count.encode(&mut code);
    code.append(&mut functions);
    replaced(app, |id, contents| {
        Ok(if id == CODE {
            Cow::Borrowed(code.as_slice())
        } else {
            Cow::Borrowed(contents)
        })
    })
}

/// `app` with the contents of each section replaced by what `with` makes of them.
fn replaced<'a>(
    app: &'a [u8],
    with: impl Fn(u8, &'a [u8]) -> wasmtime::Result<Cow<'a, [u8]>>,
) -> wasmtime::Result<Vec<u8>> {
    let mut reader = BinaryReader::new(app, 0);
    let mut new = reader.read_bytes(HEADER)?.to_vec();
    while !reader.eof() {
        let id = reader.read_u8()?;
        let size = reader.read_var_u32()? as usize;
        new.push(id);
        with(id, reader.read_bytes(size)?)?.encode(&mut new);
    }
    Ok(new)
}
