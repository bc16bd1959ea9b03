//! THIRD-PARTY-LICENSES.md: the licence texts of everything that is inside the release library, as its packages carry them.
//! Knows nothing of which licences are welcome; that is deny.toml's.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

/// The file's place in the repository.
const PATH: &str = "THIRD-PARTY-LICENSES.md";

/// Where the library is built for: the list is the same whichever machine writes it.
const TARGETS: [&str; 8] = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "armv7-unknown-linux-gnueabihf",
    "arm-unknown-linux-gnueabihf",
    "aarch64-linux-android",
    "x86_64-pc-windows-gnu",
    "aarch64-apple-darwin",
    "x86_64-apple-darwin",
];

const INTRODUCTION: &str = "\
# Licences of what is inside libtrakt

The release library contains code of the packages below, on one platform or another. Each stands with the licence that it declares and the texts that it
comes with; where it offers MIT among others, MIT is taken. The library also contains:

* SQLite (<https://sqlite.org>), which is in the public domain, compiled in by `libsqlite3-sys`;
* Rust's standard library (<https://www.rust-lang.org>), copyright the Rust Project contributors, MIT OR Apache-2.0, in the words of the texts below.

Written by `cargo run -p xtask -- licenses`.
";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    license_file: Option<PathBuf>,
    manifest_path: PathBuf,
}

/// Writes the file.
pub fn write(root: &Path) -> Result<(), String> {
    let path = root.join(PATH);
    fs::write(&path, generate(root)?).map_err(|error| format!("{}: {error}", path.display()))
}

/// Fails if the committed file isn't what would be written.
pub fn check(root: &Path) -> Result<(), String> {
    if fs::read_to_string(root.join(PATH)).unwrap_or_default() == generate(root)? {
        return Ok(());
    }
    Err(format!(
        "{PATH} is out of date: run `cargo run -p xtask -- licenses` and commit it"
    ))
}

fn generate(root: &Path) -> Result<String, String> {
    let mut packages = shipped(root)?;
    packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));

    // The same text, however its lines are broken, stands once.
    let mut texts: Vec<(String, String)> = Vec::new();
    let mut users: Vec<BTreeSet<String>> = Vec::new();
    let mut out = format!("{INTRODUCTION}\n| package | licence | texts |\n|---|---|---|\n");
    for package in packages {
        let title = format!("{} {}", package.name, package.version);
        let mut numbers = BTreeSet::new();
        for text in texts_of(&package)? {
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let index = texts
                .iter()
                .position(|(known, _)| *known == words)
                .unwrap_or_else(|| {
                    texts.push((words, text));
                    users.push(BTreeSet::new());
                    texts.len() - 1
                });
            users[index].insert(title.clone());
            numbers.insert(index + 1);
        }
        let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
        let declared = package.license.as_deref().unwrap_or("see its text");
        let _ = writeln!(out, "| {title} | {declared} | {} |", numbers.join(", "));
    }
    for (index, ((_, text), users)) in texts.iter().zip(&users).enumerate() {
        let users: Vec<&str> = users.iter().map(String::as_str).collect();
        let _ = write!(
            out,
            "\n## Text {}\n\nOf {}.\n\n~~~~text\n{text}\n~~~~\n",
            index + 1,
            users.join(", ")
        );
    }
    Ok(out)
}

/// The packages that the library is linked from, itself left out.
/// Cargo's tree is asked because its metadata counts what only tests switch on.
fn shipped(root: &Path) -> Result<Vec<Package>, String> {
    let tree = cargo(
        root,
        &[
            "tree",
            "--package=libtrakt",
            "--edges=normal,no-proc-macro",
            "--prefix=none",
            "--no-dedupe",
        ],
        "--target",
    )?;
    let linked = linked(&tree);
    let metadata = cargo(
        root,
        &["metadata", "--format-version=1"],
        "--filter-platform",
    )?;
    let metadata: Metadata =
        serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages: Vec<Package> = metadata
        .packages
        .into_iter()
        .filter(|package| linked.contains(&(package.name.as_str(), package.version.as_str())))
        .collect();
    if packages.len() == linked.len() {
        Ok(packages)
    } else {
        Err("cargo's tree and metadata name different packages".to_owned())
    }
}

/// Name and version of each package of a tree whose lines read `name v1.2.3`.
fn linked(tree: &str) -> BTreeSet<(&str, &str)> {
    tree.lines()
        .filter_map(|line| line.split_once(" v"))
        .map(|(name, rest)| (name, rest.split(' ').next().unwrap_or(rest)))
        .filter(|(name, _)| *name != "libtrakt")
        .collect()
}

