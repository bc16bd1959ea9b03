//! Packaging from outside: a copy of the sources goes in, files come out. The libraries are stand-ins.

use super::*;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

const SOURCES: [&str; 7] = [
    "plugin/kodi/service.libtrakt",
    "plugin/kodi/repository.libtrakt",
    "bindings/python/libtrakt",
    "CHANGELOG.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "THIRD-PARTY-LICENSES.md",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn version() -> String {
    header::version(&root()).unwrap()
}

/// A stand-in for a library: header, a symbol's name, the version.
fn library(folder: &Path, machine: u16, version: &str) -> PathBuf {
    let mut bytes = b"\x7fELF".to_vec();
    bytes.resize(18, 0);
    bytes.extend(machine.to_le_bytes());
    bytes.extend(format!("\0trakt_abi_version\0{version}\0").as_bytes());
    let path = folder.join(format!("{machine}-{version}.so"));
    fs::write(&path, bytes).unwrap();
    path
}

/// The sources once more, with other modes and times, written in another order, and with what editors leave behind.
fn copy_sources(to: &Path, mode: u32, age: u64, backwards: bool) {
    for source in SOURCES {
        let from = root().join(source);
        let mut files: Vec<(String, Vec<u8>)> = if from.is_dir() {
            let below = |(name, content)| (format!("{source}/{name}"), content);
            tree(&from).unwrap().into_iter().map(below).collect()
        } else {
            vec![(source.to_owned(), fs::read(from).unwrap())]
        };
        if backwards {
            files.reverse();
            if source.starts_with("plugin/kodi/service") {
                for junk in [
                    "a.pyc",
                    ".a.py.swp",
                    "a.py~",
                    "__pycache__/b.pyc",
                    "tests/test_a.py",
                ] {
                    files.push((format!("{source}/resources/lib/{junk}"), b"junk".to_vec()));
                }
            }
        }
        for (name, content) in files {
            let path = to.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age))
                .unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}

fn options(out: &Path, libraries: &[(&str, &Path)]) -> Options {
    let libraries = libraries
        .iter()
        .map(|(tag, file)| (Platform::named(tag).unwrap(), file.to_path_buf()));
    Options {
        out: out.to_owned(),
        client_id: Some("0123456789abcdef".to_owned()),
        libraries: libraries.collect(),
        repository_url: Some("https://example.org/kodi".to_owned()),
        as_version: None,
    }
}

fn packaged(as_version: Option<&str>) -> (tempfile::TempDir, Files) {
    let folder = tempfile::tempdir().unwrap();
    let version = version();
    let x86 = library(folder.path(), 62, as_version.unwrap_or(&version));
    let arm = library(folder.path(), 40, as_version.unwrap_or(&version));
    let out = folder.path().join("out");
    let mut options = options(&out, &[("linux-x86_64", &x86), ("linux-armv7", &arm)]);
    options.as_version = as_version.map(str::to_owned);
    package(&root(), &version, &options).unwrap();
    let files = tree_with_all(&out);
    (folder, files)
}

