//! Whether git on this machine ignores files everywhere, by a file of patterns that its settings name. To look into the settings is the
//! work of the `ignore` crate, which does it with a regular expression; most machines have no such file, and to know that takes a search
//! for one word.

use std::path::PathBuf;

/// What a setting is called that names such a file.
const SETTING: &[u8] = b"excludesfile";

/// Whether there may be patterns for all repositories.
pub fn has_patterns_for_all() -> bool {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = std::env::home_dir();
    let config = variable("XDG_CONFIG_HOME").or_else(|| home.as_ref().map(|home| home.join(".config")));
    let settings = [
        variable("GIT_CONFIG_GLOBAL"),
        home.map(|home| home.join(".gitconfig")),
        config.as_ref().map(|config| config.join("git/config")),
        Some(variable("GIT_CONFIG_SYSTEM").unwrap_or_else(|| PathBuf::from("/etc/gitconfig"))),
    ];
    config.is_some_and(|config| config.join("git/ignore").is_file())
        || settings.into_iter().flatten().any(|path| std::fs::read(path).is_ok_and(|text| names_a_file(&text)))
}

/// Whether settings name a file of patterns. That a comment does costs a closer look.
fn names_a_file(text: &[u8]) -> bool {
    text.windows(SETTING.len()).any(|part| part.eq_ignore_ascii_case(SETTING))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_name_a_file() {
        assert!(names_a_file(b"[core]\n\texcludesFile = ~/.gitignore\n"));
        assert!(!names_a_file(b"[user]\n\tname = excludes\n"));
        assert!(!names_a_file(b""));
    }
}
