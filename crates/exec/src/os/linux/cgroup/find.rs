//! Where the server's own control group is found in the file system.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};

/// The folder of the group this process is in.
pub(super) fn own_folder() -> Result<PathBuf, String> {
    let read = |path| fs::read(path).map_err(|error| format!("{path}: {error}"));
    let group = own_group(&read("/proc/self/cgroup")?).ok_or("the server's group is out of sight, or there is none")?;
    folder(&group, &read("/proc/self/mountinfo")?).ok_or_else(|| "no cgroup2 file system is mounted for it".to_owned())
}

/// The group in the second version's hierarchy, from lines like `0::/user.slice/a.scope`.
fn own_group(text: &[u8]) -> Option<PathBuf> {
    let path = lines(text).find_map(|line| line.strip_prefix(b"0::"))?;
    let path = Path::new(std::ffi::OsStr::from_bytes(path));
    // Outside of the group this process sees as the first.
    let visible = path.is_absolute() && path.components().all(|part| part != Component::ParentDir);
    visible.then(|| path.to_owned())
}

/// Where a group is mounted, from lines like `41 31 0:38 /root /mounted/on rw,relatime shared:9 - cgroup2 cgroup2 rw`.
fn folder(group: &Path, mounts: &[u8]) -> Option<PathBuf> {
    // Of several the last: it may cover the others.
    let places = lines(mounts).filter_map(|line| {
        let mut fields = line.split(|&byte| byte == b' ');
        let (root, place) = (path(fields.nth(3)?), path(fields.next()?));
        let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
        let below = group.strip_prefix(root).ok()?;
        // Joining nothing would leave a slash at the end.
        let place = if below.as_os_str().is_empty() { place } else { place.join(below) };
        (kind == b"cgroup2").then_some(place)
    });
    places.last()
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n')
}

/// A path in which white space and backslashes stand as three octal digits.
fn path(escaped: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|_| byte == b'\\');
        match digits.and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 8).ok()) {
            Some(escaped) => {
                bytes.push(escaped);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(text: &str) -> Option<PathBuf> {
        own_group(text.as_bytes())
    }

    fn place(group: &str, mounts: &str) -> Option<PathBuf> {
        folder(group.as_ref(), mounts.as_bytes())
    }

    #[test]
    fn the_group_is_that_of_the_second_version() {
        let hybrid = "9:name=systemd:/init.scope\n4:memory:/else\n0::/user.slice/a:b.scope\n";
        assert_eq!(group(hybrid), Some("/user.slice/a:b.scope".into()));
        assert_eq!(group("0::/\n"), Some("/".into()));
    }

    #[test]
    fn a_group_out_of_sight_is_none() {
        for text in ["", "4:memory:/a\n", "0::/../b\n", "0::\n"] {
            assert_eq!(group(text), None, "{text}");
        }
    }

    #[test]
    fn the_folder_lies_below_where_the_file_system_is_mounted() {
        let unified = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 master:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        assert_eq!(place("/", unified), Some("/sys/fs/cgroup".into()));
        assert_eq!(place("/a.slice/b", unified), Some("/sys/fs/cgroup/a.slice/b".into()));
        let hybrid = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
                      32 31 0:29 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n\
                      41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        assert_eq!(place("/x", hybrid), Some("/sys/fs/cgroup/unified/x".into()));
    }

    #[test]
    fn a_mount_of_a_part_shows_that_part_only() {
        let part = "41 31 0:38 /box /mnt/groups\\040of\\134box rw - cgroup2 none rw\n";
        assert_eq!(place("/box/a", part), Some("/mnt/groups of\\box/a".into()));
        assert_eq!(place("/boxes", part), None);
        assert_eq!(place("/", part), None);
    }

    #[test]
    fn the_last_mount_counts() {
        let two = "1 0 0:1 / /first rw - cgroup2 none rw\n2 0 0:1 / /second rw - cgroup2 none rw\n";
        assert_eq!(place("/a", two), Some("/second/a".into()));
        assert_eq!(place("/a", "no mounts\n1 2 3\n"), None);
    }
}
