//! Where a variable of the environment is set: the files of the project that name it, for the person who has to change it.

use std::path::Path;

use tegmen_sources::rotate::{Subject, Way};

use crate::messages;

/// So many places are shown.
const SHOWN: usize = 8;
/// Longer files set no variables.
const LONGEST: u64 = 256 << 10;

/// Says where the variable of a subject stands in the project's files, apart from scripts, which read it.
pub fn say(directory: &Path, subject: &Subject) {
    let Way::Env { name } = &subject.way else { return };
    let found = places(directory, name);
    if found.is_empty() {
        messages::hint(format_args!(
            "no file below {} sets {name}: change it where this shell, service or job gets it from",
            directory.display()
        ));
        return;
    }
    messages::hint(format_args!("{name} stands in {}; change what they take it from", found.join(", ")));
}

fn places(directory: &Path, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    // Hidden files are where CI is set up; what git ignores may hold the value.
    let walk = ignore::WalkBuilder::new(directory)
        .hidden(false)
        .git_ignore(false)
        .max_depth(Some(6))
        .sort_by_file_path(Path::cmp)
        .filter_entry(|entry| {
            !matches!(
                entry.file_name().to_str(),
                Some(".git" | "node_modules" | ".venv" | "__pycache__" | "target" | ".tegmen")
            )
        })
        .build();
    for entry in walk.flatten() {
        let path = entry.path();
        let reads = path
            .extension()
            .is_some_and(|end| ["py", "pyc", "md", "log", "html", "csv"].iter().any(|known| end == *known));
        let is_own = path.file_name().is_some_and(|file| file == tegmen_sources::Manifest::FILE);
        let small = entry.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= LONGEST);
        if reads || is_own || !small {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(path) else { continue };
        for (number, _) in text.lines().enumerate().filter(|(_, line)| has_word(line, name)) {
            let shown = path.strip_prefix(directory).unwrap_or(path).display();
            found.push(format!("{shown}:{}", number + 1));
            if found.len() == SHOWN {
                return found;
            }
        }
    }
    found
}

/// Whether the name stands there by itself.
fn has_word(line: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    line.match_indices(name).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + name.len()..]);
        !before.chars().next_back().is_some_and(is_part) && !after.chars().next().is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_sets_it() {
        let project = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = project.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(".github/workflows/load.yml", "env:\n  API_KEY: ${{ secrets.API_KEY }}\n  MY_API_KEY_2: x\n");
        write("compose.yaml", "environment:\n  - API_KEY\n");
        write("locustfile.py", "os.environ['API_KEY']");
        write("tegmen.toml", "source = \"env:API_KEY\"");
        write(".git/config", "API_KEY");
        assert_eq!(places(project.path(), "API_KEY"), [".github/workflows/load.yml:2", "compose.yaml:2"]);
    }
}
