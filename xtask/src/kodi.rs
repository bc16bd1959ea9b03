//! Packages the Kodi add-on and the repository that Kodi updates it from. The same input gives the same bytes: what is packaged is
//! gathered in memory, sorted by name, and no time, owner or mode of a file gets into it. Knows nothing of what the add-on does.
#![forbid(unsafe_code)]

mod archive;
mod manifest;
mod repository;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::header;
use crate::library::{self, Platform};

/// The add-on's id, and the name of its folder.
const ADDON: &str = "service.libtrakt";

/// Modules of the Python wrapper that only its command line needs.
const COMMAND_LINE: [&str; 4] = ["__main__.py", "cli.py", "screen.py", "texts.py"];

/// A folder's files by their path in it, with `/`.
type Files = BTreeMap<String, Vec<u8>>;

#[derive(Debug)]
struct Options {
    out: PathBuf,
    client_id: Option<String>,
    libraries: BTreeMap<Platform, PathBuf>,
    repository_url: Option<String>,
    /// Another version than the source's, for tests of updates.
    as_version: Option<String>,
}

/// Builds what is missing and packages it.
pub fn run(root: &Path, arguments: &[&str]) -> Result<(), String> {
    let mut options = read_options(root, arguments)?;
    let version = header::version(root)?;
    let host = Platform::host()?;
    if !options.libraries.contains_key(&host) {
        let built = match &options.as_version {
            Some(other) if *other != version => library::build_as(root, other)?,
            _ => library::build(root)?,
        };
        options.libraries.insert(host, built);
    }
    for path in package(root, &version, &options)? {
        println!("{}", path.display());
    }
    Ok(())
}

fn read_options(root: &Path, arguments: &[&str]) -> Result<Options, String> {
    let mut options = Options {
        out: root.join("target/kodi"),
        client_id: None,
        libraries: BTreeMap::new(),
        repository_url: None,
        as_version: None,
    };
    let mut seen = Vec::new();
    for pair in arguments.chunks(2) {
        let [name, value] = *pair else {
            return Err(format!("kodi: `{}` needs a value", pair.join(" ")));
        };
        if name != "--library" && seen.contains(&name) {
            return Err(format!("kodi: {name} is given twice"));
        }
        seen.push(name);
        match name {
            "--out" if !value.is_empty() => options.out = PathBuf::from(value),
            "--client-id" => options.client_id = Some(client_id(value)?),
            "--library" => {
                let (platform, file) = library_option(value)?;
                if options.libraries.insert(platform, file).is_some() {
                    return Err(format!("kodi: --library {platform} is given twice"));
                }
            }
            "--repository-url" => options.repository_url = Some(repository::url(value)?),
            "--as-version" => options.as_version = Some(three_numbers(value)?),
            _ => return Err(format!("kodi doesn't understand `{name} {value}`")),
        }
    }
    Ok(options)
}

/// A client id as Trakt hands them out; whatever else comes here is a slip of copying.
fn client_id(value: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if (1..=512).contains(&value.len()) && value.bytes().all(plain) {
        Ok(value.to_owned())
    } else {
        Err(
            "--client-id must be letters and digits, as Trakt shows it, without spaces or quotes"
                .to_owned(),
        )
    }
}

fn library_option(value: &str) -> Result<(Platform, PathBuf), String> {
    match value.split_once('=') {
        Some((tag, file)) if !file.is_empty() => Ok((Platform::named(tag)?, PathBuf::from(file))),
        _ => Err(format!(
            "--library must be PLATFORM=FILE, such as linux-aarch64=libtrakt.so, not `{value}`"
        )),
    }
}

