//! The measure of what is rewritten is the compiler, told to make every result canonical at once: what an app can see must be
//! the same.

use std::sync::LazyLock;

use proptest::prelude::*;
use wasmparser::WasmFeatures;
use wasmtime::{Config, Engine, Instance, Module, Store};

use self::programs::Program;

mod programs;

/// [`canonical`](super::canonical) for the engine that runs apps.
fn canonical(app: &[u8]) -> wasmtime::Result<Vec<u8>> {
    super::canonical(
        app,
        super::super::engine::new(None).unwrap().get_wasm_features(),
    )
}

/// Runs `main` of a module, and gives its memory after.
fn run(engine: &Engine, module: &[u8]) -> Vec<u8> {
    let module = Module::new(engine, module).unwrap();
    let mut store = Store::new(engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let main = instance.get_typed_func::<(), ()>(&mut store, "main");
    main.unwrap().call(&mut store, ()).unwrap();
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    memory.data(&store).to_vec()
}

fn engine(canonical: bool) -> Engine {
    let mut config = Config::new();
    config
        .relaxed_simd_deterministic(true)
        .cranelift_nan_canonicalization(canonical);
    Engine::new(&config).unwrap()
}

/// The memory after what was rewritten, and after the measure.
fn both(module: &[u8]) -> [Vec<u8>; 2] {
    static ENGINES: LazyLock<[Engine; 2]> = LazyLock::new(|| [engine(false), engine(true)]);
    let [plain, measure] = &*ENGINES;
    [
        run(plain, &canonical(module).unwrap()),
        run(measure, module),
    ]
}

/// A module whose `main` finds NaNs of many makings at the start of its memory, and no others behind.
fn module(main: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
             (memory (export "memory") 1)
             (data (i32.const 0) "\01\00\00\00\00\00\f8\7f" "\01\00\00\00\00\00\f0\ff" "\05\00\c0\ff" "\01\00\80\7f")
             {main})"#
    );
    wat::parse_str(text).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_program_sees_what_it_would_if_every_result_were_canonical(seed in prop::collection::vec(any::<u8>(), 0..1500)) {
        let module = Program::new(&seed).module();
        let [ours, measure] = both(&module);
        prop_assert!(ours == measure, "{}", wasmprinter::print_bytes(&module).unwrap());
    }
}

#[test]
fn a_nan_that_was_only_carried_keeps_its_bits() {
    // Through a local, a choice, the two ways of an `if`, a loop, a function.
    let module = module(
        r#"(func $id (param f64) (result f64) local.get 0)
           (func (export "main") (local $x f64) (local $i i32)
             (local.set $x (f64.load (i32.const 0)))
             (f64.store (i32.const 64) (local.get $x))
             (f64.store (i32.const 72) (select (local.get $x) (f64.sqrt (f64.const -1)) (i32.const 1)))
             (if (i32.eqz (local.get $i)) (then) (else (local.set $x (f64.sqrt (f64.const -1)))))
             (f64.store (i32.const 80) (local.get $x))
             (loop $again
               (f64.store (i32.add (i32.const 88) (i32.mul (i32.const 8) (local.get $i))) (local.get $x))
               (local.set $x (f64.sqrt (f64.const -1)))
               (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 2))))
             (f64.store (i32.const 104) (call $id (f64.neg (f64.load (i32.const 0))))))"#,
    );
    let [ours, measure] = both(&module);
    assert_eq!(ours, measure);
    let seen = |place: usize| u64::from_le_bytes(ours[place..place + 8].try_into().unwrap());
    let (carried, made) = (0x7ff8_0000_0000_0001, 0x7ff8_0000_0000_0000);
    assert_eq!([64, 72, 80, 88].map(seen), [carried; 4]);
    assert_eq!(seen(96), made);
    assert_eq!(seen(104), carried | 1 << 63);
}

#[test]
fn a_sum_is_examined_when_it_is_stored_and_not_before() {
    let examinations = |main: &str| {
        let text = wasmprinter::print_bytes(canonical(&module(main)).unwrap()).unwrap();
        text.matches("f64.ge").count()
    };
    let sum = "(func (export \"main\") (local $sum f64) (local $i i32)
                 (loop $again
                   (local.set $sum (f64.add (local.get $sum) (f64.mul (f64.load (local.get $i)) (f64.const 3))))
                   (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 8))) (i32.const 64))))
                 (f64.store (i32.const 64) (local.get $sum)))";
    assert_eq!(examinations(sum), 1);
    let compared = "(func (export \"main\") (if (f64.lt (f64.sqrt (f64.load (i32.const 0))) (f64.const 3)) (then unreachable)))";
    assert_eq!(examinations(compared), 0);
}

#[test]
fn a_function_whose_flow_is_too_wide_is_rewritten_without_it() {
    // Loops in loops, each with an `if`, over thousands of locals: to follow them all would take for ever.
    for locals in [3_000, 10_000] {
        wide(locals, 200);
    }
}

fn wide(locals: usize, depth: usize) {
    let begin: String = (0..depth)
        .map(|place| {
            format!("(loop $l{place} (if (local.get $i) (then (local.set {place} (f64.sqrt (f64.load (i32.const 8)))))) ")
        })
        .collect();
    let end: String = (0..depth)
        .map(|place| {
            format!(
                "(f64.store (i32.const {}) (local.get {place})))",
                64 + 8 * place
            )
        })
        .collect();
    let main = format!(
        "(func (export \"main\") {} (local $i i32) (local.set $i (i32.const 1)) {begin} {end})",
        "(local f64)".repeat(locals)
    );
    let module = module(&main);
    assert!(canonical(&module).unwrap().len() < 64 * module.len());
    let [ours, measure] = both(&module);
    assert_eq!(ours, measure);
}

#[test]
fn what_is_invalid_stays_so() {
    for bad in [
        "(func (export \"main\") (f64.store (i32.const 0) (f32.const 0)))",
        "(func (export \"main\") f64.add drop)",
        "(func (export \"main\") (br 7))",
        "(func (export \"main\") (local.set 3 (f64.const 1)))",
    ] {
        assert!(canonical(&module(bad)).is_err(), "{bad}");
    }
    let good = module("(func (export \"main\"))");
    for end in 0..good.len() {
        let _ = canonical(&good[..end]);
    }
}

#[test]
fn modules_in_components_are_rewritten_too_but_not_at_any_depth() {
    let inner = r#"(core module (func (param f64) (result i64) (i64.reinterpret_f64 (f64.sqrt (local.get 0)))))"#;
    let nested = |depth: usize| {
        let text = format!(
            "{} {inner} {}",
            "(component ".repeat(depth),
            ")".repeat(depth)
        );
        canonical(&wat::parse_str(text).unwrap())
    };
    for depth in [1, 3] {
        let text = wasmprinter::print_bytes(nested(depth).unwrap()).unwrap();
        assert!(text.contains("f64.ge"), "{text}");
    }
    assert!(nested(30).is_err());
}

#[test]
fn the_engine_knows_no_operator_that_the_list_was_not_made_for() {
    let engine = super::super::engine::new(None).unwrap();
    let known = WasmFeatures::WASM3 | WasmFeatures::COMPONENT_MODEL;
    let news = engine.get_wasm_features().difference(known);
    assert!(
        news.is_empty(),
        "which of their operators compute floats? {news:?}"
    );
}
