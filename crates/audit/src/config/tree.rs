//! Values in tables: JSON, TOML, YAML.

use tegmen_classify as classify;

use super::collector::Collector;
use super::locust::Setting;
use super::node::{Node, Scalar, Style};
use super::{dotenv, shell, yaml};

/// Keys of text that a shell runs.
#[rustfmt::skip]
const COMMANDS: &[&str] = &[
    "run", "script", "command", "commands", "args", "entrypoint", "before_script", "after_script", "bash", "sh", "inline", "inlineScript", "cmd", "cmds", "exec", "pre", "post", "powershell", "pwsh", "shell",
    "masterCommandSeed", "workerCommandSeed", "arguments", "steps", "before", "after", "install", "test", "postCreateCommand", "command_line", "container_command", "cli_args",
];

/// Reads a value with all that is in it.
pub fn read(collector: &mut Collector<'_>, node: &Node<'_>) {
    visit(collector, node, &[]);
}

/// Reads a value under its keys, the outermost first.
pub fn visit(collector: &mut Collector<'_>, node: &Node<'_>, keys: &[&str]) {
    match node {
        Node::Scalar(scalar) => single(collector, scalar, keys),
        Node::Table(entries) => table(collector, node, entries, keys),
        Node::List(items) => list(collector, items, keys),
        Node::Nothing => {}
    }
}

fn table<'t>(collector: &mut Collector<'_>, node: &Node<'t>, entries: &[(Scalar<'t>, Node<'t>)], keys: &[&str]) {
    // `{name: PASSWORD, value: x}`: Kubernetes, recordings of browsers, collections of Postman.
    let name = ["name", "key", "Name", "Key", "id", "parameter_name", "ParameterKey"]
        .iter()
        .find_map(|key| node.get(key)?.text());
    let value = ["value", "Value", "default", "ParameterValue"].iter().find_map(|key| node.get(key)?.scalar());
    if let (Some(name), Some(value)) = (name, value) {
        variable(collector, name, value);
    }
    let locust = keys.last() == Some(&"locust");
    for (key, value) in entries {
        let mut inner: Vec<&str> = keys.to_vec();
        inner.push(&key.value);
        if let Node::Scalar(scalar) = value {
            if matches!(&*key.value, "value" | "Value" | "ParameterValue") && name.is_some() {
                continue;
            }
            if locust || super::locust::is_variable(&key.value) {
                collector.setting(Setting::new(&key.value, &scalar.value, &scalar.span));
            }
        }
        if let (true, Node::List(items)) = (locust, value) {
            // `locustfile = ["a.py", "b.py"]`
            for item in items.iter().filter_map(Node::scalar) {
                collector.setting(Setting::new(&key.value, &item.value, &item.span));
            }
        }
        visit(collector, value, &inner);
    }
}

fn list(collector: &mut Collector<'_>, items: &[Node<'_>], keys: &[&str]) {
    let key = keys.last().copied().unwrap_or_default();
    let scalars: Vec<&Scalar<'_>> = items.iter().filter_map(Node::scalar).collect();
    if !scalars.is_empty() && scalars.len() == items.len() {
        if COMMANDS.contains(&key) {
            let lines = scalars.iter().filter(|scalar| scalar.value.contains([' ', '\n'])).count();
            // Whole lines of a script, or the words of one command.
            if lines * 2 >= scalars.len() && key != "args" && key != "command" && key != "entrypoint"
                || lines == scalars.len()
            {
                scalars.iter().for_each(|scalar| single(collector, scalar, keys));
            } else {
                shell::words(
                    collector,
                    scalars.iter().map(|scalar| (scalar.value.to_string(), scalar.span.clone())).collect(),
                );
            }
            return;
        }
        // `- NAME=value`
        let mut rest = Vec::new();
        for scalar in scalars {
            match dotenv::assignment(&scalar.value) {
                Some((name, at)) => {
                    let start = scalar.span.start + at;
                    let value = Scalar {
                        value: scalar.value[at..].to_owned().into(),
                        span: start..scalar.span.end.max(start),
                        style: scalar.style,
                    };
                    variable(collector, name, &value);
                }
                None => rest.push(scalar),
            }
        }
        if classify::is_sensitive_name(key) && rest.len() > 1 {
            collector.list(key, rest.iter().map(|scalar| (scalar.value.to_string(), scalar.span.clone())).collect());
        } else {
            rest.iter().for_each(|scalar| single(collector, scalar, keys));
        }
        return;
    }
    // Rows with the same sensitive field: one list of credentials.
    let mut done: Vec<&str> = Vec::new();
    if items.len() > 2 {
        let fields = items.first().map_or(&[][..], Node::entries);
        for (field, _) in fields.iter().filter(|(field, _)| classify::is_sensitive_name(&field.value)) {
            let values: Vec<(String, std::ops::Range<usize>)> = items
                .iter()
                .filter_map(|item| item.get(&field.value)?.scalar())
                .map(|scalar| (scalar.value.to_string(), scalar.span.clone()))
                .collect();
            if values.len() * 2 > items.len() && collector.list(&field.value, values) {
                done.push(&field.value);
            }
        }
    }
    for item in items {
        match item {
            Node::Table(entries) if !done.is_empty() => {
                for (key, value) in entries.iter().filter(|(key, _)| !done.contains(&&*key.value)) {
                    let mut inner = keys.to_vec();
                    inner.push(&key.value);
                    visit(collector, value, &inner);
                }
            }
            _ => visit(collector, item, keys),
        }
    }
}

