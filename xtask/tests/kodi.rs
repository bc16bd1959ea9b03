//! `xtask kodi` as it is run: the same bytes whatever the umask, and trouble said in plain words with a bad exit code.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Stand-ins for libraries of this machine, whichever of the two it is, so that none is built.
fn libraries(folder: &Path) -> Vec<String> {
    let version = env!("CARGO_PKG_VERSION");
    [("linux-x86_64", 62u16), ("linux-aarch64", 183)]
        .map(|(platform, machine)| {
            let mut bytes = b"\x7fELF".to_vec();
            bytes.resize(18, 0);
            bytes.extend(machine.to_le_bytes());
            bytes.extend(format!("\0trakt_abi_version\0{version}\0").as_bytes());
            let file = folder.join(platform);
            fs::write(&file, bytes).unwrap();
            format!("{platform}={}", file.display())
        })
        .to_vec()
}

fn run(umask: &str, out: &Path, libraries: &[String], more: &[&str]) -> Output {
    let mut command = Command::new("sh");
    command
        .args(["-c", "umask $0; exec \"$@\"", umask])
        .args([env!("CARGO_BIN_EXE_xtask"), "kodi", "--out"])
        .arg(out);
    for library in libraries {
        command.args(["--library", library]);
    }
    command.args(more).output().unwrap()
}

fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files
}

#[test]
fn the_umask_makes_no_difference() {
    let folder = tempfile::tempdir().unwrap();
    let libraries = libraries(folder.path());
    let [a, b] = ["022", "077"].map(|umask| {
        let out = folder.path().join(umask);
        let url = ["--repository-url", "https://example.org/kodi"];
        let output = run(umask, &out, &libraries, &url);
        assert!(output.status.success(), "{output:?}");
        let named = String::from_utf8(output.stdout).unwrap();
        for path in named.lines() {
            assert!(Path::new(path).exists(), "{path}");
        }
        assert_eq!(named.lines().count(), 3, "{named}");
        content(&out)
    });
    assert!(a.len() > 50);
    assert!(a == b);
}

#[test]
fn trouble_ends_with_a_sentence_and_a_bad_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let libraries = libraries(folder.path());
    let out = folder.path().join("out");
    let output = run("022", &out, &libraries, &["--client-id", "two words"]);
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("--client-id must be"), "{said}");
    assert!(!out.exists());
}