/// Everything in the output; nothing in it is unwanted but folders named native.
fn tree_with_all(out: &Path) -> Files {
    fn collect(at: &Path, below: &str, files: &mut Files) {
        for entry in fs::read_dir(at).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{below}{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                collect(&entry.path(), &format!("{name}/"), files);
            } else {
                files.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
    let mut files = Files::new();
    collect(out, "", &mut files);
    files
}

#[test]
fn the_addon_has_what_it_needs_and_nothing_else() {
    let (_folder, files) = packaged(None);
    let version = version();
    let addon = |name: &str| files.contains_key(&format!("service.libtrakt/{name}"));
    for name in [
        "addon.xml",
        "service.py",
        "script.py",
        "LICENSE.txt",
        "THIRD-PARTY-LICENSES.txt",
        "changelog.txt",
        "resources/icon.png",
        "resources/fanart.jpg",
        "resources/client_id.txt",
        "resources/skins/default/media/libtrakt/glyph-A.png",
        "resources/lib/traktkodi/__init__.py",
        "resources/lib/libtrakt/__init__.py",
        "resources/lib/libtrakt/_library.py",
        &format!("resources/lib/native/linux-x86_64/libtrakt-{version}.so"),
        &format!("resources/lib/native/linux-armv7/libtrakt-{version}.so"),
    ] {
        assert!(addon(name), "{name} is missing");
    }
    for name in COMMAND_LINE {
        assert!(!addon(&format!("resources/lib/libtrakt/{name}")), "{name}");
    }
    let id = &files["service.libtrakt/resources/client_id.txt"];
    assert_eq!(id, b"0123456789abcdef\n");
    let manifest = String::from_utf8(files["service.libtrakt/addon.xml"].clone()).unwrap();
    assert!(!manifest.contains("></news>"));
    assert!(files.keys().all(|name| !name.ends_with(".pyc")));
}

#[test]
fn the_repository_offers_both_addons() {
    let (_folder, files) = packaged(None);
    let version = version();
    for name in [
        "repository/addons.xml",
        "repository/addons.xml.sha256",
        &format!("repository/service.libtrakt/service.libtrakt-{version}.zip"),
        &format!("repository/service.libtrakt/service.libtrakt-{version}.zip.sha256"),
        "repository/service.libtrakt/resources/icon.png",
        "repository/service.libtrakt/resources/fanart.jpg",
        &format!("repository/repository.libtrakt/repository.libtrakt-{version}.zip"),
        "repository/repository.libtrakt/icon.png",
    ] {
        assert!(files.contains_key(name), "{name} is missing");
    }
    let zip = format!("service.libtrakt-{version}.zip");
    assert_eq!(
        files[&zip],
        files[&format!("repository/service.libtrakt/{zip}")]
    );
    let list = String::from_utf8(files["repository/addons.xml"].clone()).unwrap();
    assert!(list.contains("<info compressed=\"false\">https://example.org/kodi/addons.xml</info>"));
    assert!(!list.contains("@URL@"));
}

#[test]
fn the_same_sources_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let library = library(folder.path(), 62, &version());
    let mut outputs = Vec::new();
    for (name, mode, age, backwards) in [("a", 0o644, 0, false), ("b", 0o700, 1_000_000, true)] {
        let sources = folder.path().join(name);
        copy_sources(&sources, mode, age, backwards);
        let out = folder.path().join(format!("{name}-out"));
        let options = options(&out, &[("linux-x86_64", &library)]);
        // Twice: what an earlier run left must not matter.
        for _ in 0..2 {
            package(&sources, &version(), &options).unwrap();
        }
        outputs.push(tree_with_all(&out));
    }
    let (a, b) = (&outputs[0], &outputs[1]);
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (name, content) in a {
        assert!(*content == b[name], "{name} differs");
    }
}

#[test]
fn another_version_is_another_version_everywhere() {
    let (_folder, files) = packaged(Some("9.8.7"));
    let names = |part: &str| files.keys().any(|name| name.contains(part));
    assert!(names("service.libtrakt-9.8.7.zip") && names("linux-x86_64/libtrakt-9.8.7.so"));
    assert!(!names(&format!("-{}.", version())));
    let manifest = &files["service.libtrakt/addon.xml"];
    let manifest = std::str::from_utf8(manifest).unwrap();
    assert_eq!(manifest::version(manifest).unwrap(), "9.8.7");
    let module = &files["service.libtrakt/resources/lib/libtrakt/_version.py"];
    assert!(String::from_utf8_lossy(module).contains("__version__ = \"9.8.7\""));
}

#[test]
fn without_a_url_there_is_no_repository_not_even_an_old_one() {
    let (folder, _) = packaged(None);
    let out = folder.path().join("out");
    assert!(out.join("repository/addons.xml").is_file());
    let library = library(folder.path(), 62, &version());
    let mut options = options(&out, &[("linux-x86_64", &library)]);
    options.repository_url = None;
    let written = package(&root(), &version(), &options).unwrap();
    assert_eq!(written.len(), 1);
    assert!(!out.join("repository").exists());
}

#[test]
fn what_the_addon_imports_of_the_wrapper_is_shipped() {
    let wrapper = tree(&root().join("bindings/python/libtrakt")).unwrap();
    let left_out: Vec<&str> = COMMAND_LINE
        .iter()
        .filter_map(|name| name.strip_suffix(".py"))
        .collect();
    for (name, content) in &wrapper {
        if COMMAND_LINE.contains(&name.as_str()) || !name.ends_with(".py") {
            continue;
        }
        let content = String::from_utf8_lossy(content);
        for line in content.lines().map(str::trim) {
            let Some(import) = line.strip_prefix("from .") else {
                continue;
            };
            let words = import.split(|c: char| !c.is_alphanumeric() && c != '_');
            for word in words {
                assert!(!left_out.contains(&word), "{name} imports {word}: {line}");
            }
        }
    }
    for name in COMMAND_LINE {
        assert!(wrapper.contains_key(name), "{name} is gone: forget it");
    }
    let own = tree(&root().join("plugin/kodi/service.libtrakt")).unwrap();
    for (name, content) in own.iter().filter(|(name, _)| name.ends_with(".py")) {
        let content = String::from_utf8_lossy(content);
        for module in &left_out {
            assert!(
                !content.contains(&format!("libtrakt.{module}")),
                "{name} uses libtrakt.{module}, which isn't shipped"
            );
        }
    }
}

#[test]
fn bad_input_is_refused_in_plain_words() {
    let refused = |arguments: &[&str]| read_options(&root(), arguments).unwrap_err();
    for (arguments, says) in [
        (&["--client-id", "abc def"][..], "--client-id"),
        (&["--client-id", ""], "--client-id"),
        (&["--client-id", "abc\"def"], "--client-id"),
        (&["--client-id", "ключ"], "--client-id"),
        (&["--client-id"], "needs a value"),
        (&["--client-id", "a", "--client-id", "b"], "twice"),
        (&["--library", "linux-mips=x.so"], "linux-mips"),
        (&["--library", "linux-x86_64="], "PLATFORM=FILE"),
        (&["--library", "x.so"], "PLATFORM=FILE"),
        (
            &["--library", "linux-armv7=a", "--library", "linux-armv7=b"],
            "linux-armv7 is given twice",
        ),
        (&["--repository-url", "ftp://x"], "https"),
        (&["--as-version", "1.2"], "1.2.3"),
        (&["--as-version", "1.2.3-rc1"], "1.2.3"),
        (&["--as-version", "1.02.3"], "1.2.3"),
        (&["--as-version", "../../x"], "1.2.3"),
        (&["--out", ""], "--out"),
        (&["--colour", "red"], "--colour red"),
    ] {
        let error = refused(arguments);
        assert!(error.contains(says), "{arguments:?}: {error}");
    }
}

#[test]
fn files_that_are_missing_or_wrong_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let version = version();
    let refused = |file: &Path| {
        package(&root(), &version, &options(&out, &[("linux-x86_64", file)])).unwrap_err()
    };
    let error = refused(&folder.path().join("none.so"));
    assert!(error.contains("none.so"), "{error}");
    let error = refused(&library(folder.path(), 62, "0.0.1"));
    assert!(
        error.contains(&format!("not libtrakt {version}")),
        "{error}"
    );
    let error = refused(&library(folder.path(), 183, &version));
    assert!(
        error.contains("another platform than linux-x86_64"),
        "{error}"
    );
    assert!(!out.join(ADDON).exists());

    let good = library(folder.path(), 62, &version);
    let options = options(&out, &[("linux-x86_64", &good)]);
    let error = package(&root(), "7.7.7", &options).unwrap_err();
    assert!(error.contains("Cargo.toml says 7.7.7"), "{error}");
}

