//! Objects and scopes as a whole: `vars(settings)`, `settings.__dict__`, `locals()`, a dataclass that is printed.

use tegmen_classify as classify;
use tegmen_syntax::{ClassId, DefValue, ExprId, ExprKind, Module, Span, Target};

use super::{Flow, Origin, Taint};
use crate::project::FileId;

impl Flow<'_> {
    /// All fields of an object or class.
    pub(super) fn object(&self, file: FileId, module: &Module, object: ExprId, span: Span) -> Taint {
        let class = self.project.class_of_object(file, module, object, 0);
        let Some((owner_file, class)) = class.or_else(|| self.annotated(file, module, object)) else {
            return Taint::default();
        };
        let Some(owner) = self.module_of(owner_file) else { return Taint::default() };
        match sensitive_field(owner, class) {
            Some(_) => Taint::one(Origin::Dump, owner.symbol(owner.class(class).name), file, span),
            None => Taint::default(),
        }
    }

    /// The class that the annotation of a parameter says it is an object of.
    fn annotated(&self, file: FileId, module: &Module, object: ExprId) -> Option<(FileId, ClassId)> {
        let ExprKind::Name(name) = module.kind(object) else { return None };
        module.reaching(object, *name).iter().find_map(|def| match module.definition(*def).value {
            DefValue::Param(function, index) => {
                let annotation = module.function(function).params.get(index as usize)?.annotation?;
                self.project.class_named(file, module, annotation)
            }
            _ => None,
        })
    }

    /// What the text of an object of this class shows: all fields, for a dataclass, a named tuple and a model.
    pub(super) fn shown(&self, file: FileId, module: &Module, func: ExprId, span: Span) -> Taint {
        let Some((owner_file, id)) = self.project.class_named(file, module, func) else { return Taint::default() };
        let Some(owner) = self.module_of(owner_file) else { return Taint::default() };
        let class = owner.class(id);
        let shows = class.bases.iter().any(|base| {
            matches!(owner.tail_str(*base), Some("NamedTuple" | "BaseModel" | "BaseSettings" | "SQLModel" | "Struct"))
        }) || is_dataclass(owner, class.span);
        match sensitive_field(owner, id) {
            Some(_) if shows => Taint::one(Origin::Dump, owner.symbol(class.name), file, span),
            _ => Taint::default(),
        }
    }

    /// `locals()` of a function or `globals()` of a module that has secrets in it.
    pub(super) fn scope_dump(&self, file: FileId, module: &Module, call: ExprId, tail: &str) -> Taint {
        let scope = module.block(module.block_of(call)).scope;
        let holds = module.definitions.iter().any(|definition| match definition.target {
            Target::Name(owner, name) => {
                let here = if tail == "locals" { owner == scope } else { module.scope(owner).parent.is_none() };
                let kept =
                    !matches!(definition.value, DefValue::Import(_) | DefValue::Function(_) | DefValue::Class(_));
                here && kept && classify::is_sensitive_name(module.symbol(name))
            }
            _ => false,
        });
        if holds { Taint::one(Origin::Dump, tail, file, module.span(call)) } else { Taint::default() }
    }
}

/// A field of a class whose name is sensitive and whose type does not hide it.
fn sensitive_field(module: &Module, class: ClassId) -> Option<String> {
    let text = module.text(module.class(class).span);
    if text.contains("def __repr__") || text.contains("def __str__") {
        return None;
    }
    let annotations = || {
        text.lines().skip(1).filter_map(|line| {
            let (name, rest) = line.trim().split_once(':')?;
            let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            (plain && !rest.is_empty()).then_some((name, rest))
        })
    };
    let hidden = |name: &str| {
        annotations().any(|(field, kind)| {
            field == name && ["Secret", "repr=False", "exclude=True"].iter().any(|word| kind.contains(word))
        })
    };
    let defined = module.own_fields(class).find_map(|def| {
        let definition = module.definition(def);
        let Target::Field(_, name) = definition.target else { return None };
        let empty = match definition.value {
            DefValue::Expr(value) => module.as_str(value) == Some("") || matches!(module.kind(value), ExprKind::None),
            DefValue::Function(_) | DefValue::Class(_) => true,
            _ => false,
        };
        let name = module.symbol(name);
        (!empty && classify::is_sensitive_name(name) && !hidden(name)).then(|| name.to_owned())
    });
    // `password: str` of a dataclass defines nothing by itself.
    defined.or_else(|| {
        let mut names = annotations().map(|(name, _)| name);
        names.find(|name| classify::is_sensitive_name(name) && !hidden(name)).map(str::to_owned)
    })
}

/// Whether a field of an object hides its value when it is shown: `api_token: SecretStr`.
pub(super) fn hides(flow: &Flow<'_>, file: FileId, module: &Module, object: ExprId, name: &str) -> bool {
    let Some((owner_file, class)) = flow.project.class_of_object(file, module, object, 0) else { return false };
    let Some(owner) = flow.module_of(owner_file) else { return false };
    owner
        .text(owner.class(class).span)
        .lines()
        .any(|line| line.trim().split_once(':').is_some_and(|(field, kind)| field == name && kind.contains("Secret")))
}

fn is_dataclass(module: &Module, class: Span) -> bool {
    let source = module.source();
    let before = source.get(..class.start as usize).unwrap_or_default();
    let decorators = before.lines().rev().take_while(|line| line.trim_start().starts_with('@'));
    let inside = source.get(class.range()).unwrap_or_default();
    decorators.chain(inside.lines().take_while(|line| !line.contains("class "))).any(|line| line.contains("dataclass"))
}
