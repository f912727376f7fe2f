//! Which file a dotted name of an import means.

use std::collections::HashMap;

use camino::Utf8Path;

/// The Python files of a project by path and by the names that they may be imported by.
#[derive(Default)]
pub struct Index {
    /// Paths, in order.
    paths: Vec<String>,
    /// Every ending of a path as a dotted name, `helpers`, `shop.helpers`; `None` where two files share one.
    names: HashMap<String, Option<usize>>,
}

impl Index {
    /// An index of these paths, which are in order. What is no Python file has no name.
    pub fn new(paths: Vec<String>) -> Self {
        let mut names: HashMap<String, Option<usize>> = HashMap::new();
        for (id, path) in paths.iter().enumerate().filter(|(_, path)| path.ends_with(".py")) {
            for name in module_names(path) {
                names.entry(name).and_modify(|known| *known = None).or_insert(Some(id));
            }
        }
        Self { paths, names }
    }

    /// The module of this dotted name, as seen from a file. A module beside the file goes first.
    pub fn resolve(&self, from: usize, name: &str, level: u32) -> Option<usize> {
        // What no path ends in is nobody's module here, and most imports are of other people's.
        if level == 0 && !self.names.contains_key(name) {
            return None;
        }
        let path = Utf8Path::new(self.paths.get(from)?);
        let mut base = path.parent()?.to_path_buf();
        for _ in 1..level.max(1) {
            base = base.parent()?.to_path_buf();
        }
        let relative = name.replace('.', "/");
        for candidate in [base.join(format!("{relative}.py")), base.join(&relative).join("__init__.py")] {
            if let Ok(id) = self.paths.binary_search_by(|path| path.as_str().cmp(candidate.as_str())) {
                return Some(id);
            }
        }
        if level > 0 || name.is_empty() { None } else { self.names.get(name).copied().flatten() }
    }

    /// The file and the name in it that `qualified` (with its dots in front) means: `helpers.log` is `log` of `helpers.py`.
    pub fn member<'n>(&self, from: usize, qualified: &'n str) -> Option<(usize, &'n str)> {
        let level = qualified.bytes().take_while(|byte| *byte == b'.').count();
        let name = &qualified[level..];
        let (module, member) = name.rsplit_once('.').unwrap_or(("", name));
        Some((self.resolve(from, module, level as u32).filter(|_| level > 0 || !module.is_empty())?, member))
    }
}

/// The dotted names that a module may be imported by.
fn module_names(path: &str) -> Vec<String> {
    let path = path.strip_suffix(".py").unwrap_or(path);
    let path = path.strip_suffix("/__init__").unwrap_or(path);
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != "." && *part != "..").collect();
    (0..parts.len()).rev().take(6).map(|from| parts[from..].join(".")).collect()
}

/// The names that a text imports, with their dots in front, without parsing it: `import a.b` gives `a.b`, `from .a import b` gives `.a`
/// and `.a.b`. A line of a string that looks like an import does no harm.
pub fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let line = line.trim_start();
        if let Some(names) = line.strip_prefix("import ") {
            for name in names.split('#').next().unwrap_or_default().split(',') {
                found.extend(name.split_whitespace().next().map(str::to_owned));
            }
        } else if let Some(rest) = line.strip_prefix("from ")
            && let Some((module, names)) = rest.split_once(" import ")
        {
            let module = module.trim();
            let mut names = names.split('#').next().unwrap_or_default().to_owned();
            if names.contains('(') && !names.contains(')') {
                for line in lines.by_ref().take(500) {
                    names.push(',');
                    names.push_str(line.split('#').next().unwrap_or_default());
                    if line.contains(')') {
                        break;
                    }
                }
            }
            let separator = if module.ends_with('.') { "" } else { "." };
            for name in names.split(',') {
                let name = name.trim_matches([' ', '(', ')', '\t', '\\']);
                if let Some(name) = name.split_whitespace().next().filter(|name| *name != "*") {
                    found.push(format!("{module}{separator}{name}"));
                }
            }
            found.push(module.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_seen_without_a_parser() {
        let text = "import os, a.b as c\nfrom .x import (\n    y,  # why\n    z as w,\n)\nfrom . import k\n  from m import *\n";
        assert_eq!(
            imports(text),
            ["os", "a.b", ".x.y", ".x.z", ".x", ".k", ".", "m.", "m"]
                .into_iter()
                .filter(|name| *name != "m.")
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn names_resolve_beside_the_file_first() {
        let index = Index::new(
            ["a/helpers.py", "a/main.py", "b/helpers.py", "lib/__init__.py", "lib/log.py"].map(str::to_owned).to_vec(),
        );
        assert_eq!(index.resolve(1, "helpers", 0), Some(0));
        assert_eq!(index.resolve(1, "lib.log", 0), Some(4));
        assert_eq!(index.resolve(4, "", 1), Some(3));
        assert_eq!(index.member(1, "lib.log.show"), Some((4, "show")));
        assert_eq!(index.member(1, "print"), None);
    }
}
