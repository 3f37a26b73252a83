//! Files whose path, or whose content, is somebody else's choice: the one place that opens them.
//!
//! A repository, or a user's slip, may put anything under a name: a FIFO that nobody writes to, a socket, a device, a file
//! without an end. Only regular files are read here, opened so that nothing can hold the call up, and no more of them
//! than such a file may sensibly have. Links are followed, as everywhere, but for [`read_own`].

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;

/// The most that a file of settings, variables, keys or the like may have: 4 MiB.
pub const SETTINGS: u64 = 4 << 20;

/// The most that a file of declarations, a saved plan or a config's content may have: 256 MiB.
pub const DOCUMENT: u64 = 256 << 20;

/// The most that a value of state may have, on any backend: 256 MiB, which is more than a hundred thousand resources take.
pub const STATE: u64 = 256 << 20;

/// Opens a regular file for reading. Links are followed.
///
/// # Errors
/// When it cannot be opened, or is something else: the error says what.
pub fn open(path: &Path) -> io::Result<File> {
    open_with(path, true)
}

/// The content of a regular file. Links are followed.
///
/// # Errors
/// When it cannot be read, is something else than a regular file, or has more than `limit` bytes.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read_all(open(path)?, limit)
}

/// The text of a regular file. Links are followed.
///
/// # Errors
/// As [`read`], and when it is not UTF-8.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    text_of(read(path, limit)?)
}

/// Bytes as text.
///
/// # Errors
/// When they are not UTF-8.
pub fn text_of(bytes: Vec<u8>) -> io::Result<String> {
    let text = String::from_utf8(bytes);
    text.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// The content of a file that a program like this one has written, which never is a link: whoever puts one there wants
/// something else read.
///
/// # Errors
/// As [`read`], and when it is a link.
pub fn read_own(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read_all(open_own(path)?, limit)
}

/// As [`read_own`], for what decides: nobody but the user may have written it.
///
/// # Errors
/// As [`read_own`], and when [`check_owner`] finds another user.
pub fn read_private(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open_own(path)?;
    check_owner(path, &file)?;
    read_all(file, limit)
}

/// Whether a file is the user's own, or root's, and nobody else may write it.
///
/// # Errors
/// When it is somebody else's, or others may write it: the error says whose, and the way out.
#[cfg(unix)]
pub fn check_owner(path: &Path, file: &File) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = file.metadata()?;
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o777);
    let path = path.display();
    let why = match owner {
        _ if mode & 0o022 != 0 => format!("other users may write it (mode {mode:o}): `chmod 600 {path}` ends that"),
        owner if owner != 0 && owner != rustix::process::geteuid().as_raw() => {
            format!("it belongs to another user ({owner}), who may write it: `chown $(id -u) {path}` ends that")
        }
        _ => return Ok(()),
    };
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

/// Whether a file is the user's own: systems without such owners do not tell.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn check_owner(_: &Path, _: &File) -> io::Result<()> {
    Ok(())
}

/// As [`open`], for what is never a link.
///
/// # Errors
/// As [`open`], and when it is a link.
pub fn open_own(path: &Path) -> io::Result<File> {
    open_with(path, false)
}

