;; Every call of preview 1 that a test makes. Descriptor 3 is the root.
(import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
(import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
(import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
(import "wasi_snapshot_preview1" "fd_filestat_set_size" (func $set_size (param i32 i64) (result i32)))
(import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "fd_readdir" (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "path_create_directory" (func $mkdir (param i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "path_filestat_get" (func $stat (param i32 i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "path_link" (func $link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "path_readlink" (func $readlink (param i32 i32 i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "path_remove_directory" (func $rmdir (param i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "path_rename" (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "path_symlink" (func $symlink (param i32 i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "path_unlink_file" (func $unlink (param i32 i32 i32) (result i32)))

(memory (export "memory") 4)
(data (i32.const 0) "iexec_out/computed.json")
(data (i32.const 32) "{\"deterministic-output-path\":\".\"}")

;; Ends with status 100 plus what was got, unless that is what was expected.
(func $expect (param $got i32) (param $expected i32)
  (if (i32.ne (local.get $got) (local.get $expected)) (then (call $exit (i32.add (local.get $got) (i32.const 100))))))

;; Opens a path under a folder: `$how` are the flags (1 create, 2 folder, 4 exclusive, 8 truncate). Gives the errno; the
;; descriptor is at address 112.
(func $try_open (param $base i32) (param $path i32) (param $length i32) (param $how i32) (param $rights i64) (result i32)
  (call $path_open (local.get $base) (i32.const 0) (local.get $path) (local.get $length) (local.get $how)
    (local.get $rights) (local.get $rights) (i32.const 0) (i32.const 112)))

;; Opens to read, or makes anew to write, a path under the root, and gives the descriptor.
(func $open (param $path i32) (param $length i32) (result i32)
  (call $expect (call $try_open (i32.const 3) (local.get $path) (local.get $length) (i32.const 0) (i64.const 2)) (i32.const 0))
  (i32.load (i32.const 112)))
(func $create (param $path i32) (param $length i32) (result i32)
  (call $expect (call $try_open (i32.const 3) (local.get $path) (local.get $length) (i32.const 9) (i64.const 0x400040)) (i32.const 0))
  (i32.load (i32.const 112)))

(func $write (param $fd i32) (param $from i32) (param $length i32)
  (i32.store (i32.const 96) (local.get $from))
  (i32.store (i32.const 100) (local.get $length))
  (call $expect (call $fd_write (local.get $fd) (i32.const 96) (i32.const 1) (i32.const 112)) (i32.const 0)))

;; Gives the number of bytes read.
(func $read (param $fd i32) (param $to i32) (param $length i32) (result i32)
  (i32.store (i32.const 96) (local.get $to))
  (i32.store (i32.const 100) (local.get $length))
  (call $expect (call $fd_read (local.get $fd) (i32.const 96) (i32.const 1) (i32.const 112)) (i32.const 0))
  (i32.load (i32.const 112)))

(func $done
  (call $write (call $create (i32.const 0) (i32.const 23)) (i32.const 32) (i32.const 33)))
