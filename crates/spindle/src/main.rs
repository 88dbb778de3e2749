//! The command line of Spindle.

fn main() {}
