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
        let beside =
            if relative.is_empty() { self.at(&base.join("__init__.py")) } else { self.module_at(&base, &relative) };
        if beside.is_some() {
            return beside;
        }
        if level > 0 || name.is_empty() {
            return None;
        }
        if let Some(Some(id)) = self.names.get(name) {
            return Some(*id);
        }
        // Several files go by that name: the nearest of those that are seen from the directories above, in which Locust may be
        // started, or from their `src` and `lib`.
        while let Some(parent) = base.parent() {
            base = parent.to_path_buf();
            let found = ["", "src", "lib"].iter().find_map(|layout| self.module_at(&base.join(layout), &relative));
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// The module at a path without its ending: a file, or a package.
    fn module_at(&self, base: &Utf8Path, relative: &str) -> Option<usize> {
        let file = base.join(format!("{relative}.py"));
        self.at(&file).or_else(|| self.at(&base.join(relative).join("__init__.py")))
    }

    fn at(&self, path: &Utf8Path) -> Option<usize> {
        self.paths.binary_search_by(|known| known.as_str().cmp(path.as_str())).ok()
    }

    /// The files of ours that a text imports.
    pub fn targets(&self, from: usize, imports: &Imports) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        let added = self.search_path(from, &imports.paths);
        for name in imports.names() {
            let level = name.bytes().take_while(|byte| *byte == b'.').count();
            found.extend(self.resolve(from, &name[level..], level as u32));
            found.extend(self.member(from, name).map(|(file, _)| file));
            // `import a.b` runs `a/__init__.py` as well.
            if let Some((package, _)) = name[level..].split_once('.') {
                found.extend(self.resolve(from, package, level as u32));
            }
            if level == 0 && !added.is_empty() {
                let relative = name.replace('.', "/");
                let parent = relative.rsplit_once('/').map_or("", |(parent, _)| parent);
                for base in &added {
                    found.extend(self.module_at(base, &relative));
                    found.extend(
                        Some(parent)
                            .filter(|parent| !parent.is_empty())
                            .and_then(|parent| self.module_at(base, parent)),
                    );
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found.retain(|target| *target != from);
        found
    }

    /// The directories that a text puts on `sys.path`, where it says which.
    fn search_path(&self, from: usize, text: &str) -> Vec<camino::Utf8PathBuf> {
        let Some(directory) = self.paths.get(from).and_then(|path| Utf8Path::new(path).parent()) else {
            return Vec::new();
        };
        let lines = text.lines().filter(|line| line.contains("sys.path."));
        lines
            .filter_map(|line| {
                added_directory(line).map(|(ups, rest)| {
                    let mut base = directory.to_path_buf();
                    for _ in 0..ups {
                        base = base.parent().map(Utf8Path::to_path_buf).unwrap_or_default();
                    }
                    normal(&base.join(rest))
                })
            })
            .collect()
    }

    /// The files that a name given to Locust means, seen from a file: beside it, from a directory above it, or anywhere if it is
    /// the only one.
    pub fn named(&self, from: usize, name: &str) -> Vec<usize> {
        let name = name.trim_start_matches("./").trim_end_matches('/');
        let Some(path) = self.paths.get(from).filter(|_| !name.is_empty()) else { return Vec::new() };
        let mut directory = Utf8Path::new(path).parent();
        while let Some(base) = directory {
            let wanted = normal(&base.join(name));
            let inside = format!("{wanted}/");
            // A directory stands for all locustfiles in it.
            let first = self.paths.partition_point(|path| path.as_str() < inside.as_str());
            let mut found: Vec<usize> = (first..self.paths.len())
                .take_while(|id| self.paths[*id].starts_with(&inside))
                .filter(|id| self.paths[*id].ends_with(".py"))
                .collect();
            found.extend(self.at(&wanted));
            found.extend(self.at(Utf8Path::new(&format!("{wanted}.py"))));
            if !found.is_empty() && !wanted.as_str().is_empty() {
                return found;
            }
            directory = base.parent();
        }
        // In an image the path is another: `/mnt/locust/locustfile.py`.
        let tail = name.rsplit('/').next().unwrap_or(name);
        let ending = format!("/{tail}");
        let mut known =
            self.paths.iter().enumerate().filter(|(_, path)| tail.ends_with(".py") && path.ends_with(&ending));
        match (known.next(), known.next()) {
            (Some((id, _)), None) => vec![id],
            _ => Vec::new(),
        }
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

/// The directory that a line puts on `sys.path`: how many directories up from the file's own, and what follows. `None` if that is
/// not said in the line.
fn added_directory(line: &str) -> Option<(usize, String)> {
    let (_, call) = line.split_once("sys.path.")?;
    let call = ["append(", "insert(", "extend("].iter().find_map(|method| call.strip_prefix(method))?;
    let mut rest = String::new();
    let mut quoted = call;
    while let Some(at) = quoted.find(['"', '\'']) {
        let mark = quoted.as_bytes()[at] as char;
        let (text, after) = quoted[at + 1..].split_once(mark)?;
        if !rest.is_empty() {
            rest.push('/');
        }
        rest.push_str(text);
        quoted = after;
    }
    // `dirname(__file__)` is the directory itself, each further one goes up; so with `Path(__file__).parent`.
    let steps = call.matches("dirname(").count() + call.matches(".parent").count();
    let ups = if call.contains("__file__") { steps.saturating_sub(1) } else { 0 };
    let known = !rest.is_empty() || call.contains("__file__");
    (known && !rest.starts_with('/') && !rest.starts_with('~')).then_some((ups, rest))
}

/// A path without `.` and `..`, where they can be told.
fn normal(path: &Utf8Path) -> camino::Utf8PathBuf {
    let mut out = camino::Utf8PathBuf::new();
    for component in path.components() {
        match component {
            camino::Utf8Component::CurDir => {}
            camino::Utf8Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            other => out.push(other.as_str()),
        }
    }
    out
}

/// What a text imports.
#[derive(Debug, Default)]
pub struct Imports {
    /// The names, one a line, as [`imports`] gives them.
    names: Box<str>,
    /// The lines that say where they are looked for.
    paths: Box<str>,
}

impl Imports {
    /// What a text imports, without parsing it.
    pub fn of(text: &str) -> Self {
        let names = imports(text).join("\n").into();
        let bytes = text.as_bytes();
        let mut paths = String::new();
        let mut from = 0;
        while let Some(at) = memchr::memmem::find(&bytes[from..], b"sys.path.").map(|at| at + from) {
            let start = memchr::memrchr(b'\n', &bytes[from..at]).map_or(from, |line| from + line + 1);
            from = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |line| at + line + 1);
            paths.push_str(&text[start..from]);
        }
        Self { names, paths: paths.into() }
    }

    /// The names, with their dots in front.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.lines()
    }
}

/// The names that a text imports, with their dots in front, without parsing it: `import a.b` gives `a.b`, `from .a import b` gives `.a`
/// and `.a.b`. A line of a string that looks like an import does no harm.
pub fn imports(text: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut from = 0;
    // Every line that imports something has the word in it.
    let word = memchr::memmem::Finder::new("import");
    while let Some(at) = word.find(&bytes[from..]).map(|at| at + from) {
        let start = memchr::memrchr(b'\n', &bytes[from..at]).map_or(from, |line| from + line + 1);
        let mut lines = text[start..].split_inclusive('\n');
        let mut next = start;
        let mut line = || {
            let line = lines.next()?;
            next += line.len();
            Some(line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line)))
        };
        if let Some(first) = line() {
            import(first, &mut line, &mut found);
        }
        from = next.max(at + 1);
    }
    found
}

