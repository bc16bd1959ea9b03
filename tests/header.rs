//! The committed header against the source, the library, and what is promised about each function's comment.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtrakt_header as header;
use trakt::error::Status;

#[path = "../xtask/src/header.rs"]
mod libtrakt_header;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn committed() -> String {
    fs::read_to_string(root().join(header::PATH)).expect("the header is committed")
}

struct Function {
    name: String,
    declaration: String,
    comment: String,
}

/// Each declaration with the comment above it.
fn functions(text: &str) -> Vec<Function> {
    let mut functions = Vec::new();
    let (mut comment, mut declaration) = (String::new(), String::new());
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("/**") {
            comment.clear();
            inside = true;
        }
        if inside {
            comment += line.trim_start_matches([' ', '*', '/']);
            comment.push('\n');
            inside = !line.ends_with("*/");
            continue;
        }
        let goes_on = !declaration.is_empty();
        if goes_on
            || (line.contains("trakt_") && line.contains('(') && !line.starts_with([' ', '#']))
        {
            declaration += line.trim();
            declaration.push(' ');
            if line.ends_with(';') {
                let name = declaration
                    .split('(')
                    .next()
                    .and_then(|before| before.rsplit([' ', '*']).next())
                    .unwrap_or_default();
                functions.push(Function {
                    name: name.to_owned(),
                    declaration: std::mem::take(&mut declaration),
                    comment: std::mem::take(&mut comment),
                });
            }
        }
    }
    functions
}

#[test]
fn the_committed_header_is_what_the_source_says() {
    let generated = header::generate(root()).expect("cbindgen reads the source");
    assert!(
        committed() == generated,
        "include/trakt.h is out of date: run `cargo run -p xtask -- header` and commit it"
    );
}

#[test]
fn the_functions_stand_in_the_order_of_the_contract() {
    let names: Vec<String> = functions(&committed())
        .into_iter()
        .map(|function| function.name)
        .collect();
    assert_eq!(
        names,
        [
            "trakt_version",
            "trakt_abi_version",
            "trakt_build_info",
            "trakt_status_name",
            "trakt_client_open",
            "trakt_client_close",
            "trakt_client_cancel",
            "trakt_shutdown",
            "trakt_device_start",
            "trakt_device_poll",
            "trakt_device_cancel",
            "trakt_authorize_url",
            "trakt_authorize_finish",
            "trakt_account",
            "trakt_get_settings",
            "trakt_check_limit",
            "trakt_check_permission",
            "trakt_unlink",
            "trakt_player_event",
            "trakt_call",
            "trakt_submit",
            "trakt_result",
            "trakt_cancel",
            "trakt_next_events",
            "trakt_reply_status",
            "trakt_string_free",
        ]
    );
}

#[test]
fn each_comment_says_what_a_host_has_to_know() {
    let mut missing = Vec::new();
    for Function {
        name,
        declaration,
        comment,
    } in functions(&committed())
    {
        let mut demand = |what: &str| {
            if !comment.contains(what) {
                missing.push(format!("{name}: {what}"));
            }
        };
        for heading in ["**Blocking:**", "**Threads:**", "**Status:**", "**Since:**"] {
            demand(heading);
        }
        if !declaration.starts_with("void ") {
            demand("**Returns:**");
        }
        let (result, parameters) = declaration.split_once('(').unwrap();
        if result.contains("char *") && !result.contains("const char *") {
            demand("trakt_string_free()");
        }
        for parameter in parameters.trim_end_matches([')', ';', ' ']).split(", ") {
            if parameter == "void" {
                continue;
            }
            demand(&format!(
                "`{}`:",
                parameter.rsplit([' ', '*']).next().unwrap()
            ));
            if parameter.contains('*') {
                demand("NULL");
            }
            if parameter.contains("const char *") {
                demand("orrowed for the call");
            }
        }
        let first = comment
            .lines()
            .find(|line| !line.is_empty())
            .unwrap_or_default();
        assert!(first.len() > 20, "{name} doesn't say what it is for");
    }
    assert!(
        missing.is_empty(),
        "missing in the header:\n{}",
        missing.join("\n")
    );
}

#[test]
fn the_header_is_plain_ascii() {
    let text = committed();
    assert!(
        text.bytes()
            .all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte))
    );
    assert!(
        text.lines()
            .all(|line| line.len() <= 120 && line.trim_end() == line)
    );
}

#[test]
fn the_library_exports_the_functions_of_the_header_and_nothing_else() {
    let library = library();
    let output = Command::new("nm")
        .args(["-D", "--defined-only", "--format=posix"])
        .arg(&library)
        .output()
        .expect("nm runs");
    assert!(output.status.success());
    let exported: BTreeSet<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.split(' ').next().map(str::to_owned))
        .collect();
    let declared = functions(&committed())
        .into_iter()
        .map(|function| function.name)
        .collect();
    assert_eq!(exported, declared, "{}", library.display());
}

/// The one that LIBTRAKT_LIBRARY names, such as the release library; else the one that was built with this test.
fn library() -> PathBuf {
    std::env::var_os("LIBTRAKT_LIBRARY").map_or_else(
        || {
            std::env::current_exe()
                .unwrap()
                .with_file_name("libtrakt.so")
        },
        PathBuf::from,
    )
}

#[test]
fn statuses_are_the_same_in_the_header_and_in_the_core() {
    let text = committed();
    let (_, list) = text.split_once("typedef enum trakt_status {").unwrap();
    let (list, _) = list.split_once('}').unwrap();
    let mut retryable = false;
    let mut declared = Vec::new();
    for line in list.lines().map(str::trim) {
        if let Some((name, number)) = line.split_once(" = ") {
            let number: i32 = number.trim_end_matches(',').parse().unwrap();
            let name = name.strip_prefix("TRAKT_").unwrap().to_lowercase();
            declared.push((number, name, retryable));
        } else {
            retryable = line.contains("Retryable.");
        }
    }
    let known: Vec<_> = Status::ALL
        .iter()
        .map(|status| (*status as i32, status.name().to_owned(), status.retryable()))
        .collect();
    assert_eq!(declared, known);
}

#[test]
fn the_version_is_the_package_s() {
    let text = committed();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(header::version(root()).as_deref(), Ok(version));
    assert!(text.contains(&format!("#define TRAKT_VERSION_STRING \"{version}\"\n")));
    for (part, name) in version.split('.').zip(["MAJOR", "MINOR", "PATCH"]) {
        assert!(text.contains(&format!("#define TRAKT_VERSION_{name} {part}\n")));
    }
}

#[test]
fn the_program_in_the_introduction_compiles() {
    let text = committed();
    let program: String = text
        .lines()
        .skip_while(|line| !line.contains("#include <stdio.h>"))
        .take_while(|line| line.starts_with(" *     ") || line.trim() == "*")
        .map(|line| format!("{}\n", line.trim_start_matches([' ', '*'])))
        .collect();
    assert!(program.contains("int main(void)"));
    let mut compiler = Command::new("cc")
        .args([
            "-std=c99",
            "-Wall",
            "-Wextra",
            "-pedantic",
            "-Werror",
            "-fsyntax-only",
            "-xc",
            "-",
        ])
        .arg(format!("-I{}", root().join("include").display()))
        .stdin(Stdio::piped())
        .spawn()
        .expect("a C compiler is there");
    std::io::Write::write_all(&mut compiler.stdin.take().unwrap(), program.as_bytes()).unwrap();
    assert!(compiler.wait().unwrap().success(), "{program}");
}
