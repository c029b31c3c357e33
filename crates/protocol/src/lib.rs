//! The rules of the market, pure: no I/O, no clock, no database.
