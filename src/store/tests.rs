//! The store from outside: on good disks, bad disks and none, among threads and processes, and after a kill.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Barrier, mpsc};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::error::Status;

const SCOPE: &str = "https://auth.example client";
const LONG: Duration = Duration::from_secs(60);

fn budget() -> Budget {
    Budget::new(Cancel::new(), LONG)
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A folder in memory, where a test commits so often that a disk would be the test's only work.
fn fast_folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| folder())
}

fn open(dir: &Path) -> Store {
    Store::open(Some(dir), LONG)
}

fn put(store: &Store, key: &str, value: &str) -> Result<()> {
    store.write(&budget(), |tx| tx.put(SCOPE, key, &value))
}

fn get(store: &Store, key: &str) -> Option<String> {
    store.read(&budget(), |tx| tx.get(SCOPE, key)).unwrap()
}

fn own(dir: &Path, name: &str) -> PathBuf {
    dir.join("libtrakt").join(name)
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn is_sound(dir: &Path) {
    let connection = Connection::open(own(dir, "store.db")).unwrap();
    let verdict: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
}

/// A file system of its own, small and writable or not; gone when dropped.
struct Disk {
    dir: TempDir,
}

impl Disk {
    fn new(size: &str) -> Self {
        let dir = folder();
        run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(dir.path()));
        Self { dir }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn remount(&self, how: &str) {
        run(Command::new("mount")
            .args(["-o", &format!("remount,{how}")])
            .arg(self.path()));
    }

    /// Writes until not one byte more goes in; the file is what is to be removed to have space again.
    fn fill(&self) -> PathBuf {
        let path = self.path().join("filling");
        let mut file = File::create(&path).unwrap();
        for size in [65536, 4096, 1] {
            while file.write_all(&vec![7; size]).is_ok() {}
        }
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// Fails loudly: without the right to mount, the tests of full and read-only disks prove nothing.
fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

/// This test binary as another process, in one of the roles of `child`.
struct Process {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Process {
    fn start(role: &str, dir: &Path) -> Self {
        Self::run(Command::new(std::env::current_exe().unwrap()), role, dir)
    }

    fn run(mut command: Command, role: &str, dir: &Path) -> Self {
        let mut child = command
            .args(["--exact", "store::tests::child", "--ignored", "--nocapture"])
            .env("TRAKT_STORE_ROLE", role)
            .env("TRAKT_STORE_DIR", dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(std::io::Result::ok) {
                if let Some((_, said)) = line.split_once('@') {
                    let _ = send.send(said.to_owned());
                }
            }
        });
        Self { child, lines }
    }

    fn says(&self) -> String {
        self.lines.recv_timeout(LONG).unwrap()
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn ends(&mut self) {
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn say(text: &str) {
    println!("@{text}");
    std::io::stdout().flush().unwrap();
}

/// Until the test that started this process closes its end.
fn wait_for_the_parent() {
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
#[ignore = "run by other tests as another process"]
fn child() {
    let dir = PathBuf::from(std::env::var_os("TRAKT_STORE_DIR").unwrap());
    match std::env::var("TRAKT_STORE_ROLE").unwrap().as_str() {
        // Says each number after it is committed, for ever.
        "count" => {
            let store = open(&dir);
            for _ in 0.. {
                let now = count_up(&store, 6000);
                say(&now.to_string());
            }
        }
        "add" => {
            let store = open(&dir);
            for _ in 0..ADDITIONS {
                count_up(&store, 10);
            }
        }
        // A commit that is under way: the pages are written, the journal is still there.
        "halfway" => {
            let connection = Connection::open_with_flags_and_vfs(
                own(&dir, "store.db"),
                rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE,
                c"unix-none",
            )
            .unwrap();
            connection
                .execute_batch(
                    "PRAGMA cache_size = 2; PRAGMA cache_spill = 2; PRAGMA synchronous = FULL;
                     BEGIN IMMEDIATE; UPDATE document SET value = replace(value, 'old', 'new');",
                )
                .unwrap();
            say("written");
            wait_for_the_parent();
        }
        "hold" => {
            let store = open(&dir);
            let kept = store.lock("refresh.lock", &budget()).unwrap();
            store
                .read(&budget(), |_| {
                    say("held");
                    wait_for_the_parent();
                    Ok(())
                })
                .unwrap();
            drop(kept);
        }
        // What a user sees who may not write there.
        "report" => {
            let store = open(&dir);
            say(&format!("{:?}", store.condition()));
            say(get(&store, "key").as_deref().unwrap_or("nothing"));
            let status =
                put(&store, "key", "other").map_or_else(|error| error.status, |()| Status::Ok);
            say(&format!("{status:?}"));
            say(&format!(
                "{:?}",
                store
                    .try_lock("refresh.lock")
                    .is_ok_and(|lock| lock.is_some())
            ));
        }
        role => panic!("{role}"),
    }
}

const ADDITIONS: u64 = 2500;

/// One more in two documents of one transaction.
fn count_up(store: &Store, padding: usize) -> u64 {
    store
        .write(&budget(), |tx| {
            let now = tx.get::<u64>(SCOPE, "count")?.unwrap_or(0) + 1;
            tx.put(SCOPE, "count", &now)?;
            tx.put(SCOPE, "twin", &(now, "x".repeat(padding)))?;
            Ok(now)
        })
        .unwrap()
}

fn counted(store: &Store) -> u64 {
    store
        .read(&budget(), |tx| {
            let count = tx.get::<u64>(SCOPE, "count")?.unwrap_or(0);
            let twin = tx
                .get::<(u64, String)>(SCOPE, "twin")?
                .map_or(0, |twin| twin.0);
            assert_eq!(count, twin, "half a transaction");
            Ok(count)
        })
        .unwrap()
}

// What is kept, and how it is made.

#[test]
fn documents_last_and_are_the_account_s_own() {
    let dir = folder();
    let store = open(dir.path());
    assert_eq!(store.condition(), Condition::Ok);
    assert!(store.trouble().is_none());
    put(&store, "token", "one").unwrap();
    let again = open(dir.path());
    assert_eq!(get(&again, "token").as_deref(), Some("one"));
    again
        .read(&budget(), |tx| {
            assert_eq!(
                tx.get::<String>("https://auth.example other", "token")?,
                None
            );
            assert_eq!(tx.keys(SCOPE)?, ["token"]);
            Ok(())
        })
        .unwrap();
}

#[test]
fn folders_and_files_are_private_and_what_was_there_keeps_its_mode() {
    let dir = folder();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let data = dir.path().join("a/b");
    let store = open(&data);
    store.reserve(&budget()).unwrap();
    drop(store.lock("refresh.lock", &budget()).unwrap());
    assert_eq!(mode(dir.path()), 0o755);
    for made in [dir.path().join("a"), data.clone(), data.join("libtrakt")] {
        assert_eq!(mode(&made), 0o700, "{made:?}");
    }
    for name in ["store.db", "store.lock", "store.spare", "refresh.lock"] {
        assert_eq!(mode(&own(&data, name)), 0o600, "{name}");
        fs::set_permissions(own(&data, name), fs::Permissions::from_mode(0o664)).unwrap();
    }
    fs::set_permissions(data.join("libtrakt"), fs::Permissions::from_mode(0o755)).unwrap();
    put(&store, "key", "value").unwrap();
    drop(store.lock("refresh.lock", &budget()).unwrap());
    for name in ["store.db", "store.lock", "refresh.lock"] {
        assert_eq!(mode(&own(&data, name)), 0o600, "{name}");
    }
    assert_eq!(mode(&data.join("libtrakt")), 0o755);
    let names: Vec<_> = fs::read_dir(data.join("libtrakt"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 4, "{names:?}");
}

#[test]
fn deleted_text_is_gone_from_the_file() {
    let dir = folder();
    let store = open(dir.path());
    let secret = "a-refresh-token-that-must-not-stay";
    put(&store, "token", secret).unwrap();
    let holds = |dir: &Path| {
        fs::read(own(dir, "store.db"))
            .unwrap()
            .windows(secret.len())
            .any(|part| part == secret.as_bytes())
    };
    assert!(holds(dir.path()));
    store.erase(&budget(), &[SCOPE]).unwrap();
    assert!(!holds(dir.path()));
    assert_eq!(get(&store, "token"), None);
}

#[test]
fn a_document_of_another_shape_is_none() {
    let dir = folder();
    for store in [open(dir.path()), Store::open(None, LONG)] {
        put(&store, "key", "text").unwrap();
        store
            .read(&budget(), |tx| {
                assert_eq!(tx.get::<u64>(SCOPE, "key")?, None);
                assert_eq!(tx.get::<String>(SCOPE, "key")?.as_deref(), Some("text"));
                Ok(())
            })
            .unwrap();
    }
    let connection = Connection::open(own(dir.path(), "store.db")).unwrap();
    for odd in ["x'ff00'", "5", "'{'", "''"] {
        connection
            .execute_batch(&format!("UPDATE document SET value = {odd}"))
            .unwrap();
        assert_eq!(get(&open(dir.path()), "key"), None, "{odd}");
    }
}

#[test]
fn work_that_fails_changes_nothing() {
    let dir = folder();
    for store in [open(dir.path()), Store::open(None, LONG)] {
        put(&store, "key", "before").unwrap();
        let generation = store.generation();
        let error = store
            .write(&budget(), |tx| {
                tx.put(SCOPE, "key", &"after")?;
                assert_eq!(tx.get::<String>(SCOPE, "key")?.as_deref(), Some("after"));
                tx.clear(SCOPE)?;
                assert_eq!(tx.get::<String>(SCOPE, "key")?, None);
                Err::<(), _>(Error::argument("no"))
            })
            .unwrap_err();
        assert_eq!(error, Error::argument("no"));
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            store.write(&budget(), |tx| -> Result<()> {
                tx.put(SCOPE, "key", &"after")?;
                std::panic::resume_unwind(Box::new("work"))
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(get(&store, "key").as_deref(), Some("before"));
        assert_eq!(store.generation(), generation);
    }
}

// Generations.

#[test]
fn a_generation_changes_with_each_commit_and_each_file() {
    let dir = folder();
    let (one, two) = (open(dir.path()), open(dir.path()));
    let first = one.generation();
    assert_ne!(first, 0);
    assert_eq!(two.generation(), first);
    let work = |tx: &mut Tx| {
        assert_eq!(tx.generation(), first);
        tx.put(SCOPE, "key", &1)
    };
    let committed = one
        .write_then(&budget(), work, |(), generation| generation)
        .unwrap();
    assert_ne!(committed, first);
    assert_eq!(two.generation(), committed);
    assert_eq!(
        two.read(&budget(), |tx| Ok(tx.generation())).unwrap(),
        committed
    );
    one.write(&budget(), |_| Ok(())).unwrap();
    assert_eq!(two.generation(), committed);

    // The same number of commits in another file.
    fs::remove_file(own(dir.path(), "store.db")).unwrap();
    assert_eq!(two.generation(), 0);
    put(&open(dir.path()), "key", "1").unwrap();
    assert_ne!(two.generation(), committed);
    assert_eq!(two.generation() as u32, committed as u32);

    let memory = Store::open(None, LONG);
    let before = memory.generation();
    put(&memory, "key", "1").unwrap();
    assert_ne!(memory.generation(), before);
}

#[test]
fn a_folder_deleted_meanwhile_is_made_again() {
    let dir = folder();
    let data = dir.path().join("data");
    let store = open(&data);
    put(&store, "key", "one").unwrap();
    fs::remove_dir_all(&data).unwrap();
    assert_eq!(get(&store, "key"), None);
    assert!(!data.exists());
    put(&store, "key", "two").unwrap();
    assert_eq!(get(&open(&data), "key").as_deref(), Some("two"));
    assert_eq!(mode(&data.join("libtrakt")), 0o700);
    let held = store.lock("refresh.lock", &budget()).unwrap();
    fs::remove_dir_all(&data).unwrap();
    assert!(!held.is_current());
    assert!(store.try_lock("refresh.lock").unwrap().is_some());
}

#[test]
fn a_data_dir_behind_a_link_and_a_relative_one_work() {
    let dir = folder();
    fs::create_dir(dir.path().join("real")).unwrap();
    symlink(dir.path().join("real"), dir.path().join("link")).unwrap();
    put(&open(&dir.path().join("link")), "key", "value").unwrap();
    assert_eq!(
        get(&open(&dir.path().join("real")), "key").as_deref(),
        Some("value")
    );
    let up: PathBuf = std::env::current_dir()
        .unwrap()
        .components()
        .skip(1)
        .map(|_| "..")
        .collect();
    let relative = up.join(dir.path().strip_prefix("/").unwrap()).join("real");
    let store = open(&relative);
    assert!(store.dir().unwrap().is_absolute());
    assert_eq!(get(&store, "key").as_deref(), Some("value"));
}

// What was planted.

/// Whatever can stand where a file of the store should be.
fn plant(kind: &str, at: &Path, victim: &Path) {
    match kind {
        "link" => symlink(victim, at).unwrap(),
        "dangling" => symlink(victim.with_extension("none"), at).unwrap(),
        "hard link" => fs::hard_link(victim, at).unwrap(),
        "folder" => fs::create_dir(at).unwrap(),
        "pipe" => run(Command::new("mkfifo").arg(at)),
        "foreign" => {
            fs::write(at, "").unwrap();
            std::os::unix::fs::chown(at, Some(4321), None).unwrap();
        }
        kind => panic!("{kind}"),
    }
}

#[test]
fn what_was_planted_is_neither_followed_nor_removed() {
    for name in ["store.db", "store.db-journal", "store.lock"] {
        for kind in ["link", "dangling", "hard link", "folder", "pipe", "foreign"] {
            let what = format!("{name}: {kind}");
            let dir = folder();
            let victim = dir.path().join("victim");
            fs::write(&victim, "precious").unwrap();
            fs::set_permissions(&victim, fs::Permissions::from_mode(0o644)).unwrap();
            fs::create_dir(dir.path().join("libtrakt")).unwrap();
            let at = own(dir.path(), name);
            plant(kind, &at, &victim);
            let before = fs::symlink_metadata(&at).unwrap();

            let store = open(dir.path());
            assert_eq!(store.condition(), Condition::Memory, "{what}");
            let trouble = store.trouble().unwrap();
            assert_eq!(trouble.status, Status::Storage, "{what}");
            assert!(
                trouble.message.contains(name),
                "{what}: {}",
                trouble.message
            );
            put(&store, "key", "value").unwrap();
            assert_eq!(get(&store, "key").as_deref(), Some("value"), "{what}");
            store.reserve(&budget()).unwrap();
            assert!(store.try_lock("refresh.lock").unwrap().is_some(), "{what}");

            assert_eq!(fs::read(&victim).unwrap(), b"precious", "{what}");
            assert_eq!(mode(&victim), 0o644, "{what}");
            assert!(!victim.with_extension("none").exists(), "{what}");
            let after = fs::symlink_metadata(&at).unwrap();
            assert_eq!(
                (before.ino(), before.mode()),
                (after.ino(), after.mode()),
                "{what}"
            );

            // Once it is gone, the next write takes everything to the disk.
            if kind == "folder" {
                fs::remove_dir(&at).unwrap();
            } else {
                fs::remove_file(&at).unwrap();
            }
            put(&store, "later", "too").unwrap();
            assert_eq!(store.condition(), Condition::Ok, "{what}");
            let other = open(dir.path());
            assert_eq!(get(&other, "key").as_deref(), Some("value"), "{what}");
            assert_eq!(get(&other, "later").as_deref(), Some("too"), "{what}");
        }
    }
}

#[test]
fn the_folder_itself_may_not_be_planted() {
    for kind in ["link", "foreign", "pipe"] {
        let dir = folder();
        let victim = dir.path().join("victim");
        fs::create_dir(&victim).unwrap();
        plant(kind, &dir.path().join("libtrakt"), &victim);
        let store = open(dir.path());
        assert_eq!(store.condition(), Condition::Memory, "{kind}");
        put(&store, "key", "value").unwrap();
        store.erase(&budget(), &[SCOPE]).unwrap();
        assert_eq!(fs::read_dir(&victim).unwrap().count(), 0, "{kind}");
    }
}

#[test]
fn a_link_planted_while_the_store_is_used_is_an_error_and_nothing_is_lost() {
    let dir = folder();
    let store = open(dir.path());
    put(&store, "key", "value").unwrap();
    let victim = dir.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    let at = own(dir.path(), "store.db-journal");
    symlink(&victim, &at).unwrap();
    let error = put(&store, "key", "other").unwrap_err();
    assert_eq!(error.status, Status::Storage);
    assert_eq!(store.condition(), Condition::Memory);
    assert!(store.read(&budget(), |_| Ok(())).is_err());
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
    fs::remove_file(&at).unwrap();
    assert_eq!(get(&store, "key").as_deref(), Some("value"));
    assert_eq!(store.condition(), Condition::Ok);

    let at = own(dir.path(), "refresh.lock");
    symlink(&victim, &at).unwrap();
    assert_eq!(
        store.try_lock("refresh.lock").unwrap_err().status,
        Status::Storage
    );
    assert_eq!(
        store
            .replace_lock("refresh.lock", &budget())
            .unwrap_err()
            .status,
        Status::Storage
    );
    let at = own(dir.path(), "store.spare");
    symlink(&victim, &at).unwrap();
    assert_eq!(
        store.reserve(&budget()).unwrap_err().status,
        Status::Storage
    );
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
}

// Damage.

fn damage(kind: &str, path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    match kind {
        "random" => getrandom::fill(&mut bytes).unwrap(),
        "truncated" => bytes.truncate(bytes.len() / 2),
        "pages" => bytes[4096..].fill(0x5a),
        "header" => bytes[..64].fill(0),
        "text" => bytes = b"<html>".to_vec(),
        "wal" => {
            bytes[18..20].fill(2);
            fs::write(path.with_extension("db-wal"), "left over").unwrap();
        }
        "not ours" | "nearly ours" => {
            fs::remove_file(path).unwrap();
            Connection::open(path)
                .unwrap()
                .execute_batch(if kind == "not ours" {
                    "CREATE TABLE document (a)"
                } else {
                    "CREATE TABLE document (a); PRAGMA user_version = 1"
                })
                .unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
            return;
        }
        kind => panic!("{kind}"),
    }
    fs::write(path, bytes).unwrap();
}

fn filled(dir: &Path) -> Store {
    let store = open(dir);
    store
        .write(&budget(), |tx| {
            (0..40).try_for_each(|i| tx.put(SCOPE, &format!("key{i}"), &"v".repeat(1000)))
        })
        .unwrap();
    store
}

#[test]
fn a_damaged_file_is_kept_aside_and_a_new_one_begins() {
    for kind in [
        "random",
        "truncated",
        "pages",
        "header",
        "text",
        "wal",
        "not ours",
        "nearly ours",
    ] {
        let dir = folder();
        drop(filled(dir.path()));
        let (path, aside) = (
            own(dir.path(), "store.db"),
            own(dir.path(), "store.corrupt"),
        );
        fs::write(&aside, "an older one").unwrap();
        damage(kind, &path);
        let bytes = fs::read(&path).unwrap();
        let store = open(dir.path());
        assert_eq!(store.condition(), Condition::CorruptMoved, "{kind}");
        assert_eq!(
            store.trouble().unwrap().status,
            Status::StorageCorrupt,
            "{kind}"
        );
        assert!(fs::read(&aside).unwrap() == bytes, "{kind}");
        assert_eq!(mode(&aside), 0o600);
        assert_eq!(get(&store, "key1"), None, "{kind}");
        put(&store, "key", "value").unwrap();
        assert_eq!(store.condition(), Condition::CorruptMoved, "{kind}");
        let other = open(dir.path());
        assert_eq!(other.condition(), Condition::Ok, "{kind}");
        assert_eq!(get(&other, "key").as_deref(), Some("value"), "{kind}");
        store.erase(&budget(), &[SCOPE]).unwrap();
        assert!(!aside.exists());
        assert_eq!(store.condition(), Condition::Ok);
        is_sound(dir.path());
    }
}

#[test]
fn damage_found_while_reading_is_an_error_once() {
    let dir = folder();
    let store = filled(dir.path());
    damage("pages", &own(dir.path(), "store.db"));
    let error = store
        .read(&budget(), |tx| tx.get::<String>(SCOPE, "key7"))
        .unwrap_err();
    assert_eq!(error.status, Status::StorageCorrupt);
    assert_eq!(store.condition(), Condition::CorruptMoved);
    assert_eq!(get(&store, "key7"), None);
    put(&store, "key7", "new").unwrap();
    assert_eq!(get(&open(dir.path()), "key7").as_deref(), Some("new"));
    assert!(own(dir.path(), "store.corrupt").exists());
}

#[test]
fn damage_found_while_committing_loses_nothing_of_the_commit() {
    for reads in [false, true] {
        let dir = folder();
        let store = filled(dir.path());
        damage("pages", &own(dir.path(), "store.db"));
        store
            .write(&budget(), |tx| {
                if reads {
                    assert!(tx.get::<String>(SCOPE, "key7").is_err());
                }
                tx.put(SCOPE, "token", &"pair")
            })
            .unwrap();
        assert_eq!(store.condition(), Condition::CorruptMoved);
        assert_eq!(get(&open(dir.path()), "token").as_deref(), Some("pair"));
        is_sound(dir.path());
    }
}

#[test]
fn many_that_find_the_damage_at_once_begin_one_new_file() {
    for _ in 0..10 {
        let dir = fast_folder();
        drop(filled(dir.path()));
        let path = own(dir.path(), "store.db");
        damage("pages", &path);
        let bytes = fs::read(&path).unwrap();
        let start = Barrier::new(6);
        std::thread::scope(|scope| {
            for number in 0..6 {
                let (start, dir) = (&start, dir.path());
                scope.spawn(move || {
                    start.wait();
                    put(&open(dir), &format!("mine{number}"), "value").unwrap();
                });
            }
        });
        let store = open(dir.path());
        for number in 0..6 {
            assert_eq!(
                get(&store, &format!("mine{number}")).as_deref(),
                Some("value")
            );
        }
        assert!(fs::read(own(dir.path(), "store.corrupt")).unwrap() == bytes);
    }
}

#[test]
fn a_newer_file_is_left_alone_byte_for_byte() {
    let dir = folder();
    drop(filled(dir.path()));
    let path = own(dir.path(), "store.db");
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 2)
        .unwrap();
    // Even what a newer version left behind when it was killed is its own affair.
    let journal = own(dir.path(), "store.db-journal");
    fs::write(&journal, "\u{d9}").unwrap();
    let (bytes, modified) = (
        fs::read(&path).unwrap(),
        fs::metadata(&path).unwrap().mtime_nsec(),
    );
    let store = open(dir.path());
    assert_eq!(store.condition(), Condition::Newer);
    assert_eq!(store.trouble().unwrap().status, Status::StorageNewer);
    assert_eq!(get(&store, "key1"), None);
    put(&store, "key", "value").unwrap();
    store.reserve(&budget()).unwrap();
    assert!(store.try_lock("refresh.lock").unwrap().is_some());
    store.erase(&budget(), &[SCOPE]).unwrap();
    assert_eq!(store.condition(), Condition::Newer);
    assert!(fs::read(&path).unwrap() == bytes);
    assert_eq!(fs::metadata(&path).unwrap().mtime_nsec(), modified);
    assert!(journal.exists());
}

#[test]
fn a_file_that_becomes_newer_is_an_error_and_not_an_empty_store() {
    let dir = folder();
    let store = filled(dir.path());
    let path = own(dir.path(), "store.db");
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 7)
        .unwrap();
    let bytes = fs::read(&path).unwrap();
    for _ in 0..2 {
        assert_eq!(
            put(&store, "key", "value").unwrap_err().status,
            Status::StorageNewer
        );
        assert_eq!(
            store.read(&budget(), |_| Ok(())).unwrap_err().status,
            Status::StorageNewer
        );
    }
    assert_eq!(store.condition(), Condition::Newer);
    assert!(fs::read(&path).unwrap() == bytes);
}

// Disks that are full or read-only.

#[test]
fn a_read_only_disk_still_reads() {
    for lock_file in [true, false] {
        let disk = Disk::new("1m");
        put(&open(disk.path()), "key", "value").unwrap();
        if !lock_file {
            fs::remove_file(own(disk.path(), "store.lock")).unwrap();
        }
        disk.remount("ro");
        let store = open(disk.path());
        assert_eq!(store.condition(), Condition::Readonly);
        assert_eq!(store.trouble().unwrap().status, Status::Storage);
        assert_eq!(get(&store, "key").as_deref(), Some("value"));
        assert_eq!(
            put(&store, "key", "other").unwrap_err().status,
            Status::Storage
        );
        assert_eq!(
            store.reserve(&budget()).unwrap_err().status,
            Status::Storage
        );
        let held = store.lock("refresh.lock", &budget()).unwrap();
        assert!(held.is_current());
        assert!(store.try_lock("refresh.lock").unwrap().is_none());
        drop(held);
        disk.remount("rw");
        put(&store, "key", "other").unwrap();
        assert_eq!(store.condition(), Condition::Ok);
        assert_eq!(get(&open(disk.path()), "key").as_deref(), Some("other"));
    }
}

#[test]
fn a_disk_that_becomes_read_only_is_an_error_of_the_write() {
    let disk = Disk::new("1m");
    let store = open(disk.path());
    put(&store, "key", "value").unwrap();
    disk.remount("ro");
    assert_eq!(
        put(&store, "key", "other").unwrap_err().status,
        Status::Storage
    );
    assert_eq!(store.condition(), Condition::Readonly);
    assert_eq!(get(&store, "key").as_deref(), Some("value"));
    disk.remount("rw");
    put(&store, "key", "other").unwrap();
    assert_eq!(store.condition(), Condition::Ok);
}

#[test]
fn a_read_only_disk_without_a_file_is_memory_until_it_can_be_written() {
    let disk = Disk::new("1m");
    disk.remount("ro");
    let store = open(disk.path());
    assert_eq!(store.condition(), Condition::Readonly);
    put(&store, "key", "value").unwrap();
    assert_eq!(get(&store, "key").as_deref(), Some("value"));
    assert!(store.try_lock("refresh.lock").unwrap().is_some());
    disk.remount("rw");
    put(&store, "later", "too").unwrap();
    assert_eq!(store.condition(), Condition::Ok);
    let other = open(disk.path());
    assert_eq!(get(&other, "key").as_deref(), Some("value"));
    assert_eq!(get(&other, "later").as_deref(), Some("too"));
}

/// Permissions don't bind root, so another user looks: at a folder, and at files, that it owns and may not write.
#[test]
fn permissions_make_it_read_only() {
    const SOMEBODY: u32 = 4321;
    let place = fast_folder();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = place.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let data = place.path().join("data");
    put(&open(&data), "key", "value").unwrap();
    let names = ["", "store.db", "store.lock"].map(|name| own(&data, name));
    for path in names.iter().chain([&data]) {
        std::os::unix::fs::chown(path, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    }
    for (folder, files, expected) in [
        (0o700, 0o600, ["Ok", "value", "Ok", "true"]),
        (0o500, 0o600, ["Readonly", "other", "Storage", "true"]),
        (0o700, 0o400, ["Readonly", "other", "Storage", "true"]),
        (0o000, 0o600, ["Readonly", "nothing", "Ok", "true"]),
    ] {
        for (path, mode) in names.iter().zip([folder, files, files]) {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let mut command = Command::new(&program);
        std::os::unix::process::CommandExt::uid(&mut command, SOMEBODY);
        std::os::unix::process::CommandExt::gid(&mut command, SOMEBODY);
        let mut process = Process::run(command, "report", &data);
        assert_eq!(
            [(); 4].map(|()| process.says()),
            expected,
            "{folder:o} {files:o}"
        );
        process.ends();
    }
}

#[test]
fn a_disk_filled_after_the_reserve_takes_the_commit_that_it_is_for() {
    for big in [2000, 9000] {
        let disk = Disk::new("1m");
        let store = open(disk.path());
        put(&store, "token", "the pair before").unwrap();
        store.reserve(&budget()).unwrap();
        let filling = disk.fill();
        // Whatever else is written meanwhile fails and leaves the reserve alone.
        let error = put(&store, "settings", &"s".repeat(100_000)).unwrap_err();
        assert_eq!(error.status, Status::StorageFull);
        assert_eq!(store.condition(), Condition::Full);
        assert!(own(disk.path(), "store.spare").exists());
        assert_eq!(get(&store, "token").as_deref(), Some("the pair before"));

        let pair = "p".repeat(big);
        store
            .write(&budget(), |tx| {
                tx.release_reserve();
                tx.put(SCOPE, "token", &pair)
            })
            .unwrap();
        assert_eq!(store.condition(), Condition::Ok);
        assert_eq!(get(&open(disk.path()), "token"), Some(pair));

        fs::remove_file(filling).unwrap();
        store.reserve(&budget()).unwrap();
        assert_eq!(
            fs::metadata(own(disk.path(), "store.spare")).unwrap().len(),
            65536
        );
        is_sound(disk.path());
    }
}

#[test]
fn a_disk_filled_before_the_reserve_says_so_and_still_reads() {
    let disk = Disk::new("1m");
    let store = open(disk.path());
    put(&store, "token", "pair").unwrap();
    let filling = disk.fill();
    assert_eq!(
        store.reserve(&budget()).unwrap_err().status,
        Status::StorageFull
    );
    assert_eq!(store.condition(), Condition::Full);
    assert_eq!(store.trouble().unwrap().status, Status::StorageFull);
    assert!(!own(disk.path(), "store.spare").exists());
    assert_eq!(get(&store, "token").as_deref(), Some("pair"));
    assert_eq!(store.condition(), Condition::Full);
    fs::remove_file(filling).unwrap();
    store.reserve(&budget()).unwrap();
    assert_eq!(store.condition(), Condition::Ok);
}

#[test]
fn a_reserve_is_renewed_and_a_broken_one_made_again() {
    let disk = Disk::new("1m");
    let store = open(disk.path());
    store.reserve(&budget()).unwrap();
    let spare = own(disk.path(), "store.spare");
    fs::write(&spare, "half").unwrap();
    let before = store.generation();
    store.reserve(&budget()).unwrap();
    assert_ne!(store.generation(), before, "each reserve is a commit");
    assert_eq!(fs::metadata(&spare).unwrap().len(), 65536);
    // With both in place, a full disk stays full for everything else.
    let _filling = disk.fill();
    for _ in 0..3 {
        let _ = store.reserve(&budget());
    }
    assert!(spare.exists());
    store
        .write(&budget(), |tx| {
            tx.release_reserve();
            tx.put(SCOPE, "token", &"p".repeat(2000))
        })
        .unwrap();
}

#[test]
fn a_full_disk_without_a_file_is_memory_until_there_is_space() {
    let disk = Disk::new("256k");
    let filling = disk.fill();
    let store = open(disk.path());
    assert_eq!(store.condition(), Condition::Full);
    put(&store, "key", "value").unwrap();
    assert_eq!(get(&store, "key").as_deref(), Some("value"));
    fs::remove_file(filling).unwrap();
    put(&store, "later", "too").unwrap();
    assert_eq!(store.condition(), Condition::Ok);
    assert_eq!(get(&open(disk.path()), "key").as_deref(), Some("value"));
}

#[test]
fn an_account_is_erased_from_a_full_disk() {
    let disk = Disk::new("1m");
    let store = open(disk.path());
    put(&store, "token", &"p".repeat(2000)).unwrap();
    store.reserve(&budget()).unwrap();
    let _filling = disk.fill();
    store.erase(&budget(), &[SCOPE]).unwrap();
    assert_eq!(get(&open(disk.path()), "token"), None);
}

// Threads, images, processes.

#[test]
fn many_threads_and_two_stores_lose_no_count() {
    let dir = fast_folder();
    let memory = Arc::new(Store::open(None, LONG));
    let one = Arc::new(open(dir.path()));
    let two = Arc::new(open(dir.path()));
    for (stores, each) in [(vec![one, two], 50), (vec![memory], 200)] {
        std::thread::scope(|scope| {
            for store in &stores {
                for _ in 0..4 {
                    scope.spawn(|| {
                        for _ in 0..each {
                            count_up(store, 10);
                        }
                    });
                }
            }
        });
        for store in &stores {
            assert_eq!(counted(store), each * 4 * stores.len() as u64);
        }
    }
    is_sound(dir.path());
}

#[test]
fn two_processes_write_thousands_of_times() {
    let dir = fast_folder();
    let store = open(dir.path());
    let mut processes = [
        Process::start("add", dir.path()),
        Process::start("add", dir.path()),
    ];
    // A third that only now and then comes by isn't kept waiting.
    let mut longest = Duration::ZERO;
    while counted(&store) < 2 * ADDITIONS {
        let started = Instant::now();
        store.read(&budget(), |_| Ok(())).unwrap();
        longest = longest.max(started.elapsed());
    }
    assert!(longest < Duration::from_secs(5), "{longest:?}");
    processes.iter_mut().for_each(Process::ends);
    assert_eq!(counted(&store), 2 * ADDITIONS);
    is_sound(dir.path());
}

#[test]
fn a_writer_that_is_killed_loses_nothing_it_had_committed() {
    let dir = fast_folder();
    let mut known = 0;
    for round in 0..12_u64 {
        let mut process = Process::start("count", dir.path());
        for _ in 0..=round % 5 {
            known = process.says().parse().unwrap();
        }
        // Any instruction will do: how far it is by now is chance.
        std::thread::sleep(Duration::from_micros(317 * round));
        process.kill();
        if let Some(said) = process.lines.try_iter().last() {
            known = said.parse().unwrap();
        }
        let store = open(dir.path());
        assert_eq!(store.condition(), Condition::Ok);
        let now = counted(&store);
        assert!(now >= known, "{now} < {known}");
        known = now;
        is_sound(dir.path());
    }
}

#[test]
fn what_a_killed_writer_left_half_written_is_rolled_back() {
    let dir = folder();
    let store = open(dir.path());
    store
        .write(&budget(), |tx| {
            (0..200).try_for_each(|i| tx.put(SCOPE, &format!("key{i}"), &"old ".repeat(500)))
        })
        .unwrap();
    let path = own(dir.path(), "store.db");
    let journal = own(dir.path(), "store.db-journal");
    let before = fs::read(&path).unwrap();
    for by_write in [false, true] {
        let mut process = Process::start("halfway", dir.path());
        assert_eq!(process.says(), "written");
        process.kill();
        assert!(
            fs::read(&path).unwrap() != before,
            "nothing was half written"
        );
        assert_eq!(mode(&journal), 0o600);
        if by_write {
            store
                .write(&budget(), |tx| tx.put(SCOPE, "key0", &"old ".repeat(500)))
                .unwrap();
        } else {
            assert_eq!(get(&store, "key199"), Some("old ".repeat(500)));
            assert!(fs::read(&path).unwrap() == before);
        }
        assert!(!journal.exists());
        for i in 0..200 {
            assert_eq!(get(&store, &format!("key{i}")), Some("old ".repeat(500)));
        }
        assert_eq!(store.condition(), Condition::Ok);
    }
    is_sound(dir.path());
}

#[test]
fn a_killed_holder_s_locks_are_free() {
    let dir = folder();
    let store = open(dir.path());
    let mut process = Process::start("hold", dir.path());
    assert_eq!(process.says(), "held");
    assert!(store.try_lock("refresh.lock").unwrap().is_none());
    let short = Budget::new(Cancel::new(), Duration::from_millis(50));
    assert_eq!(
        store.read(&short, |_| Ok(())).unwrap_err().status,
        Status::Timeout
    );
    // Opening doesn't wait for it, and what was left to do is done later.
    let started = Instant::now();
    let late = Store::open(Some(dir.path()), Duration::from_millis(50));
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(late.condition(), Condition::Ok);
    process.kill();
    assert!(store.try_lock("refresh.lock").unwrap().is_some());
    put(&late, "key", "value").unwrap();
    assert_eq!(get(&store, "key").as_deref(), Some("value"));
}

// Waiting.

/// Ends a waiting call from outside; how it waits is up to `wait`. On a busy machine one of a few tries has to be quick.
fn ends_soon(status: Status, wait: impl Fn(&Budget) -> Error + Sync) {
    let quick = (0..10).any(|_| {
        let budget = budget();
        let cancel = budget.cancel.clone();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| (wait(&budget), Instant::now()));
            std::thread::sleep(Duration::from_millis(60));
            assert!(!waiter.is_finished());
            let ended = Instant::now();
            cancel.end(status);
            let (error, at) = waiter.join().unwrap();
            assert_eq!(error.status, status);
            at - ended < Duration::from_millis(100)
        })
    });
    assert!(quick);
}

#[test]
fn every_wait_ends_with_the_call() {
    let dir = folder();
    let store = open(dir.path());
    let memory = Store::open(None, LONG);
    let read = |store: &Store, budget: &Budget| store.read(budget, |_| Ok(())).unwrap_err();

    // Another image or process has the store.
    let other = files::open_or_create(&own(dir.path(), "store.lock"))
        .unwrap()
        .file;
    rustix::fs::flock(&other, rustix::fs::FlockOperation::LockExclusive).unwrap();
    ends_soon(Status::Cancelled, |budget| read(&store, budget));
    ends_soon(Status::Closed, |budget| {
        store.replace_lock("login.lock", budget).unwrap_err()
    });
    rustix::fs::flock(&other, rustix::fs::FlockOperation::Unlock).unwrap();

    // Another thread of this image has it.
    for store in [&store, &memory] {
        let outside = budget();
        store
            .read(&outside, |_| {
                ends_soon(Status::Closed, |budget| read(store, budget));
                let short = Budget::new(Cancel::new(), Duration::from_millis(30));
                assert_eq!(read(store, &short).status, Status::Timeout);
                Ok(())
            })
            .unwrap();
        store.read(&outside, |_| Ok(())).unwrap();

        let held = store.lock("refresh.lock", &outside).unwrap();
        ends_soon(Status::Cancelled, |budget| {
            store.lock("refresh.lock", budget).unwrap_err()
        });
        let short = Budget::new(Cancel::new(), Duration::from_millis(30));
        assert_eq!(
            store.lock("refresh.lock", &short).unwrap_err().status,
            Status::Timeout
        );
        drop(held);
        drop(store.lock("refresh.lock", &outside).unwrap());

        let ended = budget();
        ended.cancel.end(Status::Cancelled);
        assert_eq!(read(store, &ended).status, Status::Cancelled);
    }
}

#[test]
fn threads_take_turns() {
    let queue = Arc::new(locks::Queue::default());
    let first = queue.enter(&budget()).unwrap();
    let (send, turns) = mpsc::channel();
    std::thread::scope(|scope| {
        for number in 0..5 {
            let (queue, send) = (&queue, send.clone());
            scope.spawn(move || {
                let _turn = queue.enter(&budget()).unwrap();
                send.send(number).unwrap();
            });
            while queue.waiting() <= number {
                std::thread::yield_now();
            }
        }
        drop(first);
    });
    assert_eq!(turns.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
}

#[test]
fn who_has_the_store_without_a_break_leaves_it_free_now_and_then() {
    let queue = Arc::new(locks::Queue::default());
    let turn = || queue.enter(&budget()).unwrap();
    assert_eq!(turn().breath(), Duration::ZERO);
    let started = Instant::now();
    while turn().breath().is_zero() {
        assert!(started.elapsed() < LONG, "others never get their chance");
    }
    assert_eq!(turn().breath(), Duration::ZERO);
}

// Named locks.

#[test]
fn a_lock_is_one_holder_s_until_it_is_dropped_or_replaced() {
    let dir = folder();
    let (one, two) = (open(dir.path()), open(dir.path()));
    let memory = Store::open(None, LONG);
    for (one, two) in [(&one, &two), (&memory, &memory)] {
        let held = one.try_lock("login.lock").unwrap().unwrap();
        assert!(held.is_current());
        assert!(two.try_lock("login.lock").unwrap().is_none());
        assert!(two.try_lock("refresh.lock").unwrap().is_some());
        let taken = two.replace_lock("login.lock", &budget()).unwrap().unwrap();
        assert!(!held.is_current());
        assert!(taken.is_current());
        drop(held);
        assert!(taken.is_current());
        assert!(one.try_lock("login.lock").unwrap().is_none());
        let again = one.replace_lock("login.lock", &budget()).unwrap().unwrap();
        assert!(!taken.is_current());
        drop(taken);
        drop(again);
        assert!(two.lock("login.lock", &budget()).unwrap().is_current());
    }
    assert_eq!(mode(&own(dir.path(), "login.lock")), 0o600);
    assert!(!own(dir.path(), "store.newlock").exists());
    for name in ["", "../x", "store.lock", "store.db", ".x", "A"] {
        assert_eq!(
            one.try_lock(name).unwrap_err().status,
            Status::Internal,
            "{name}"
        );
    }
}

#[test]
fn a_lock_that_is_replaced_again_and_again_is_never_free() {
    let dir = fast_folder();
    let (one, two) = (open(dir.path()), open(dir.path()));
    let take = |store: &Store| {
        store
            .replace_lock("login.lock", &budget())
            .unwrap()
            .unwrap()
    };
    let done = std::sync::atomic::AtomicBool::new(false);
    let mut held = take(&one);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::SeqCst) {
                    assert!(two.try_lock("login.lock").unwrap().is_none());
                }
            });
        }
        for _ in 0..3000 {
            held = take(&one);
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
    });
    assert!(held.is_current());
}

#[test]
fn two_holders_of_one_lock_never_meet() {
    let dir = fast_folder();
    let stores = [open(dir.path()), open(dir.path())];
    let inside = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        for number in 0..6 {
            let (store, inside) = (&stores[number % 2], &inside);
            scope.spawn(move || {
                for _ in 0..30 {
                    let held = store.lock("refresh.lock", &budget()).unwrap();
                    assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                    assert!(held.is_current());
                    inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                }
            });
        }
    });
}

// A model.

#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8, String),
    Delete(u8, u8),
    Clear(u8),
    Release,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..2_u8, 0..4_u8, "\\PC{0,40}").prop_map(|(s, k, v)| Step::Put(s, k, v)),
        2 => (0..2_u8, 0..4_u8, 0..9000_usize).prop_map(|(s, k, n)| Step::Put(s, k, "x".repeat(n))),
        3 => (0..2_u8, 0..4_u8).prop_map(|(s, k)| Step::Delete(s, k)),
        1 => (0..2_u8).prop_map(Step::Clear),
        1 => Just(Step::Release),
    ]
}

