;; An app that does nothing but declare an empty result. Descriptor 3 is the root.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "iexec_out/computed.json")
  (data (i32.const 32) "{\"deterministic-output-path\":\"computed.json\"}")
  (func (export "_start")
    ;; Flags 9: create, truncate. The descriptor goes to address 128.
    (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 23) (i32.const 9)
      (i64.const 0x40) (i64.const 0x40) (i32.const 0) (i32.const 128)))
    (i32.store (i32.const 112) (i32.const 32))
    (i32.store (i32.const 116) (i32.const 45))
    (drop (call $fd_write (i32.load (i32.const 128)) (i32.const 112) (i32.const 1) (i32.const 120)))))