/// The names that a line imports, and those that follow it up to a bracket that closes.
fn import<'t>(line: &'t str, next: &mut dyn FnMut() -> Option<&'t str>, found: &mut Vec<String>) {
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
            for _ in 0..500 {
                let Some(line) = next() else { break };
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
                found.push([module, separator, name].concat());
            }
        }
        found.push(module.to_owned());
    } else if let Some((_, name)) = line.split_once("import_module(").or_else(|| line.split_once("__import__(")) {
        // `importlib.import_module("shop.users")`
        let mut parts = name.split(['"', '\'']);
        if parts.next().is_some_and(|before| before.trim().is_empty()) {
            found.extend(parts.next().map(str::to_owned));
        }
    }
}

/// Whether an import is of Locust, or of what stands on it.
pub fn is_locust(name: &str) -> bool {
    LIBRARIES.iter().any(|library| name.starts_with(library))
}

/// Whether a text imports Locust, or what stands on it.
pub fn imports_locust(text: &str) -> bool {
    LIBRARIES.iter().any(|library| memchr::memmem::find(text.as_bytes(), library.as_bytes()).is_some())
        && imports(text).iter().any(|name| is_locust(name))
}

/// Locust, and what stands on it.
const LIBRARIES: &[&str] = &["locust", "tegmen"];

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

    #[test]
    fn of_several_the_nearest_and_what_sys_path_has() {
        let paths = [
            "load/helpers.py",
            "load/shop/users/main.py",
            "other/helpers.py",
            "src/a/x.py",
            "src/b/x.py",
            "tools/lib/k.py",
            "web/k.py",
        ];
        let index = Index::new(paths.map(str::to_owned).to_vec());
        assert_eq!(index.resolve(1, "helpers", 0), Some(0));
        assert_eq!(index.resolve(1, "b.x", 0), Some(4));
        let text =
            "sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', '..', '..', 'tools', 'lib'))\nimport k\n";
        assert_eq!(index.targets(1, &Imports::of(text)), [5]);
        let text = "sys.path.append(str(Path(__file__).parent.parent.parent.parent / 'tools/lib'))\nimport k\n";
        assert_eq!(index.targets(1, &Imports::of(text)), [5]);
        assert_eq!(imports("m = importlib.import_module('a.b')"), ["a.b"]);
    }

    #[test]
    fn what_is_given_to_locust() {
        let paths = ["Makefile", "load/a.py", "load/b.py", "load/ci/run.sh", "other/b.py", "x/locustfile.py"];
        let index = Index::new(paths.map(str::to_owned).to_vec());
        assert_eq!(index.named(0, "load/a.py"), [1]);
        assert_eq!(index.named(0, "./load/a"), [1]);
        assert_eq!(index.named(0, "load"), [1, 2]);
        assert_eq!(index.named(3, "b.py"), [2]);
        assert_eq!(index.named(0, "/mnt/locust/locustfile.py"), [5]);
        assert_eq!(index.named(0, "/mnt/locust/b.py"), [] as [usize; 0]);
    }
}
