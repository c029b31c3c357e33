;; What machines are measured with: 4 million rounds of whole numbers, fractions, and words all over 16 MiB of memory.
(module
  (memory (export "memory") 256)
  (func (export "_start") (local i32 i64 f64)
    (local.set 1 (i64.const 0x9e3779b97f4a7c15))
    (local.set 2 (f64.const 1))
    (loop
      ;; xorshift
      (local.set 1 (i64.xor (local.get 1) (i64.shl (local.get 1) (i64.const 13))))
      (local.set 1 (i64.xor (local.get 1) (i64.shr_u (local.get 1) (i64.const 7))))
      (local.set 1 (i64.xor (local.get 1) (i64.shl (local.get 1) (i64.const 17))))
      ;; a word somewhere in memory, which takes in the number
      (i64.store
        (i32.and (i32.wrap_i64 (local.get 1)) (i32.const 0xfffff8))
        (i64.add
          (i64.load (i32.and (i32.wrap_i64 (local.get 1)) (i32.const 0xfffff8)))
          (i64.mul (local.get 1) (i64.const 0x2545f4914f6cdd1d))))
      ;; a fraction that stays between 1 and 2
      (local.set 2
        (f64.add
          (f64.const 1)
          (f64.div
            (f64.sqrt (f64.add (local.get 2) (f64.convert_i64_u (i64.and (local.get 1) (i64.const 1023)))))
            (f64.const 64))))
      (local.set 0 (i32.add (local.get 0) (i32.const 1)))
      (br_if 0 (i32.lt_u (local.get 0) (i32.const 4000000))))
    (drop (local.get 2))))
