//! What is measured against others, each peer in the same run.

fn main() {}