/// A variable of an environment, a header, a parameter: something that has its name beside it.
pub fn variable(collector: &mut Collector<'_>, name: &str, value: &Scalar<'_>) {
    if super::locust::is_variable(name) {
        collector.setting(Setting::new(name, &value.value, &value.span));
    }
    collector.value(name, &value.value, value.span.clone());
}

fn single(collector: &mut Collector<'_>, scalar: &Scalar<'_>, keys: &[&str]) {
    let key = keys.last().copied().unwrap_or_default();
    let parent = keys.len().checked_sub(2).map_or("", |at| keys[at]);
    let scripts = matches!(parent, "scripts" | "tasks" | "commands");
    if COMMANDS.contains(&key) || scripts || scalar.value.contains("locust ") && scalar.value.contains(" -") {
        if scalar.style == Style::Json
            || scalar.style == Style::Quoted && collector.text().get(scalar.span.clone()) != Some(&*scalar.value)
        {
            // With escapes in it: places inside cannot be told.
            shell::decoded(collector, &scalar.value, scalar.span.clone());
        } else {
            shell::read(collector, scalar.span.clone(), shell::Dialect::Shell);
        }
        return;
    }
    if scalar.style == Style::Block {
        block(collector, scalar, key);
        return;
    }
    let name = sensitive_name(keys);
    collector.value(&name, &scalar.value, scalar.span.clone());
}

/// Lines in a block: a file, or a value of many lines.
fn block(collector: &mut Collector<'_>, scalar: &Scalar<'_>, key: &str) {
    let named = crate::walk::kind(camino::Utf8Path::new(key)).filter(|_| key.contains('.'));
    let python = || scalar.value.contains("from locust import") || scalar.value.contains("import locust");
    let kind = named.or_else(|| python().then_some(crate::walk::FileKind::Python));
    let dedented = yaml::dedented(collector.text(), scalar.span.clone());
    match (kind, dedented) {
        (Some(kind), Some((text, map))) => collector.nested(kind, key, &text, &map),
        _ => {
            let value = scalar.value.trim_end();
            if !collector.value(key, value, scalar.span.clone()) && value.contains('\n') {
                shell::read(collector, scalar.span.clone(), shell::Dialect::Shell);
            }
        }
    }
}

/// The name of a value by its keys: the last, or the one before where the last says nothing (`password: {value: x}`, `api: {key: x}`).
pub fn sensitive_name(keys: &[&str]) -> String {
    let key = keys.last().copied().unwrap_or_default();
    // `spring.datasource.password`: its last word, or its last two.
    let short = key.rsplit('.').next().unwrap_or(key);
    if classify::is_sensitive_header(short) {
        return if short == key {
            key.to_owned()
        } else {
            key.rsplitn(3, '.').take(2).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join(".")
        };
    }
    let parent = match key.rsplit_once('.') {
        Some((before, _)) => before.rsplit('.').next().unwrap_or(before),
        None => keys.len().checked_sub(2).map_or("", |at| keys[at]),
    };
    match short {
        "value" | "default" | "Default" | "defaultValue" | "secret" | "plaintext" | "text"
            if classify::is_sensitive_name(parent) =>
        {
            parent.to_owned()
        }
        "key" | "keys" | "pass" if classify::is_sensitive_name(&format!("{parent}.{short}")) => {
            format!("{parent}.{short}")
        }
        // `password.encoder.strength`
        _ if short != key => format!("{parent}.{short}"),
        _ => key.to_owned(),
    }
}
