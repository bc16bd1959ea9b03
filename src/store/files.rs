//! The store's folder and files: made by us alone, private, and refused when they are anything else.
//! Knows nothing of what is in them.
#![forbid(unsafe_code)]

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};

use super::trouble::Trouble;

/// The bytes of the file that is given up when a commit needs the space.
const SPARE_BYTES: usize = 64 * 1024;

/// Whether a file or folder is one that we could have made.
fn check(path: &Path, meta: &Metadata, folder: bool) -> Result<(), Trouble> {
    let why = if meta.is_symlink() {
        "is a symbolic link"
    } else if folder && !meta.is_dir() {
        "is no folder"
    } else if !folder && !meta.is_file() {
        "is no regular file"
    } else if !folder && has_second_name(meta) {
        "has a second name (hard link)"
    } else if is_foreign(meta) {
        "belongs to another user"
    } else {
        return Ok(());
    };
    Err(Trouble::refused(path, why))
}

#[cfg(unix)]
fn has_second_name(meta: &Metadata) -> bool {
    meta.nlink() > 1
}

#[cfg(unix)]
fn is_foreign(meta: &Metadata) -> bool {
    meta.uid() != rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn has_second_name(_: &Metadata) -> bool {
    false
}

#[cfg(not(unix))]
fn is_foreign(_: &Metadata) -> bool {
    false
}

fn look(path: &Path, folder: bool) -> Result<Option<Metadata>, Trouble> {
    match fs::symlink_metadata(path) {
        Ok(meta) => check(path, &meta, folder).map(|()| Some(meta)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Trouble::io(path, &error)),
    }
}

/// What is at `path`: nothing, or a file of ours.
pub(super) fn inspect(path: &Path) -> Result<Option<Metadata>, Trouble> {
    look(path, false)
}

/// The store's folder, if it is there, as a path without any links: SQLite refuses them.
pub(super) fn find_folder(folder: &Path) -> Result<Option<PathBuf>, Trouble> {
    match look(folder, true)? {
        None => Ok(None),
        Some(_) => fs::canonicalize(folder)
            .map(Some)
            .map_err(|error| Trouble::io(folder, &error)),
    }
}

/// The store's folder, made if it isn't there, with all that is above it. What exists keeps its mode.
pub(super) fn make_folder(folder: &Path) -> Result<PathBuf, Trouble> {
    if let Some(found) = find_folder(folder)? {
        return Ok(found);
    }
    let above = folder.parent().unwrap_or(folder);
    let mut private = DirBuilder::new();
    #[cfg(unix)]
    private.mode(0o700);
    private
        .recursive(true)
        .create(above)
        .map_err(|error| Trouble::io(above, &error))?;
    match private.recursive(false).create(folder) {
        Ok(()) => {
            sync_folder(above)?;
            if let Some(top) = above.parent() {
                sync_folder(top)?;
            }
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(Trouble::io(folder, &error)),
    }
    find_folder(folder)?.ok_or_else(|| Trouble::Io("the folder was removed at once".into()))
}

/// Options that neither follow a link nor hang on a pipe.
fn careful() -> OpenOptions {
    #[allow(unused_mut)]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY);
    options
}

/// An open file of ours.
pub(super) struct Opened {
    /// The file.
    pub file: File,
    /// Whether it could only be opened for reading.
    pub readonly: bool,
}

/// Opens a file of ours that exists, for reading alone where writing isn't allowed; others lose their access to it.
pub(super) fn open(path: &Path) -> Result<Option<Opened>, Trouble> {
    if inspect(path)?.is_none() {
        return Ok(None);
    }
    let (opened, readonly) = match careful().read(true).write(true).open(path) {
        Err(error) if Trouble::io(path, &error) == Trouble::Readonly => {
            (careful().read(true).open(path), true)
        }
        opened => (opened, false),
    };
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Trouble::io(path, &error)),
    };
    let meta = file.metadata().map_err(|error| Trouble::io(path, &error))?;
    check(path, &meta, false)?;
    narrow(&file, &meta);
    Ok(Some(Opened { file, readonly }))
}

/// Where the file system has no modes there is nothing to narrow, so a failure is none.
#[cfg(unix)]
fn narrow(file: &File, meta: &Metadata) {
    let mode = meta.permissions().mode();
    if mode & 0o077 != 0 {
        let _ = file.set_permissions(fs::Permissions::from_mode(mode & 0o600));
    }
}

#[cfg(not(unix))]
fn narrow(_: &File, _: &Metadata) {}

/// Makes a file that wasn't there: ours, private.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = careful();
    #[cfg(unix)]
    options.mode(0o600);
    options.read(true).write(true).create_new(true).open(path)
}

/// Opens a file of ours, or makes it.
pub(super) fn open_or_create(path: &Path) -> Result<Opened, Trouble> {
    loop {
        if let Some(opened) = open(path)? {
            return Ok(opened);
        }
        match create(path) {
            Ok(file) => {
                return Ok(Opened {
                    file,
                    readonly: false,
                });
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Trouble::io(path, &error)),
        }
    }
}

/// Whether the path still names this open file.
#[cfg(unix)]
pub(super) fn names(path: &Path, file: &File) -> bool {
    match (fs::symlink_metadata(path), file.metadata()) {
        (Ok(there), Ok(here)) => (there.dev(), there.ino()) == (here.dev(), here.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
pub(super) fn names(path: &Path, _: &File) -> bool {
    path.exists()
}

/// Removes a name; nothing there is fine.
pub(super) fn remove(path: &Path) -> Result<(), Trouble> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Trouble::io(path, &error)),
        _ => Ok(()),
    }
}

