//! Files beside the scripts: dotenv, `locust.conf` and other INI, YAML, TOML, JSON, Dockerfiles, shell, Makefiles, CSV, notebooks.
//!
//! Each is read as what it is by a reader of its own, which hands names and values with their places to the [`Collector`]; the
//! same judge as for Python says which are secrets. What does not parse is searched line by line ([`plain`]): never an error.
//! Python inside of them (a ConfigMap with a locustfile, the cells of a notebook) is a [`Part`], audited with all rules.

mod collector;
mod commands;
mod csv;
mod dockerfile;
mod dotenv;
mod ini;
mod json;
mod kubernetes;
mod locust;
mod map;
mod node;
mod notebook;
mod plain;
mod reference;
mod shell;
mod toml;
mod tree;
mod xml;
mod yaml;

use collector::Collector;
pub use commands::{RUNNERS, collect as commands, lines as command_lines};
pub use locust::{Command, Setting};
pub use map::Map;
pub use plain::broken_python;

use tegmen_syntax::Span;

use crate::literal::Judged;
use crate::walk::FileKind;

/// What a file that is no Python says.
#[derive(Default)]
pub struct Config {
    /// The literals in it that are judged to be secrets.
    pub literals: Vec<Judged>,
    /// Python inside of it.
    pub parts: Vec<Part>,
    /// Files that it hands to Locust.
    pub locustfiles: Vec<String>,
    /// Calls of Locust.
    pub commands: Vec<Command>,
    /// Settings of Locust that stand in a file or the environment.
    pub settings: Vec<Setting>,
    /// Sensitive variables whose value a command shows: their name, and where.
    pub printed: Vec<(String, Span)>,
}

impl Config {
    /// All settings of Locust by this name, from files, the environment and command lines.
    pub fn options<'c>(&'c self, name: &'c str) -> impl Iterator<Item = &'c Setting> {
        let commands = self.commands.iter().flat_map(|command| &command.options);
        self.settings.iter().chain(commands).filter(move |setting| setting.name == name)
    }

    /// Whether a setting of Locust is given, and not turned off.
    pub fn is_set(&self, name: &str) -> bool {
        self.options(name).any(Setting::is_on)
    }
}

/// Python inside another file.
pub struct Part {
    /// The Python.
    pub text: String,
    /// Where it stands in the file.
    pub map: Map,
    /// What it is called there.
    pub label: Label,
}

/// What a part of a file is called.
pub enum Label {
    /// A file inside the file: the key of a ConfigMap.
    File(String),
    /// The cells of a notebook: where each begins in the text, and its number from 1.
    Cells(Vec<(u32, u32)>),
}

impl Label {
    /// A name, for messages and for imports from one another.
    pub fn name(&self) -> &str {
        match self {
            Label::File(name) => name,
            Label::Cells(_) => "the code of its cells",
        }
    }

    /// Where in the file something at `offset` of `text` is.
    pub fn place(&self, text: &str, offset: u32) -> String {
        match self {
            Label::File(name) => format!("in `{name}` inside this file"),
            Label::Cells(cells) => {
                let cell = cells.partition_point(|(start, _)| *start <= offset).saturating_sub(1);
                let Some((start, number)) = cells.get(cell) else { return "in a cell".to_owned() };
                let before = text.get(*start as usize..offset as usize).unwrap_or_default();
                format!("cell {number}, line {}", before.matches('\n').count() + 1)
            }
        }
    }
}

impl Config {
    /// Reads a file.
    pub fn read(kind: FileKind, path: &str, text: &str) -> Self {
        let mut collector = Collector::new(path, text);
        if collector.may_matter() {
            collector.read(kind);
        }
        collector.done()
    }
}

impl Collector<'_> {
    /// Reads the text as a file of this kind.
    fn read(&mut self, kind: FileKind) {
        let text = self.text();
        match kind {
            FileKind::Python => {}
            FileKind::Dotenv => dotenv::read(self),
            FileKind::Ini => ini::read(self),
            FileKind::Shell => shell::read(self, 0..text.len(), shell::Dialect::Shell),
            FileKind::Makefile => shell::read(self, 0..text.len(), shell::Dialect::Make),
            FileKind::Dockerfile => dockerfile::read(self),
            FileKind::Csv => csv::read(self),
            FileKind::Xml => xml::read(self),
            FileKind::Script => plain::script(self),
            FileKind::Sample => self.sample(),
            FileKind::Notebook => match json::read(text) {
                Some(node) => notebook::read(self, &node),
                None => plain::read(self),
            },
            FileKind::Json => match json::read(text) {
                Some(node) => tree::read(self, &node),
                None => plain::read(self),
            },
            FileKind::Toml => match toml::read(text) {
                Some(node) => tree::read(self, &node),
                None => plain::read(self),
            },
            FileKind::Yaml => match yaml::read(text) {
                Some(documents) => documents.iter().for_each(|document| kubernetes::document(self, document)),
                None => plain::read(self),
            },
        }
        self.private_keys();
    }
}

#[cfg(test)]
mod tests;
