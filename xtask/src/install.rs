//! Installs the release library into a prefix, with its headers and what CMake and pkg-config need to find it.
//! The result can be moved: nothing in it names the prefix.
#![forbid(unsafe_code)]

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::{header, library};

const SONAME: &str = "libtrakt.so.1";

struct Options {
    prefix: PathBuf,
    /// Relative to the prefix.
    libdir: PathBuf,
}

/// Builds and installs.
pub fn run(root: &Path, arguments: &[&str]) -> Result<(), String> {
    let options = read_options(arguments)?;
    let library = library::build(root)?;
    install(root, &library, &options).map_err(|error| format!("can't install: {error}"))?;
    println!("installed into {}", options.prefix.display());
    Ok(())
}

fn read_options(arguments: &[&str]) -> Result<Options, String> {
    let (mut prefix, mut libdir) = (None, PathBuf::from("lib"));
    for pair in arguments.chunks(2) {
        match *pair {
            ["--prefix", path] if !path.is_empty() => prefix = Some(PathBuf::from(path)),
            ["--libdir", path] => libdir = PathBuf::from(path),
            _ => return Err(format!("install doesn't understand `{}`", pair.join(" "))),
        }
    }
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    if libdir.as_os_str().is_empty() || !libdir.components().all(plain) {
        return Err("--libdir must be a folder below the prefix, such as lib or lib64".to_owned());
    }
    let prefix = prefix.ok_or("install needs --prefix DIR")?;
    Ok(Options { prefix, libdir })
}

fn install(root: &Path, library: &Path, options: &Options) -> io::Result<()> {
    let version = header::version(root).map_err(io::Error::other)?;
    let libdir = options.prefix.join(&options.libdir);
    let file = format!("libtrakt.so.{version}");

    fs::create_dir_all(&libdir)?;
    replace(library, &libdir.join(&file), 0o755)?;
    link(&file, &libdir.join(SONAME))?;
    link(SONAME, &libdir.join("libtrakt.so"))?;

    let include = options.prefix.join("include");
    fs::create_dir_all(&include)?;
    for name in ["trakt.h", "trakt.hpp"] {
        replace(&root.join("include").join(name), &include.join(name), 0o644)?;
    }

    let licenses = options.prefix.join("share/licenses/libtrakt");
    fs::create_dir_all(&licenses)?;
    for entry in fs::read_dir(root)? {
        let name = entry?.file_name();
        if name.to_string_lossy().starts_with("LICENSE") {
            replace(&root.join(&name), &licenses.join(&name), 0o644)?;
        }
    }

    for (template, folder) in [
        ("trakt.pc.in", "pkgconfig"),
        ("trakt-config.cmake.in", "cmake/trakt"),
        ("trakt-config-version.cmake.in", "cmake/trakt"),
    ] {
        let folder = Path::new(folder);
        let up = "../".repeat(options.libdir.components().count() + folder.components().count());
        let text = fs::read_to_string(root.join("bindings/cpp/cmake").join(template))?
            .replace("@VERSION@", &version)
            .replace("@SONAME@", SONAME)
            .replace("@LIBRARY@", &file)
            .replace("@LIBDIR@", &options.libdir.to_string_lossy())
            .replace("@PREFIX@", up.trim_end_matches('/'));
        fs::create_dir_all(libdir.join(folder))?;
        fs::write(
            libdir.join(folder).join(template.trim_end_matches(".in")),
            text,
        )?;
    }
    Ok(())
}

/// Puts a new file in the place of an old one. A library that is in use must not be written over: programs have it mapped.
fn replace(from: &Path, to: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = to.with_file_name(name);
    fs::copy(from, &fresh)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", from.display())))?;
    fs::set_permissions(&fresh, fs::Permissions::from_mode(mode))?;
    fs::rename(&fresh, to)
}

fn link(target: &str, at: &Path) -> io::Result<()> {
    match fs::remove_file(at) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::os::unix::fs::symlink(target, at)
}
