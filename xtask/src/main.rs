//! Chores of the repository: `cargo run -p xtask -- COMMAND`.
#![forbid(unsafe_code)]

mod header;
mod install;
mod kodi;
mod library;
mod licenses;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: cargo run -p xtask -- COMMAND

  header [--check]                         write include/trakt.h, or fail if it isn't what would be written
  install --prefix DIR [--libdir LIBDIR]   build the release library and install it with headers, CMake and pkg-config files
  kodi [OPTION VALUE]...                   package the Kodi add-on; the options stand in plugin/kodi/README.md:
       --out DIR  --client-id ID  --library PLATFORM=FILE  --repository-url URL  --as-version X.Y.Z
  licenses [--check]                       write THIRD-PARTY-LICENSES.md, or fail if it isn't what would be written";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["header"] => write_header(),
        ["header", "--check"] => check_header(),
        ["install", ref options @ ..] => install::run(&root(), options),
        ["kodi", ref options @ ..] => kodi::run(&root(), options),
        ["licenses"] => licenses::write(&root()),
        ["licenses", "--check"] => licenses::check(&root()),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn write_header() -> Result<(), String> {
    let path = root().join(header::PATH);
    std::fs::write(&path, header::generate(&root())?)
        .map_err(|error| format!("{}: {error}", path.display()))
}

fn check_header() -> Result<(), String> {
    let committed = std::fs::read_to_string(root().join(header::PATH)).unwrap_or_default();
    if committed == header::generate(&root())? {
        return Ok(());
    }
    Err(format!(
        "{} is out of date: run `cargo run -p xtask -- header` and commit it",
        header::PATH
    ))
}
