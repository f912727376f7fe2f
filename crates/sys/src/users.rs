//! Users of this machine (getpwnam_r(3), getgrouplist(3)).

use std::{
    ffi::{CStr, CString, OsStr},
    io,
    os::unix::ffi::OsStrExt,
    path::PathBuf,
};

use crate::sandbox::User;

/// A user as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Numbers.
    pub user: User,
    /// The name, if there is one.
    pub name: Option<String>,
    /// The home folder, if there is one.
    pub home: Option<PathBuf>,
}

/// The user of that name or number, with its groups. `None`: there is none. A number need not have a name.
///
/// # Errors
/// When the user database cannot be read.
pub fn find(name: &str) -> io::Result<Option<Account>> {
    let number = name.parse::<u32>().ok();
    let text = CString::new(name).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut buffer = vec![0; 16 * 1024];
    // SAFETY: plain old data, filled by the call below.
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    let mut found = std::ptr::null_mut();
    // SAFETY: pointers to live memory, with the buffer's length; `text` is null-terminated.
    let result = unsafe {
        match number {
            Some(uid) => libc::getpwuid_r(uid, &mut entry, buffer.as_mut_ptr(), buffer.len(), &mut found),
            None => libc::getpwnam_r(text.as_ptr(), &mut entry, buffer.as_mut_ptr(), buffer.len(), &mut found),
        }
    };
    if found.is_null() {
        return match (result, number) {
            (0, Some(uid)) => {
                Ok(Some(Account { user: User { uid, gid: uid, groups: vec![uid] }, name: None, home: None }))
            }
            (0 | libc::ENOENT | libc::ESRCH, None) => Ok(None),
            (error, _) => Err(io::Error::from_raw_os_error(error)),
        };
    }
    let (uid, gid) = (entry.pw_uid, entry.pw_gid);
    let mut groups = vec![0; 256];
    let mut count = groups.len() as libc::c_int;
    // SAFETY: the name lies in `buffer`; `count` is the length of `groups`, which the call keeps to.
    let all = unsafe { libc::getgrouplist(entry.pw_name, gid, groups.as_mut_ptr(), &mut count) };
    groups.truncate(usize::try_from(all).unwrap_or(0));
    if groups.is_empty() {
        groups.push(gid);
    }
    // SAFETY: null-terminated strings in `buffer`, which lives until the end of this function.
    let (name, home) = unsafe { (CStr::from_ptr(entry.pw_name), CStr::from_ptr(entry.pw_dir)) };
    let name = name.to_str().ok().map(str::to_owned);
    let home = Some(PathBuf::from(OsStr::from_bytes(home.to_bytes()))).filter(|home| home.is_absolute());
    Ok(Some(Account { user: User { uid, gid, groups }, name, home }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name_and_number() {
        assert_eq!(find("root").unwrap().unwrap().user.uid, 0);
        assert_eq!(find("0").unwrap().unwrap().name.as_deref(), Some("root"));
        assert_eq!(find("4000000000").unwrap().unwrap().user.gid, 4_000_000_000);
        assert_eq!(find("no-such-user-here").unwrap(), None);
    }
}