fn three_numbers(value: &str) -> Result<String, String> {
    let number = |part: &str| {
        (1..=9).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    if value.split('.').count() == 3 && value.split('.').all(number) {
        Ok(value.to_owned())
    } else {
        Err(format!(
            "--as-version must be three numbers such as 1.2.3, not `{value}`"
        ))
    }
}

/// Writes folder, zip and repository; returns what a user or a web server is given.
fn package(root: &Path, version: &str, options: &Options) -> Result<Vec<PathBuf>, String> {
    let out = output_folder(root, &options.out)?;
    let files = addon_files(root, version, options)?;
    let version = options.as_version.as_deref().unwrap_or(version);
    let zip = archive::pack(ADDON, &files)?;

    let mut zips = vec![(ADDON, zip.clone())];
    let mut repository = Files::new();
    if let Some(url) = &options.repository_url {
        let own = repository::addon_files(root, version, url)?;
        let own_zip = archive::pack(repository::ADDON, &own)?;
        zips.push((repository::ADDON, own_zip.clone()));
        repository = repository::folder(&[
            repository::Offer::new(ADDON, version, &files, zip),
            repository::Offer::new(repository::ADDON, version, &own, own_zip),
        ])?;
    }

    replace_folder(&out.join(ADDON), &files, "addon.xml")?;
    // Without a URL too: the repository of an earlier run would offer an earlier add-on.
    replace_folder(&out.join("repository"), &repository, "addons.xml")?;
    let mut written = Vec::new();
    for (id, zip) in zips {
        let path = out.join(format!("{id}-{version}.zip"));
        write(&path, &zip)?;
        written.push(path);
    }
    if !repository.is_empty() {
        written.push(out.join("repository"));
    }
    Ok(written)
}

/// The folder to write to, made if it is missing. Never among the sources: its folders are replaced.
fn output_folder(root: &Path, out: &Path) -> Result<PathBuf, String> {
    let bad = |error| format!("{}: {error}", out.display());
    fs::create_dir_all(out).map_err(bad)?;
    let out = out.canonicalize().map_err(bad)?;
    let sources = root.join("plugin").canonicalize().map_err(bad)?;
    if out.starts_with(&sources) {
        return Err(format!(
            "--out {} is among the sources; name another folder",
            out.display()
        ));
    }
    Ok(out)
}

/// The add-on as it lies in the zip.
fn addon_files(root: &Path, version: &str, options: &Options) -> Result<Files, String> {
    let source = root.join("plugin/kodi").join(ADDON);
    let mut files = tree(&source)?;
    let manifest = text(&source.join("addon.xml"))?;
    let says = manifest::version(&manifest)?;
    if says != version {
        return Err(format!(
            "addon.xml says version {says}, Cargo.toml says {version}"
        ));
    }

    for (name, content) in tree(&root.join("bindings/python/libtrakt"))? {
        let python = name.ends_with(".py") && !name.contains('/');
        if python && !COMMAND_LINE.contains(&name.as_str()) {
            files.insert(format!("resources/lib/libtrakt/{name}"), content);
        }
    }

    let changelog = text(&root.join("CHANGELOG.md"))?;
    let news = manifest::newest_entry(&changelog, version)?;
    let packaged_as = options.as_version.as_deref().unwrap_or(version);
    let manifest = manifest::with_version(&manifest, packaged_as)?;
    let manifest = manifest::with_news(&manifest, &news)?;
    let (manifest, missing) = manifest::without_missing_assets(&manifest, &files)?;
    for screenshot in missing {
        eprintln!("left out of addon.xml, as it isn't there: {screenshot}");
    }
    files.insert("addon.xml".to_owned(), manifest.into_bytes());
    if packaged_as != version {
        let module = "resources/lib/libtrakt/_version.py";
        let line = |version: &str| format!("__version__ = \"{version}\"");
        let own = String::from_utf8_lossy(files.get(module).ok_or("_version.py is missing")?);
        if !own.contains(&line(version)) {
            return Err(format!("_version.py doesn't say {}", line(version)));
        }
        let other = own.replace(&line(version), &line(packaged_as));
        files.insert(module.to_owned(), other.into_bytes());
    }

    for (platform, file) in &options.libraries {
        let library = read(file)?;
        platform
            .check(&library, packaged_as)
            .map_err(|error| format!("{} {error}", file.display()))?;
        let name = platform.file_name(packaged_as);
        files.insert(format!("resources/lib/native/{platform}/{name}"), library);
    }

    if let Some(id) = &options.client_id {
        files.insert(
            "resources/client_id.txt".to_owned(),
            format!("{id}\n").into(),
        );
    }
    files.insert("LICENSE.txt".to_owned(), license(root)?.into_bytes());
    files.insert(
        "THIRD-PARTY-LICENSES.txt".to_owned(),
        read(&root.join("THIRD-PARTY-LICENSES.md"))?,
    );
    files.insert("changelog.txt".to_owned(), changelog.into_bytes());
    Ok(files)
}

/// Both licences in one file, which is where Kodi's users look.
fn license(root: &Path) -> Result<String, String> {
    let line = "=".repeat(79);
    Ok(format!(
        "Licensed under either of the two licences below, at your option: MIT OR Apache-2.0.\n\n{line}\n\n{}\n{line}\n\n{}",
        text(&root.join("LICENSE-MIT"))?,
        text(&root.join("LICENSE-APACHE"))?
    ))
}

/// All files below a folder but those that nobody means to ship.
fn tree(folder: &Path) -> Result<Files, String> {
    let mut files = Files::new();
    let mut open = vec![String::new()];
    while let Some(below) = open.pop() {
        let at = folder.join(&below);
        let bad = |error| format!("{}: {error}", at.display());
        for entry in fs::read_dir(&at).map_err(bad)? {
            let entry = entry.map_err(bad)?;
            let Ok(name) = entry.file_name().into_string() else {
                return Err(format!(
                    "{} has a name that is no UTF-8",
                    entry.path().display()
                ));
            };
            if unwanted(&name) {
                continue;
            }
            let kind = entry.file_type().map_err(bad)?;
            if kind.is_dir() {
                open.push(format!("{below}{name}/"));
            } else if kind.is_file() {
                files.insert(format!("{below}{name}"), read(&entry.path())?);
            } else {
                return Err(format!(
                    "{} is neither file nor folder",
                    entry.path().display()
                ));
            }
        }
    }
    Ok(files)
}

/// What editors, interpreters and tests leave behind.
fn unwanted(name: &str) -> bool {
    name.starts_with(['.', '#'])
        || name.ends_with('~')
        || matches!(name, "__pycache__" | "tests" | "native" | "Thumbs.db")
        || [".pyc", ".pyo", ".bak", ".orig", ".rej", ".swp", ".tmp"]
            .iter()
            .any(|ending| name.ends_with(ending))
}

/// Puts a folder in the place of the one of an earlier run.
fn replace_folder(folder: &Path, files: &Files, mark: &str) -> Result<(), String> {
    remove_folder(folder, mark)?;
    for (name, content) in files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| format!("{}: {error}", parent.display()))?;
        }
        write(&path, content)?;
    }
    Ok(())
}

/// Removes the folder of an earlier run, known by a file that it has; somebody else's is refused.
fn remove_folder(folder: &Path, mark: &str) -> Result<(), String> {
    if !folder.exists() {
        return Ok(());
    }
    if !folder.join(mark).is_file() {
        return Err(format!(
            "{} is in the way and not of an earlier run: it has no {mark}",
            folder.display()
        ));
    }
    fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

fn write(path: &Path, content: &[u8]) -> Result<(), String> {
    fs::write(path, content).map_err(|error| format!("{}: {error}", path.display()))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