#[test]
fn nobody_elses_folder_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let good = library(folder.path(), 62, &version());
    let out = folder.path().join("out");
    let options_here = options(&out, &[("linux-x86_64", &good)]);
    for name in [ADDON, "repository"] {
        let mine = out.join(name);
        fs::create_dir_all(&mine).unwrap();
        fs::write(mine.join("precious"), "x").unwrap();
        let error = package(&root(), &version(), &options_here).unwrap_err();
        assert!(error.contains("in the way"), "{error}");
        assert!(mine.join("precious").exists());
        fs::remove_dir_all(mine).unwrap();
    }
    let among_sources = root().join("plugin/kodi");
    let options = options(&among_sources, &[("linux-x86_64", &good)]);
    let error = package(&root(), &version(), &options).unwrap_err();
    assert!(error.contains("among the sources"), "{error}");
}

#[test]
fn leftovers_are_not_packaged() {
    for name in [
        "__pycache__",
        "a.pyc",
        ".git",
        ".a.swp",
        "a~",
        "#a#",
        "a.orig",
        "tests",
    ] {
        assert!(unwanted(name), "{name}");
    }
    for name in [
        "a.py",
        "addon.xml",
        "service.libtrakt",
        "1080i",
        "strings.po",
        "a.tests",
    ] {
        assert!(!unwanted(name), "{name}");
    }
}
