//! The native library: built for this machine, and recognized when it comes from elsewhere.
//! Knows nothing of what is made of it.
#![forbid(unsafe_code)]

use std::env::consts;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A device that a library can be for: an operating system and a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform {
    tag: &'static str,
    file: File,
}

/// What a library's file looks like from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum File {
    /// ELF, with its `e_machine`.
    Elf(u16),
    /// PE, with its `Machine`.
    Pe(u16),
    /// Mach-O of 64 bits, with its `cputype`.
    MachO(u32),
}

const PLATFORMS: [Platform; 10] = [
    platform("linux-x86_64", File::Elf(62)),
    platform("linux-aarch64", File::Elf(183)),
    platform("linux-armv7", File::Elf(40)),
    platform("linux-armv6", File::Elf(40)),
    platform("linux-i686", File::Elf(3)),
    platform("windows-x86_64", File::Pe(0x8664)),
    platform("macos-aarch64", File::MachO(0x0100_000c)),
    platform("macos-x86_64", File::MachO(0x0100_0007)),
    platform("android-aarch64", File::Elf(183)),
    platform("android-armv7", File::Elf(40)),
];

const fn platform(tag: &'static str, file: File) -> Platform {
    Platform { tag, file }
}

impl Platform {
    /// By its tag, such as `linux-x86_64`.
    pub fn named(tag: &str) -> Result<Self, String> {
        let tags = || PLATFORMS.map(|platform| platform.tag).join(", ");
        PLATFORMS
            .into_iter()
            .find(|platform| platform.tag == tag)
            .ok_or_else(|| format!("there is no platform `{tag}`; there are {}", tags()))
    }

    /// The one that this program runs on.
    pub fn host() -> Result<Self, String> {
        let processor = match consts::ARCH {
            "arm" => "armv7",
            "x86" => "i686",
            other => other,
        };
        Self::named(&format!("{}-{processor}", consts::OS))
    }

    /// The library's file name. With the version: a process that has loaded a path is given the same library again,
    /// whatever lies there by then.
    pub fn file_name(self, version: &str) -> String {
        match self.file {
            File::Elf(_) => format!("libtrakt-{version}.so"),
            File::Pe(_) => format!("trakt-{version}.dll"),
            File::MachO(_) => format!("libtrakt-{version}.dylib"),
        }
    }

    /// Refuses a file that is no libtrakt of this version for this platform.
    pub fn check(self, library: &[u8], version: &str) -> Result<(), String> {
        match recognize(library) {
            Some(file) if file == self.file => {}
            Some(_) => return Err(format!("is a library for another platform than {self}")),
            None => return Err("is no native library".to_owned()),
        }
        if !contains(library, b"trakt_abi_version") {
            return Err("is not libtrakt: it has no function trakt_abi_version".to_owned());
        }
        if !says_version(library, version) {
            return Err(format!("is not libtrakt {version}: build it again"));
        }
        Ok(())
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.tag)
    }
}

/// The file's kind by its header.
fn recognize(file: &[u8]) -> Option<File> {
    let u16_at = |at: usize| Some(u16::from_le_bytes(file.get(at..at + 2)?.try_into().ok()?));
    let u32_at = |at: usize| Some(u32::from_le_bytes(file.get(at..at + 4)?.try_into().ok()?));
    if file.starts_with(b"\x7fELF") {
        return Some(File::Elf(u16_at(18)?));
    }
    if file.starts_with(b"MZ") {
        let header = usize::try_from(u32_at(60)?).ok()?;
        let signature = file.get(header..header.checked_add(4)?)?;
        return (signature == b"PE\0\0").then_some(File::Pe(u16_at(header + 4)?));
    }
    (u32_at(0)? == 0xfeed_facf).then_some(File::MachO(u32_at(4)?))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Whether the text that `trakt_version` returns is in there: the version alone, ended by a NUL.
fn says_version(library: &[u8], version: &str) -> bool {
    let text = format!("{version}\0");
    let longer = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    library
        .windows(text.len())
        .enumerate()
        .any(|(at, window)| window == text.as_bytes() && (at == 0 || !longer(library[at - 1])))
}

/// Builds the release library. The cdylib alone: together with the rlib it would be built without link-time optimization.
pub fn build(root: &Path) -> Result<PathBuf, String> {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    cargo_rustc(root, &["--release"])?;
    Ok(root.join(target).join("release").join(file_built()))
}

/// Builds the library as if the workspace had another version, for tests of updates: quickly, without optimization,
/// in a folder of its own, so that what lies in `target/release` stays what it is.
pub fn build_as(root: &Path, version: &str) -> Result<PathBuf, String> {
    let folder = root.join("target/other-versions");
    let source = folder.join(version);
    let outside = |error| format!("can't prepare {}: {error}", source.display());
    mirror(root, &source, version).map_err(outside)?;
    let target = folder.join("target");
    cargo_rustc(
        &source,
        &[
            "--target-dir",
            &target.to_string_lossy(),
            "--config",
            "profile.dev.debug=false",
            "--config",
            "profile.dev.strip='symbols'",
        ],
    )?;
    Ok(target.join("debug").join(file_built()))
}

/// The workspace once more with another version: links to everything but what names it.
fn mirror(root: &Path, at: &Path, version: &str) -> io::Result<()> {
    if at.exists() {
        fs::remove_dir_all(at)?;
    }
    fs::create_dir_all(at)?;
    let root = root.canonicalize()?;
    for name in ["build.rs", "benches", "examples", "src", "tests", "xtask"] {
        std::os::unix::fs::symlink(root.join(name), at.join(name))?;
    }
    fs::copy(root.join("Cargo.lock"), at.join("Cargo.lock"))?;
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    let (before, rest) = manifest
        .split_once("\nversion = \"")
        .ok_or_else(|| io::Error::other("Cargo.toml has no version"))?;
    let (_, after) = rest.split_once('"').unwrap_or_default();
    fs::write(
        at.join("Cargo.toml"),
        format!("{before}\nversion = \"{version}\"{after}"),
    )
}

fn cargo_rustc(folder: &Path, arguments: &[&str]) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["rustc", "--lib", "--crate-type", "cdylib"])
        .args(arguments)
        .current_dir(folder);
    // `cargo run` names the package that it runs. Build scripts look at these names (ring's does), so that with them
    // half of the library would be built again after each build without them.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    let status = command
        .status()
        .map_err(|error| format!("can't run cargo: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err("the library could not be built".to_owned())
    }
}

