//! A file of a project: what it says, as facts where it is Python, and where what it says stands.

use std::sync::{Arc, OnceLock};

use tegmen_findings::{Problem, ProblemKind};
use tegmen_syntax::{Module, Span};

use crate::config::{Config, Label, Map, Part};
use crate::literal::Judged;
use crate::literal::behind::Used;
use crate::read::Loaded;
use crate::spot::Lines;
use crate::walk::FileKind;
use crate::{config, literal, prefilter, python2};

/// A file that was read.
pub struct SourceFile {
    /// Its path as given.
    pub path: String,
    /// What it is found by where others import it: its path, or its place in the file that it is a part of.
    pub(super) key: String,
    /// What it is read as.
    pub kind: FileKind,
    /// What it says.
    pub(super) content: Content,
    pub(super) literals: OnceLock<(Vec<Judged>, Vec<Used>)>,
    /// Where the text stands in the file, if it is not the text of the file.
    pub(super) origin: Option<Origin>,
    pub(super) problems: Vec<Problem>,
}

/// The file that a text was taken out of.
pub(super) struct Origin {
    /// The text of the file.
    pub(super) text: Arc<str>,
    /// Where what stands in it.
    map: Map,
    /// Which part of the file it is: "cell 3".
    pub(super) part: Option<Label>,
}

/// What a file says.
pub(super) enum Content {
    /// Python, as facts.
    Python(Box<Module>),
    /// Python in which there is nothing to find.
    Text(String),
    /// Text of another kind.
    Config(String, Config),
}

/// Whether a Python file is parsed even if there is nothing to find in it by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Parse {
    Always,
    /// If one of the words of a finding stands in it.
    IfPromising,
    /// If a closer look shows that it may have a finding.
    IfWorth,
}

impl Parse {
    pub(super) fn is_wanted(self, text: &str) -> bool {
        match self {
            Self::Always => true,
            Self::IfPromising => prefilter::may_have_findings(text),
            Self::IfWorth => prefilter::is_worth_parsing(text),
        }
    }
}

impl SourceFile {
    pub(super) fn new(path: &str, kind: FileKind, loaded: Loaded, parse: Parse) -> Self {
        let Loaded { text, problem } = loaded;
        if kind == FileKind::Python {
            return Self::python(path, text, parse, problem);
        }
        let config = Config::read(kind, path, &text);
        Self {
            path: path.to_owned(),
            key: path.to_owned(),
            kind,
            content: Content::Config(text, config),
            literals: OnceLock::new(),
            origin: None,
            problems: problem.into_iter().collect(),
        }
    }

    fn python(path: &str, text: String, parse: Parse, problem: Option<Problem>) -> Self {
        let mut file = Self {
            path: path.to_owned(),
            key: path.to_owned(),
            kind: FileKind::Python,
            content: Content::Text(String::new()),
            literals: OnceLock::new(),
            origin: None,
            problems: problem.into_iter().collect(),
        };
        if !parse.is_wanted(&text) {
            file.content = Content::Text(text);
            return file;
        }
        let module = Module::parse(text);
        let Some((span, message)) = module.errors.first() else {
            file.content = Content::Python(Box::new(module));
            return file;
        };
        let problem =
            |line, message| Problem { kind: ProblemKind::Unparsed, path: path.to_owned(), line: Some(line), message };
        if let Some(translated) = python2::translate(module.source()) {
            let modern = Module::parse(translated.text);
            if modern.errors.len() < module.errors.len() || modern.errors.is_empty() {
                let rest = if modern.errors.is_empty() { "" } else { ", and broken" };
                let message = format!("is Python 2{rest} ({}); audited as far as it could be read", translated.sign);
                file.problems.push(problem(translated.line, message));
                let text = module.source().into();
                file.origin = Some(Origin { text, map: translated.map, part: None });
                file.content = Content::Python(Box::new(modern));
                return file;
            }
        }
        let message = format!("does not parse as Python 3 ({message}); what could be understood was audited");
        file.problems.push(problem(module.line_of(span.start), message));
        file.content = Content::Python(Box::new(module));
        file
    }

