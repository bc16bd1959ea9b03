//! Chores of the repository: `cargo run -p xtask -- COMMAND`.

fn main() {
    eprintln!("usage: cargo run -p xtask -- COMMAND");
    std::process::exit(2);
}