fn file_built() -> String {
    format!("{}trakt{}", consts::DLL_PREFIX, consts::DLL_SUFFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least that passes for a library of the platform.
    fn library(file: File, version: &str) -> Vec<u8> {
        let mut bytes = match file {
            File::Elf(machine) => {
                let mut bytes = b"\x7fELF".to_vec();
                bytes.resize(18, 0);
                bytes.extend(machine.to_le_bytes());
                bytes
            }
            File::Pe(machine) => {
                let mut bytes = b"MZ".to_vec();
                bytes.resize(60, 0);
                bytes.extend(64u32.to_le_bytes());
                bytes.extend(b"PE\0\0");
                bytes.extend(machine.to_le_bytes());
                bytes
            }
            File::MachO(cpu) => [0xfeed_facf_u32.to_le_bytes(), cpu.to_le_bytes()].concat(),
        };
        bytes.extend(format!("..trakt_abi_version..x{version}\0..").as_bytes());
        bytes
    }

    #[test]
    fn a_library_of_the_platform_and_version_is_taken() {
        for platform in PLATFORMS {
            platform
                .check(&library(platform.file, "1.2.3"), "1.2.3")
                .unwrap();
        }
    }

    #[test]
    fn the_host_is_one_of_the_platforms() {
        assert!(PLATFORMS.contains(&Platform::host().unwrap()));
    }

    #[test]
    fn an_unknown_platform_is_refused_with_the_known_ones() {
        let error = Platform::named("linux-mips").unwrap_err();
        assert!(error.contains("linux-mips") && error.contains("linux-armv7"));
    }

    #[test]
    fn a_library_of_another_platform_is_refused() {
        let x86 = library(File::Elf(62), "1.2.3");
        for tag in [
            "linux-aarch64",
            "linux-i686",
            "windows-x86_64",
            "macos-x86_64",
        ] {
            let error = Platform::named(tag)
                .unwrap()
                .check(&x86, "1.2.3")
                .unwrap_err();
            assert!(error.contains(tag), "{error}");
        }
    }

    #[test]
    fn another_version_is_refused() {
        let platform = Platform::named("linux-x86_64").unwrap();
        let file = library(platform.file, "1.2.3");
        for version in ["1.2.4", "2.3", "1.2", ".2.3"] {
            assert!(platform.check(&file, version).is_err(), "{version}");
        }
        let longer = library(platform.file, "1.2.30");
        assert!(platform.check(&longer, "1.2.3").is_err());
        let longer = library(platform.file, "11.2.3");
        assert!(platform.check(&longer, "1.2.3").is_err());
    }

    #[test]
    fn what_is_no_library_is_refused_however_short() {
        let platform = Platform::named("windows-x86_64").unwrap();
        let whole = library(platform.file, "1.2.3");
        for length in 0..whole.len() - 3 {
            assert!(
                platform.check(&whole[..length], "1.2.3").is_err(),
                "{length}"
            );
        }
        let mut far = whole;
        far[60..64].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(platform.check(&far, "1.2.3").is_err());
        assert!(platform.check(b"#!/bin/sh\n", "1.2.3").is_err());
        let mut other = library(platform.file, "1.2.3");
        other.retain(|byte| *byte != b'_');
        let error = platform.check(&other, "1.2.3").unwrap_err();
        assert!(error.contains("not libtrakt"), "{error}");
    }

    #[test]
    fn the_file_name_carries_the_version() {
        for (tag, name) in [
            ("linux-armv6", "libtrakt-1.2.3.so"),
            ("windows-x86_64", "trakt-1.2.3.dll"),
            ("macos-aarch64", "libtrakt-1.2.3.dylib"),
        ] {
            assert_eq!(Platform::named(tag).unwrap().file_name("1.2.3"), name);
        }
    }

    #[test]
    fn the_mirror_differs_in_its_version_alone() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("9.9.9");
        for _ in 0..2 {
            mirror(&root, &at, "9.9.9").unwrap();
        }
        assert_eq!(crate::header::version(&at).unwrap(), "9.9.9");
        let ours = fs::read_to_string(root.join("Cargo.toml")).unwrap();
        let theirs = fs::read_to_string(at.join("Cargo.toml")).unwrap();
        let differing = ours.lines().zip(theirs.lines()).filter(|(a, b)| a != b);
        assert_eq!(differing.count(), 1);
        assert_eq!(ours.lines().count(), theirs.lines().count());
        assert!(at.join("src/lib.rs").is_file());
    }
}
