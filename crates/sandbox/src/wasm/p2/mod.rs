//! WASI preview 2: the interfaces of components.
//!
//! Arguments, streams, randomness and polling are wasmtime-wasi's, over the world of the run. Files and clocks are our own,
//! for the reasons given in `p1`. Sockets exist as interfaces, so that components link, and refuse to be made.

mod clocks;
mod files;
mod handles;
mod random;
mod streams;

use alloy_primitives::keccak256;
use canut_protocol::TaskId;
use wasmtime::{
    Engine, Store,
    component::{HasData, Linker, ResourceTable},
};
use wasmtime_wasi::{
    WasiCtx, WasiCtxView, WasiView,
    p2::bindings::{
        CommandPre,
        clocks::{monotonic_clock, wall_clock},
        filesystem::preopens,
        sync::filesystem::types,
    },
};

use self::{random::Metered, streams::LogStream};
use super::{execute::HasWorld, world::World};
use crate::wasm::clock::Clock;

/// Files, streams and polls that a component may hold at once.
const MAX_RESOURCES: usize = 1024;

/// What the store of a component holds.
pub(crate) struct Guest {
    world: World,
    wasi: WasiCtx,
    table: ResourceTable,
}

impl Guest {
    pub(crate) fn new(world: World, task: TaskId) -> Self {
        let mut builder = WasiCtx::builder();
        builder
            .args(&world.arguments)
            .envs(&world.environment)
            .initial_cwd("/")
            .stdout(LogStream(world.stdout.clone(), world.meter.clone()))
            .stderr(LogStream(world.stderr.clone(), world.meter.clone()))
            .secure_random(Metered::new(task, &world.meter))
            .insecure_random(Metered::new(TaskId(keccak256(task.0)), &world.meter))
            .insecure_random_seed(u128::from_be_bytes(
                *keccak256(task.0).first_chunk().unwrap_or(&[0; 16]),
            ))
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .allow_blocking_current_thread(true);
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        Self {
            wasi: builder.build(),
            world,
            table,
        }
    }
}

impl HasWorld for Guest {
    fn world(&mut self) -> &mut World {
        &mut self.world
    }
}

// Every call of the host begins by asking for its view.
impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.world.meter.called();
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// Runs a component, and gives its exit status.
pub(super) async fn start(
    store: &mut Store<Guest>,
    pre: &CommandPre<Guest>,
) -> wasmtime::Result<u32> {
    let command = pre.instantiate_async(&mut *store).await?;
    let result = command.wasi_cli_run().call_run(&mut *store).await?;
    Ok(result.is_err().into())
}

/// What the files of a component need of its store.
struct Files<'a> {
    world: &'a World,
    table: &'a mut ResourceTable,
}

/// The type of a view on files.
struct HasFiles;

impl HasData for HasFiles {
    type Data<'a> = Files<'a>;
}

/// What the clocks of a component need of its store.
struct Clocks<'a> {
    clock: &'a mut Clock,
    table: &'a mut ResourceTable,
}

/// The type of a view on clocks.
struct HasClocks;

impl HasData for HasClocks {
    type Data<'a> = Clocks<'a>;
}

fn files(guest: &mut Guest) -> Files<'_> {
    guest.world.meter.called();
    Files {
        world: &guest.world,
        table: &mut guest.table,
    }
}

fn clocks(guest: &mut Guest) -> Clocks<'_> {
    guest.world.meter.called();
    Clocks {
        clock: &mut guest.world.clock,
        table: &mut guest.table,
    }
}

/// All of `wasi:cli/imports`.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    linker.allow_shadowing(true);
    types::add_to_linker::<_, HasFiles>(&mut linker, files)?;
    preopens::add_to_linker::<_, HasFiles>(&mut linker, files)?;
    wall_clock::add_to_linker::<_, HasClocks>(&mut linker, clocks)?;
    monotonic_clock::add_to_linker::<_, HasClocks>(&mut linker, clocks)?;
    Ok(linker)
}
