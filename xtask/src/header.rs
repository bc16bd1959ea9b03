//! `include/trakt.h` from the source of the C boundary: cbindgen's output with an introduction and the version.
//! Knows nothing of what the functions do. Also compiled into the test that looks for drift.
#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;

/// The header's place in the repository.
pub const PATH: &str = "include/trakt.h";

/// The header's text, for the repository at `root`.
pub fn generate(root: &Path) -> Result<String, String> {
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml"))?;
    config.header = Some(comment(&read(&root.join("src/capi/introduction.txt"))?));
    config.after_includes = Some(macros(&version(root)?)?);
    let mut generated = Vec::new();
    cbindgen::Builder::new()
        .with_config(config)
        .with_src(root.join("src/capi/status.rs"))
        .with_src(root.join("src/capi/functions.rs"))
        .generate()
        .map_err(|error| error.to_string())?
        .write(&mut generated);
    Ok(portable(
        &String::from_utf8(generated).map_err(|error| error.to_string())?,
    ))
}

/// The version of the package, which Cargo.toml alone knows.
pub fn version(root: &Path) -> Result<String, String> {
    read(&root.join("Cargo.toml"))?
        .lines()
        .find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
        .map(str::to_owned)
        .ok_or_else(|| "Cargo.toml has no version".to_owned())
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn comment(text: &str) -> String {
    let lines = text
        .lines()
        .map(|line| format!(" * {line}").trim_end().to_owned());
    format!("/*\n{}\n */", lines.collect::<Vec<_>>().join("\n"))
}

fn macros(version: &str) -> Result<String, String> {
    let numbers: Vec<&str> = version
        .split('-')
        .next()
        .unwrap_or_default()
        .split('.')
        .collect();
    let [major, minor, patch] = numbers[..] else {
        return Err(format!("{version} is no version"));
    };
    Ok(format!(
        r#"
/** The version of this header, to compare with at compile time. */
#define TRAKT_VERSION_MAJOR {major}
#define TRAKT_VERSION_MINOR {minor}
#define TRAKT_VERSION_PATCH {patch}
#define TRAKT_VERSION_STRING "{version}"

/* A result that must not be thrown away: as a rule because it has to be freed. */
#ifndef TRAKT_MUST_USE
#if defined(__GNUC__) || defined(__clang__)
#define TRAKT_MUST_USE __attribute__((warn_unused_result))
#else
#define TRAKT_MUST_USE
#endif
#endif"#
    ))
}

/// Without what older compilers stumble over (a comma behind the last constant, comments with two slashes),
/// and with short comments on one line.
fn portable(header: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in header.lines() {
        if let [.., open, said] = &lines[..]
            && line.trim() == "*/"
            && let Some(indent) = open.strip_suffix("/**")
            && let Some(said) = said.trim_start().strip_prefix("* ")
        {
            let short = format!("{indent}/** {said} */");
            lines.truncate(lines.len() - 2);
            lines.push(short);
            continue;
        }
        if line.starts_with('}')
            && let Some(last) = lines.last_mut()
            && last.ends_with(',')
        {
            last.pop();
        }
        lines.push(match line.split_once(" // ") {
            Some((code, said)) if line.starts_with(['#', '}']) => {
                format!("{} /* {said} */", code.trim_end())
            }
            _ => line.to_owned(),
        });
    }
    lines.join("\n") + "\n"
}