/// Reads something to its end, a part at a time, for what need not be held as a whole.
///
/// # Errors
/// When it cannot be read.
pub fn each_part(source: &mut impl io::Read, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut part = vec![0; 64 << 10];
    loop {
        match source.read(&mut part) {
            Ok(0) => return Ok(()),
            Ok(length) => take(&part[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Makes a folder, and those above it, that nobody else can look into. Those that are there stay as they are.
///
/// # Errors
/// When one cannot be made.
pub fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// Opens a regular file for writing, which never is a link.
///
/// # Errors
/// When it cannot be opened, is a link or no regular file.
pub fn open_written(path: &Path) -> io::Result<File> {
    regular(OpenOptions::new().write(true), path, false)
}

/// Creates a file, or empties the one that is there, to be written while others may read it. A link is not followed: in a
/// repository it may lead to any file of the user's.
///
/// # Errors
/// When it cannot be opened, is a link or no regular file.
pub fn create(path: &Path) -> io::Result<File> {
    let file = regular(OpenOptions::new().create(true).truncate(false).write(true), path, false)?;
    file.set_len(0)?;
    Ok(file)
}

/// Opens, or makes, a file to be locked that nobody else can open, and so lock. One that was made with other rights loses
/// them.
///
/// # Errors
/// When it cannot be opened, is a link or no regular file.
pub fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = regular(&mut options, path, false)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            // Somebody else's stays as it is: what can be opened can be locked.
            let _ = file.set_permissions(std::fs::Permissions::from_mode(0o600));
        }
    }
    Ok(file)
}

fn open_with(path: &Path, follow: bool) -> io::Result<File> {
    // First looked at, since opening alone does something to some devices.
    let there = if follow {
        std::fs::metadata(path)
    } else {
        std::fs::symlink_metadata(path)
    };
    must_be_regular(&there?)?;
    regular(OpenOptions::new().read(true), path, follow)
}

/// Opens what is a regular file at the moment of opening, whatever was there before.
fn regular(options: &mut OpenOptions, path: &Path, follow: bool) -> io::Result<File> {
    without_waiting(options, follow);
    let file = options.open(path).map_err(|error| better(error, path))?;
    must_be_regular(&file.metadata()?)?;
    Ok(file)
}

/// Nothing that is opened makes us wait, becomes our terminal, or is reached by a last link that was not asked for.
#[cfg(unix)]
fn without_waiting(options: &mut OpenOptions, follow: bool) {
    use rustix::fs::OFlags;
    let links = if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY | links).bits();
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags.cast_signed());
}

#[cfg(not(unix))]
fn without_waiting(_: &mut OpenOptions, _: bool) {}

/// Returns an error that names the obstacle, where the system's own hides it: of a link "too many levels of symbolic links",
/// of a FIFO "no such device or address".
fn better(error: io::Error, path: &Path) -> io::Error {
    let there = std::fs::symlink_metadata(path).ok();
    match there.and_then(|there| must_be_regular(&there).err()) {
        Some(reason) => reason,
        None => error,
    }
}

/// Whether this is a regular file.
///
/// # Errors
/// When it is something else: the error says what.
pub(crate) fn must_be_regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let kind = if metadata.is_dir() {
        io::ErrorKind::IsADirectory
    } else {
        io::ErrorKind::InvalidInput
    };
    let what = kind_of(metadata.file_type());
    Err(io::Error::new(kind, format!("it is {what}, not a regular file")))
}

/// The word for a kind of file: `a folder`, `a FIFO`.
fn kind_of(kind: std::fs::FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if kind.is_fifo() {
            return "a FIFO (a named pipe)";
        } else if kind.is_socket() {
            return "a socket";
        } else if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    if kind.is_dir() {
        "a folder"
    } else if kind.is_symlink() {
        "a symbolic link"
    } else {
        "something else"
    }
}

/// The content of a file that was opened here.
///
/// # Errors
/// When it cannot be read, or has more than `limit` bytes.
pub fn read_all(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    let too_large = || {
        let message = format!("it has more than {}, the most that is read of such a file", size(limit));
        io::Error::new(io::ErrorKind::FileTooLarge, message)
    };
    if length > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    // The length in the metadata need not be right: a file may grow, and those of /proc have none.
    file.take(limit + 1).read_to_end(&mut bytes)?;
    check_size(&bytes, limit).map_err(|_| too_large())?;
    Ok(bytes)
}

/// Whether bytes are as many as may be read again.
///
/// # Errors
/// When they are more than `limit`.
pub fn check_size(bytes: &[u8], limit: u64) -> io::Result<()> {
    if bytes.len() as u64 <= limit {
        return Ok(());
    }
    let message = format!(
        "{} bytes are more than {}, the most that one may have",
        bytes.len(),
        size(limit)
    );
    Err(io::Error::new(io::ErrorKind::FileTooLarge, message))
}