/// Puts a folder's names on the disk. File systems that can't do that for a folder keep them by themselves.
pub(super) fn sync_folder(folder: &Path) -> Result<(), Trouble> {
    let synced = if cfg!(unix) {
        File::open(folder).and_then(|folder| folder.sync_all())
    } else {
        Ok(())
    };
    match synced {
        Err(error)
            if !matches!(
                error.kind(),
                ErrorKind::InvalidInput
                    | ErrorKind::Unsupported
                    | ErrorKind::PermissionDenied
                    | ErrorKind::ReadOnlyFilesystem
                    | ErrorKind::NotFound
            ) =>
        {
            Err(Trouble::io(folder, &error))
        }
        _ => Ok(()),
    }
}

/// Whether files can be made in the folder, as far as its mode and its file system say.
pub(super) fn is_writable(folder: &Path) -> bool {
    #[cfg(unix)]
    {
        use rustix::fs::{Access, AtFlags, CWD, accessat};
        accessat(
            CWD,
            folder,
            Access::WRITE_OK | Access::EXEC_OK,
            AtFlags::EACCESS,
        )
        .is_ok()
    }
    #[cfg(not(unix))]
    {
        folder.is_dir()
    }
}

/// Finds out what keeps the folder from being written, where SQLite doesn't say. Under the store's lock.
pub(super) fn probe(folder: &Path) -> Option<Trouble> {
    let path = folder.join("store.probe");
    let result = remove(&path).and_then(|()| write_new(&path, &[0x55; 4096]));
    let _ = remove(&path);
    result.err()
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    create(path)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .map_err(|error| Trouble::io(path, &error))
}

/// Sees to it that the spare file is there. Its bytes are random, so that no file system stores them in less.
pub(super) fn keep_spare(folder: &Path) -> Result<(), Trouble> {
    let path = folder.join("store.spare");
    if let Some(meta) = inspect(&path)? {
        if meta.len() == SPARE_BYTES as u64 {
            return Ok(());
        }
        remove(&path)?;
    }
    let mut bytes = vec![0; SPARE_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| Trouble::Io("no random bytes".into()))?;
    write_new(&path, &bytes).inspect_err(|_| {
        let _ = remove(&path);
    })?;
    sync_folder(folder)
}

/// Gives the spare file's space back to the disk; false when there was none.
pub(super) fn spend_spare(folder: &Path) -> bool {
    fs::remove_file(folder.join("store.spare")).is_ok()
}

/// What the first bytes of SQLite's file say.
pub(super) struct Header {
    /// `user_version`: the oldest reader that copes.
    pub user_version: u32,
    /// Whether it was left in a journal mode that the store never uses.
    pub is_wal: bool,
}

/// Reads the header without SQLite, which could change the file. Nothing for what has no header of SQLite's.
#[cfg(unix)]
pub(super) fn header(file: &File) -> Option<Header> {
    let mut bytes = [0; 100];
    file.read_exact_at(&mut bytes, 0).ok()?;
    bytes.starts_with(b"SQLite format 3\0").then(|| Header {
        user_version: u32::from_be_bytes([bytes[60], bytes[61], bytes[62], bytes[63]]),
        is_wal: bytes[18] == 2 || bytes[19] == 2,
    })
}

#[cfg(not(unix))]
pub(super) fn header(mut file: &File) -> Option<Header> {
    use std::io::{Read, Seek};
    let mut bytes = [0; 100];
    file.rewind().ok()?;
    file.read_exact(&mut bytes).ok()?;
    bytes.starts_with(b"SQLite format 3\0").then(|| Header {
        user_version: u32::from_be_bytes([bytes[60], bytes[61], bytes[62], bytes[63]]),
        is_wal: bytes[18] == 2 || bytes[19] == 2,
    })
}

/// Which file this is (upper half) and SQLite's count of its commits (lower half); 0 when there is none.
/// The file format puts the count at offset 24: <https://www.sqlite.org/fileformat2.html#file_change_counter>
#[cfg(unix)]
pub(super) fn generation(path: &Path) -> u64 {
    let Ok(file) = careful().read(true).open(path) else {
        return 0;
    };
    let Ok(meta) = file.metadata() else { return 0 };
    let mut count = [0; 4];
    let _ = file.read_exact_at(&mut count, 24);
    // An inode number is soon used again; with the moment of birth it names one file.
    let born = meta
        .created()
        .ok()
        .and_then(|born| born.duration_since(std::time::UNIX_EPOCH).ok())
        .map_or(0, |since| since.as_nanos() as u64);
    let file = (meta.ino() ^ born).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    ((file | 1) << 32) | u64::from(u32::from_be_bytes(count))
}

#[cfg(not(unix))]
pub(super) fn generation(path: &Path) -> u64 {
    use std::io::{Read, Seek, SeekFrom};
    let mut count = [0; 4];
    let read = careful().read(true).open(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(24))?;
        file.read_exact(&mut count)
    });
    match read {
        Ok(()) => (1 << 32) | u64::from(u32::from_be_bytes(count)),
        Err(_) => 0,
    }
}