type Model = BTreeMap<(String, String), String>;

fn contents(tx: &Tx) -> Result<Model> {
    let mut found = Model::new();
    for scope in ["scope 0", "scope 1"] {
        for key in tx.keys(scope)? {
            let value = tx.get(scope, &key)?.unwrap();
            found.insert((scope.to_owned(), key), value);
        }
    }
    Ok(found)
}

fn take(tx: &mut Tx, model: &mut Model, step: &Step) -> Result<()> {
    let named = |scope: &u8, key: &u8| (format!("scope {scope}"), format!("key{key}"));
    match step {
        Step::Put(scope, key, value) => {
            let (scope, key) = named(scope, key);
            tx.put(&scope, &key, value)?;
            model.insert((scope, key), value.clone());
        }
        Step::Delete(scope, key) => {
            let (scope, key) = named(scope, key);
            tx.delete(&scope, &key)?;
            model.remove(&(scope, key));
        }
        Step::Clear(scope) => {
            let scope = format!("scope {scope}");
            tx.clear(&scope)?;
            model.retain(|(its, _), _| *its != scope);
        }
        Step::Release => tx.release_reserve(),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn transactions_do_what_a_map_does(
        transactions in prop::collection::vec((prop::collection::vec(step(), 0..8), any::<bool>(), any::<bool>()), 1..8)
    ) {
        let dir = fast_folder();
        for (store, lasts) in [(open(dir.path()), true), (Store::open(None, LONG), false)] {
            let mut model = Model::new();
            for (steps, keep, reserve) in &transactions {
                if *reserve {
                    store.reserve(&budget()).unwrap();
                }
                let mut after = model.clone();
                let result = store.write(&budget(), |tx| {
                    for step in steps {
                        take(tx, &mut after, step)?;
                        assert_eq!(contents(tx)?, after);
                    }
                    if *keep { Ok(()) } else { Err(Error::argument("rolled back")) }
                });
                prop_assert_eq!(result.is_ok(), *keep);
                if *keep {
                    model = after;
                }
                prop_assert_eq!(&store.read(&budget(), contents).unwrap(), &model);
                if lasts {
                    prop_assert_eq!(&open(dir.path()).read(&budget(), contents).unwrap(), &model);
                }
            }
        }
        is_sound(dir.path());
    }
}

/// Prints what one transaction costs: `cargo test --release --lib -- --ignored --nocapture store::tests::cost`.
#[test]
#[ignore = "a measurement"]
fn cost() {
    for dir in [folder(), fast_folder()] {
        let store = open(dir.path());
        put(&store, "key", &"v".repeat(2000)).unwrap();
        let time = |what: &str, count: u32, work: &dyn Fn()| {
            let started = Instant::now();
            (0..count).for_each(|_| work());
            println!(
                "{what}: {:?} in {:?}",
                started.elapsed() / count,
                dir.path().parent()
            );
        };
        let value = std::cell::Cell::new(0);
        time("read", 500, &|| drop(get(&store, "key")));
        time("write", 100, &|| {
            value.set(value.get() + 1);
            put(&store, "key", &value.get().to_string().repeat(1000)).unwrap();
        });
        time("reserve", 100, &|| store.reserve(&budget()).unwrap());
        time("lock", 500, &|| {
            drop(store.lock("refresh.lock", &budget()).unwrap())
        });
        time("generation", 10_000, &|| {
            std::hint::black_box(store.generation());
        });
    }
}

#[test]
fn after_the_end_a_folder_that_was_removed_stays_away() {
    let dir = folder();
    let store = open(dir.path());
    put(&store, "a", "1").unwrap();
    store.end();
    put(&store, "a", "2").unwrap();
    assert_eq!(get(&store, "a").as_deref(), Some("2"));
    fs::remove_dir_all(dir.path().join("libtrakt")).unwrap();
    assert_eq!(put(&store, "a", "3").unwrap_err().status, Status::Storage);
    assert!(store.try_lock("some.lock").is_err());
    assert!(!dir.path().join("libtrakt").exists());
}