fn cargo(root: &Path, arguments: &[&str], target_option: &str) -> Result<String, String> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root)
        .args(arguments)
        .arg("--locked")
        .args(TARGETS.map(|target| format!("{target_option}={target}")))
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    if output.status.success() {
        String::from_utf8(output.stdout).map_err(|error| format!("cargo: {error}"))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The licence texts that a package carries; without a file of its own, the one at the top of its source.
fn texts_of(package: &Package) -> Result<Vec<String>, String> {
    let folder = package
        .manifest_path
        .parent()
        .ok_or("a manifest without a folder")?;
    let mut files = BTreeSet::new();
    license_files(folder, &mut files)?;
    if let Some(file) = &package.license_file {
        files.insert(folder.join(file));
    }
    if files.is_empty() {
        let source = read(&folder.join("src/lib.rs"))?;
        return match comment_on_top(&source) {
            Some(text) if text.contains("Permission is hereby granted") => Ok(vec![text]),
            _ => Err(format!(
                "{} {} carries no licence text",
                package.name, package.version
            )),
        };
    }
    let offers_mit = package
        .license
        .as_deref()
        .is_some_and(|declared| offers(declared, "MIT"));
    let is_mit = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.to_lowercase().contains("mit")
    };
    if offers_mit && files.iter().any(is_mit) {
        files.retain(is_mit);
    }
    files.iter().map(|file| read(file)).collect()
}

/// Whether a licence may be chosen alone.
fn offers(declared: &str, license: &str) -> bool {
    !declared.contains(" AND ")
        && declared
            .split(" OR ")
            .flat_map(|choice| choice.split('/'))
            .any(|choice| choice.trim() == license)
}

/// Licence files of a package and of what it has taken in from others; its tests aren't in the library.
fn license_files(folder: &Path, found: &mut BTreeSet<PathBuf>) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        if path.is_dir() {
            if !["tests", "benches", "examples", "target"].contains(&name.as_str()) {
                license_files(&path, found)?;
            }
        } else if is_license_file(&name) {
            found.insert(path);
        }
    }
    Ok(())
}

fn is_license_file(name: &str) -> bool {
    [
        "license",
        "licence",
        "copying",
        "copyright",
        "notice",
        "unlicense",
    ]
    .iter()
    .any(|start| name.starts_with(start))
        && !name.ends_with(".rs")
}

/// The lines of a file, without what editors leave behind.
fn read(path: &Path) -> Result<String, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let lines: Vec<&str> = text
        .trim_matches('\u{feff}')
        .lines()
        .map(str::trim_end)
        .collect();
    Ok(lines.join("\n").trim_matches('\n').to_owned())
}

/// The block comment that a source file begins with.
fn comment_on_top(source: &str) -> Option<String> {
    let (comment, _) = source.strip_prefix("/*")?.split_once("*/")?;
    let lines: Vec<&str> = comment
        .lines()
        .map(|line| line.trim().trim_start_matches('*').trim())
        .collect();
    Some(lines.join("\n").trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_license_file_is_known_by_its_name() {
        for name in [
            "license",
            "license-mit",
            "licence.txt",
            "copying",
            "unlicense",
            "notice.md",
        ] {
            assert!(is_license_file(name), "{name}");
        }
        for name in ["license.rs", "readme.md", "relicense"] {
            assert!(!is_license_file(name), "{name}");
        }
    }

    #[test]
    fn the_tree_is_read_without_the_library_itself() {
        let tree = "libtrakt v0.1.0 (/somewhere)\nring v0.17.14\nvec v1.0.0\nring v0.17.14\n\nvec v2.0.0+x\n";
        let expected = [("ring", "0.17.14"), ("vec", "1.0.0"), ("vec", "2.0.0+x")];
        assert_eq!(linked(tree), BTreeSet::from(expected));
    }

    #[test]
    fn a_choice_is_told_from_a_sum() {
        for declared in [
            "MIT",
            "Apache-2.0 OR MIT",
            "MIT/Apache-2.0",
            "Unlicense OR MIT",
        ] {
            assert!(offers(declared, "MIT"), "{declared}");
        }
        for declared in [
            "MIT AND ISC",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "MIT-0",
            "ISC",
        ] {
            assert!(!offers(declared, "MIT"), "{declared}");
        }
    }

    #[test]
    fn a_license_may_stand_on_top_of_the_source() {
        let source = "/* \n * Copyright\n * \n * Permission is hereby granted\n */\n\nfn main() {}";
        assert_eq!(
            comment_on_top(source).unwrap(),
            "Copyright\n\nPermission is hereby granted"
        );
        assert_eq!(comment_on_top("fn main() {}"), None);
    }
}
