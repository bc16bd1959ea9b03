//! Runs the simulated Trakt from the command line.

fn main() {}