    /// Python that stands inside another file.
    pub(super) fn part(path: &str, part: Part, text: &Arc<str>) -> Self {
        let mut file = Self::python(path, part.text, Parse::Always, None);
        let map = match file.origin.take() {
            Some(origin) => origin.map.then(&part.map),
            None => part.map,
        };
        for problem in &mut file.problems {
            problem.message = format!("{}: {}", part.label.name(), problem.message);
        }
        file.key = format!("{path}/{}", part.label.name());
        file.origin = Some(Origin { text: Arc::clone(text), map, part: Some(part.label) });
        file
    }

    /// The text that the facts are about.
    pub fn text(&self) -> &str {
        match &self.content {
            Content::Python(module) => module.source(),
            Content::Text(text) | Content::Config(text, _) => text,
        }
    }

    /// The module, if it was parsed.
    pub fn module(&self) -> Option<&Module> {
        match &self.content {
            Content::Python(module) => Some(module),
            Content::Text(_) | Content::Config(..) => None,
        }
    }

    /// What a file beside the scripts says, if it is one.
    pub fn config(&self) -> Option<&Config> {
        match &self.content {
            Content::Config(_, config) => Some(config),
            Content::Python(_) | Content::Text(_) => None,
        }
    }

    /// The literals in it that are judged to be secrets.
    pub fn literals(&self) -> &[Judged] {
        match &self.content {
            Content::Python(module) => &self.collected(module).0,
            Content::Text(_) => &[],
            Content::Config(_, config) => &config.literals,
        }
    }

    pub(super) fn collected(&self, module: &Module) -> &(Vec<Judged>, Vec<Used>) {
        self.literals.get_or_init(|| {
            let (mut found, used) = literal::python::collect(module);
            if !module.errors.is_empty() {
                config::broken_python(module.source(), &mut found);
            }
            config::commands(module, &mut found);
            (found, used)
        })
    }

    pub(super) fn lines(&self) -> Lines<'_> {
        let masks = self.literals().iter().flat_map(|judged| judged.literal.spans.iter().copied());
        match &self.origin {
            Some(origin) => Lines::new(&self.path, &origin.text, masks.map(|span| origin.map.span(span))),
            None => Lines::new(&self.path, self.text(), masks),
        }
    }

    /// Where a span of the text stands in the file.
    pub(super) fn place(&self, span: Span) -> Span {
        self.origin.as_ref().map_or(span, |origin| origin.map.span(span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worth_parsing_by_what_stands_on_another_line() {
        for text in [
            "KEY = 'q8Zk2mVx91'\n\ndef send():\n    requests.get('/', headers={'X-Api-Key': KEY})\n",
            "for value in (ONE, TWO):\n    post(token=value)\nONE = 'q8Zk2mVx91aa'\nTWO = 'q8Zk2mVx91bb'\n",
            "def enter(name, word):\n    call(password=word)\n\nenter('ann', 'q8Zk2mVx91')\n",
            "USERS = [('ann', 'q8Zk2mVx91'), ('bob', 'w7Yh3nBc82')]\nuser, password = random.choice(USERS)\n",
            "PARTS = {'a': 'q8Zk2mVx91', 'b': 'x'}\npassword = PARTS['a']\n",
            "self.creds['url_password'] = 'q8Zk2mVx91'\n",
            "import os\nurl = f\"Bearer {os.environ.get('SHOP_TOKEN', '')}\"\n",
            "value = request.headers['Authorization']\nother = value\nlog.info('got %s', other)\n",
            "import subprocess\nsubprocess.run(['shop', '--password', password])\n",
            "import os\nprint(dict(os.environ))\n",
            "import os\nos.system('curl -u admin:Zk99aaQ1 https://shop.example')\n",
            "# $ export API_TOKEN=q8Zk2mVx91w7Yh3nBc82\n",
            "x = 1\n'''\npassword = \"q8Zk2mVx91\"\n'''\n",
        ] {
            assert!(Parse::IfWorth.is_wanted(text), "{text}");
        }
        let plain = "import os\n\nclass Token:\n    kind = 'name'\n\n    def show(self):\n        print('a token')\n";
        assert!(!Parse::IfWorth.is_wanted(plain));
    }
}
