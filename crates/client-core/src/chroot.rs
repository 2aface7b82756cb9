//! Paths as the caller has them and as the server has them.

use alloc::borrow::Cow;
use alloc::string::String;
use zk_types::ZnodePath;

/// What every path is below.
#[derive(Clone, Debug)]
pub(crate) struct Chroot(Option<ZnodePath>);

impl Chroot {
    pub(crate) fn new(chroot: Option<ZnodePath>) -> Self {
        Chroot(chroot.filter(|chroot| chroot.as_str() != "/"))
    }

    /// The server's path of the caller's `path`.
    pub(crate) fn add<'a>(&self, path: &'a str) -> Cow<'a, str> {
        match &self.0 {
            None => Cow::Borrowed(path),
            Some(chroot) if path == "/" => Cow::Owned(String::from(chroot.as_str())),
            Some(chroot) => Cow::Owned([chroot.as_str(), path].concat()),
        }
    }

    /// The server's prefix of the caller's `prefix`: it stays within the chroot even when it is
    /// the root or blank.
    pub(crate) fn add_prefix<'a>(&self, prefix: &'a str) -> Cow<'a, str> {
        match &self.0 {
            None => Cow::Borrowed(prefix),
            Some(chroot) if prefix.trim().is_empty() => Cow::Owned([chroot.as_str(), "/"].concat()),
            Some(chroot) => Cow::Owned([chroot.as_str(), prefix].concat()),
        }
    }

    /// The caller's path of the server's `path`; one outside the chroot stays as it is.
    pub(crate) fn strip<'a>(&self, path: &'a str) -> &'a str {
        let below = self
            .0
            .as_ref()
            .and_then(|chroot| path.strip_prefix(chroot.as_str()));
        match below {
            Some("") => "/",
            Some(below) if below.starts_with('/') => below,
            Some(_) | None => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chroot_is_added_and_stripped_by_whole_components() {
        let chroot = Chroot::new(Some(ZnodePath::parse("/app").unwrap()));
        assert_eq!(chroot.add("/"), "/app");
        assert_eq!(chroot.add("/a"), "/app/a");
        assert_eq!(chroot.add_prefix("/"), "/app/");
        assert_eq!(chroot.add_prefix(""), "/app/");
        assert_eq!(chroot.strip("/app"), "/");
        assert_eq!(chroot.strip("/app/a"), "/a");
        assert_eq!(chroot.strip("/apple"), "/apple");
    }

    #[test]
    fn the_root_is_no_chroot() {
        let chroot = Chroot::new(Some(ZnodePath::root()));
        assert_eq!(chroot.add("/a"), "/a");
        assert_eq!(chroot.strip("/a"), "/a");
    }
}