/// A size for people.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        gib if gib >= 1 << 30 && gib % (1 << 30) == 0 => format!("{} GiB", gib >> 30),
        mib if mib >= 1 << 20 && mib % (1 << 20) == 0 => format!("{} MiB", mib >> 20),
        kib if kib >= 1 << 10 && kib % (1 << 10) == 0 => format!("{} KiB", kib >> 10),
        bytes => format!("{bytes} bytes"),
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn fifo(path: &Path) {
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    }

    #[test]
    fn only_a_regular_file_is_read_and_nothing_makes_us_wait() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "text").unwrap();
        fifo(&at("fifo"));
        let _socket = UnixListener::bind(at("socket")).unwrap();
        for (name, to) in [
            ("to-file", "file"),
            ("to-fifo", "fifo"),
            ("to-zero", "/dev/zero"),
            ("to-self", "to-self"),
        ] {
            std::os::unix::fs::symlink(to, at(name)).unwrap();
        }
        for (name, followed, own) in [
            ("file", None, None),
            ("to-file", None, Some("a symbolic link")),
            ("fifo", Some("a FIFO"), Some("a FIFO")),
            ("to-fifo", Some("a FIFO"), Some("a symbolic link")),
            ("socket", Some("a socket"), Some("a socket")),
            ("to-zero", Some("a device"), Some("a symbolic link")),
            (".", Some("a folder"), Some("a folder")),
        ] {
            for (result, expected) in [(read(&at(name), 4), followed), (read_own(&at(name), 4), own)] {
                match (result, expected) {
                    (Ok(bytes), None) => assert_eq!(bytes, b"text", "{name}"),
                    (Err(error), Some(part)) => assert!(error.to_string().contains(part), "{name}: {error}"),
                    (result, expected) => panic!("{name}: {result:?}, and not {expected:?}"),
                }
            }
        }
        assert_eq!(read(&at("nothing"), 4).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(read(&at("to-self"), 4).is_err());
    }

    #[test]
    fn no_more_is_read_than_such_a_file_may_have() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, [b'x'; 1024]).unwrap();
        assert_eq!(read(&path, 1024).unwrap().len(), 1024);
        let error = read(&path, 1023).unwrap_err();
        assert!(error.to_string().contains("more than 1023 bytes"), "{error}");
        // Without blocks on the disk, and longer than any memory.
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(1 << 40)
            .unwrap();
        let error = read(&path, DOCUMENT).unwrap_err();
        assert!(error.to_string().contains("more than 256 MiB"), "{error}");
        std::fs::write(&path, [0xFF]).unwrap();
        assert!(read_text(&path, 1).unwrap_err().to_string().contains("UTF-8"));
        if Path::new("/proc/self/status").exists() {
            // It says of itself that it is empty.
            assert!(read(Path::new("/proc/self/status"), 16).is_err());
            assert!(!read(Path::new("/proc/self/status"), SETTINGS).unwrap().is_empty());
        }
    }

    #[test]
    fn what_decides_was_written_by_the_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "text").unwrap();
        let read = |mode: u32| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            read_private(&path, 4).map_err(|error| error.to_string())
        };
        assert_eq!(read(0o600).unwrap(), b"text");
        assert_eq!(read(0o444).unwrap(), b"text");
        for mode in [0o620, 0o602, 0o666] {
            let error = read(mode).unwrap_err();
            assert!(error.contains("other users may write it"), "{error}");
        }
        // Only root can give a file away.
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
            let error = read(0o600).unwrap_err();
            assert!(error.contains("another user (12345)"), "{error}");
        }
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(
            read_private(&link, 4)
                .unwrap_err()
                .to_string()
                .contains("a symbolic link")
        );
    }

    #[test]
    fn what_is_locked_is_ours_alone() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mode = |name: &str| std::fs::metadata(at(name)).unwrap().permissions().mode() & 0o777;
        open_lock(&at("new")).unwrap();
        assert_eq!(mode("new"), 0o600);
        std::fs::write(at("old"), "").unwrap();
        std::fs::set_permissions(at("old"), std::fs::Permissions::from_mode(0o644)).unwrap();
        open_lock(&at("old")).unwrap();
        assert_eq!(mode("old"), 0o600);
        std::os::unix::fs::symlink("elsewhere", at("link")).unwrap();
        let error = open_lock(&at("link")).unwrap_err();
        assert!(error.to_string().contains("a symbolic link"), "{error}");
        assert!(!at("elsewhere").exists());
        fifo(&at("fifo"));
        let error = open_lock(&at("fifo")).unwrap_err();
        assert!(error.to_string().contains("a FIFO"), "{error}");
        make_folder(&at("a/b")).unwrap();
        assert_eq!((mode("a"), mode("a/b")), (0o700, 0o700));
    }
}
