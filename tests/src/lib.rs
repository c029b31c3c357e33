//! What crosses crates: a world to play markets in, and the tests that play them.
