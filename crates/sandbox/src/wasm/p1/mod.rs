//! WASI preview 1: the system calls of core modules, over the tree of the run.
//!
//! Written here rather than taken from wasmtime-wasi because that one is bound to folders of the host, whose inode numbers,
//! times, order of entries, links and free space would all reach the app.

mod descriptors;
mod files;
mod memory;
mod paths;
mod poll;
mod system;

use wasmtime::{Caller, Engine, Extern, InstancePre, Linker, Module, Store};

use self::{descriptors::Descriptors, memory::Memory};
use super::{execute::HasWorld, world::World};
use crate::vfs::{Errno, Error, Result, Stop};

/// The name under which modules import these functions.
const MODULE: &str = "wasi_snapshot_preview1";

/// What the store of a core module holds.
#[derive(Debug)]
pub(crate) struct Guest {
    world: World,
    descriptors: Descriptors,
}

impl Guest {
    pub(crate) fn new(world: World) -> Self {
        Self {
            world,
            descriptors: Descriptors::default(),
        }
    }
}

impl HasWorld for Guest {
    fn world(&mut self) -> &mut World {
        &mut self.world
    }
}

/// Whether `module` is a command: it has a `_start` without parameters or results.
pub(super) fn check(module: &Module) -> wasmtime::Result<()> {
    let start = module
        .get_export("_start")
        .and_then(|export| export.func().cloned());
    match start {
        Some(start) if start.params().len() == 0 && start.results().len() == 0 => Ok(()),
        _ => Err(wasmtime::format_err!(
            "the module exports no function `_start`, so it is not a command"
        )),
    }
}

/// Runs a module, and gives its exit status.
pub(super) async fn start(
    store: &mut Store<Guest>,
    pre: &InstancePre<Guest>,
) -> wasmtime::Result<u32> {
    let instance = pre.instantiate_async(&mut *store).await?;
    let start = instance.get_typed_func::<(), ()>(&mut *store, "_start")?;
    start.call_async(store, ()).await?;
    Ok(0)
}

/// A call under way: the memory of the module and what its store holds.
pub(super) struct Call<'a> {
    memory: Memory<'a>,
    guest: &'a mut Guest,
}

/// Runs `function`, and makes an errno or a trap of its error.
fn call(
    mut caller: Caller<'_, Guest>,
    function: impl FnOnce(&mut Call<'_>) -> Result<()>,
) -> wasmtime::Result<i32> {
    let meter = caller.data().world.meter.clone();
    meter.called();
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        return Ok(Errno::BadAddress as i32);
    };
    let (bytes, guest) = memory.data_and_store_mut(&mut caller);
    match function(&mut Call {
        memory: Memory::new(bytes, meter),
        guest,
    }) {
        Ok(()) => Ok(0),
        Err(Error::Errno(errno)) => Ok(errno as i32),
        Err(Error::Stop(stop)) => Err(stop.into()),
    }
}

/// Links functions of the form `fn(&mut Call, arguments…) -> Result<()>`.
macro_rules! link {
    ($linker:ident; $($module:ident { $($name:ident($($argument:ident: $type:ty),*);)* })*) => {
        $($(
            $linker.func_wrap(MODULE, stringify!($name), |caller: Caller<'_, Guest>, $($argument: $type),*| {
                call(caller, |call| $module::$name(call, $($argument),*))
            })?;
        )*)*
    };
}

/// All of preview 1. There are no sockets: their functions say so.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    link! { linker;
        system {
            args_get(pointers: u32, buffer: u32);
            args_sizes_get(count: u32, size: u32);
            environ_get(pointers: u32, buffer: u32);
            environ_sizes_get(count: u32, size: u32);
            clock_res_get(clock: u32, result: u32);
            clock_time_get(clock: u32, precision: u64, result: u32);
            random_get(buffer: u32, length: u32);
            sched_yield();
            proc_raise(signal: u32);
            sock_accept(fd: u32, flags: u32, result: u32);
            sock_recv(fd: u32, iovecs: u32, count: u32, flags: u32, size: u32, result: u32);
            sock_send(fd: u32, iovecs: u32, count: u32, flags: u32, size: u32);
            sock_shutdown(fd: u32, how: u32);
        }
        poll {
            poll_oneoff(subscriptions: u32, events: u32, count: u32, result: u32);
        }
        files {
            fd_advise(fd: u32, offset: u64, length: u64, advice: u32);
            fd_allocate(fd: u32, offset: u64, length: u64);
            fd_close(fd: u32);
            fd_datasync(fd: u32);
            fd_fdstat_get(fd: u32, result: u32);
            fd_fdstat_set_flags(fd: u32, flags: u32);
            fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64);
            fd_filestat_get(fd: u32, result: u32);
            fd_filestat_set_size(fd: u32, size: u64);
            fd_filestat_set_times(fd: u32, accessed: u64, modified: u64, flags: u32);
            fd_pread(fd: u32, iovecs: u32, count: u32, offset: u64, result: u32);
            fd_prestat_get(fd: u32, result: u32);
            fd_prestat_dir_name(fd: u32, path: u32, length: u32);
            fd_pwrite(fd: u32, iovecs: u32, count: u32, offset: u64, result: u32);
            fd_read(fd: u32, iovecs: u32, count: u32, result: u32);
            fd_readdir(fd: u32, buffer: u32, length: u32, cookie: u64, result: u32);
            fd_renumber(from: u32, to: u32);
            fd_seek(fd: u32, offset: i64, whence: u32, result: u32);
            fd_sync(fd: u32);
            fd_tell(fd: u32, result: u32);
            fd_write(fd: u32, iovecs: u32, count: u32, result: u32);
        }
        paths {
            path_create_directory(fd: u32, path: u32, length: u32);
            path_filestat_get(fd: u32, flags: u32, path: u32, length: u32, result: u32);
            path_filestat_set_times(fd: u32, flags: u32, path: u32, length: u32, accessed: u64, modified: u64, times: u32);
            path_link(fd: u32, flags: u32, path: u32, length: u32, to: u32, to_path: u32, to_length: u32);
            path_open(fd: u32, flags: u32, path: u32, length: u32, how: u32, rights: u64, inheriting: u64, fd_flags: u32, result: u32);
            path_readlink(fd: u32, path: u32, length: u32, buffer: u32, size: u32, result: u32);
            path_remove_directory(fd: u32, path: u32, length: u32);
            path_rename(fd: u32, path: u32, length: u32, to: u32, to_path: u32, to_length: u32);
            path_symlink(old: u32, old_length: u32, fd: u32, path: u32, length: u32);
            path_unlink_file(fd: u32, path: u32, length: u32);
        }
    }
    linker.func_wrap(
        MODULE,
        "proc_exit",
        |_: Caller<'_, Guest>, status: u32| -> wasmtime::Result<()> {
            Err(Stop::Exit(status).into())
        },
    )?;
    Ok(linker)
}
