//! The sources of what a call gives back.

use tegmen_classify as classify;
use tegmen_syntax::{Arg, ExprId, ExprKind, Module, Span};

use super::{Flow, Origin, StepKind, Taint};
use crate::literal::calls::is_environment_read;
use crate::project::FileId;

/// Whether a template names what it shows, and nothing sensitive: `"{name} must be {kind}".format(**locals())`.
fn shows_no_secret(module: &Module, template: ExprId) -> bool {
    let Some(text) = crate::literal::value::value_of(module, template).map(|value| value.text) else { return false };
    let mut fields = text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(field, _)| field);
    let name = |field: &str| field.split([':', '!', '.', '[']).next().unwrap_or_default().to_owned();
    text.contains('{') && fields.all(|field| !name(field).is_empty() && !classify::is_sensitive_name(&name(field)))
}

/// Calls that give back what they get, in another form.
const CARRIERS: &[&str] = &[
    "str",
    "repr",
    "dumps",
    "loads",
    "format",
    "pformat",
    "b64encode",
    "b64decode",
    "urlencode",
    "quote",
    "quote_plus",
    "bytes",
    "dict",
    "list",
    "tuple",
    "set",
    "sorted",
    "copy",
    "deepcopy",
    "vars",
    "SecretStr",
    "next",
    "iter",
    "choice",
    "choices",
    "sample",
    "reversed",
    "HTTPBasicAuth",
    "cycle",
    "SimpleNamespace",
];

/// Methods that give back what they are called on, in another form, with their arguments.
const METHODS: &[&str] = &[
    "encode",
    "decode",
    "strip",
    "lstrip",
    "rstrip",
    "lower",
    "upper",
    "title",
    "format",
    "join",
    "replace",
    "copy",
    "items",
    "values",
    "get_secret_value",
    "pop",
    "popleft",
    "hex",
    "to_dict",
    "dict",
    "model_dump",
    "zfill",
    "ljust",
    "rjust",
    "decode_content",
    "read",
    "splitlines",
    "removeprefix",
    "get_dict",
    "as_dict",
    "as_string",
    "getvalue",
    "model_dump_json",
    "split",
    "rsplit",
    "partition",
    "rpartition",
    "tolist",
    "to_list",
    "to_string",
    "to_numpy",
    "head",
    "iterrows",
    "itertuples",
];

/// Functions that make a URL that whoever has it may use for a time.
const SIGNERS: &[&str] = &[
    "generate_presigned_url",
    "generate_presigned_post",
    "generate_signed_url",
    "generate_blob_sas",
    "generate_container_sas",
    "generate_account_sas",
];

/// Methods of HTTP clients.
const REQUESTS: &[&str] = &["get", "post", "put", "patch", "delete", "head", "options", "request", "rest", "send"];

/// Words in a URL, a name or a function that make a response one to a login.
const LOGINS: &[&str] = &[
    "login",
    "signin",
    "sign-in",
    "sign_in",
    "logon",
    "oauth",
    "/token",
    "authenticate",
    "/auth",
    "session/new",
    "/sessions",
    "get_token",
    "access_token",
    "authorize",
    "sso",
];

/// The name that all options of a parser of argparse's own go by.
pub const OPTIONS: &str = "options";

/// Whether the name of an attribute is that of Locust's parsed options.
pub fn is_options(name: &str) -> bool {
    name == "parsed_options"
}

/// Whether the option that a module adds under a name takes a path: its help or its default says so.
pub fn is_option_for_path(module: &Module, name: &str) -> bool {
    module.exprs().any(|(_, expr)| match &expr.kind {
        ExprKind::Call { func, args } if module.tail_str(*func) == Some("add_argument") => {
            let named = args.iter().filter(|arg| arg.name.is_none()).filter_map(|arg| module.as_str(arg.value));
            named.map(|option| option.trim_start_matches('-').replace('-', "_")).any(|option| option == name)
                && takes_path(module, args)
        }
        _ => false,
    })
}

/// Whether the arguments of an `add_argument` say that it takes the path of a file.
pub fn takes_path(module: &Module, args: &[Arg]) -> bool {
    args.iter().any(|arg| {
        let Some(name) = arg.name.map(|name| module.symbol(name)) else { return false };
        match name {
            "help" => crate::literal::value::value_of(module, arg.value)
                .is_some_and(|help| says_path(&help.text.to_lowercase())),
            "default" => crate::literal::value::value_of(module, constant(module, arg.value)).is_some_and(|default| {
                let (stem, extension) = default.text.rsplit_once('.').unwrap_or_default();
                !stem.is_empty()
                    && matches!(extension, "json" | "csv" | "txt" | "yaml" | "yml" | "env" | "pem" | "key" | "toml")
            }),
            "type" => matches!(module.tail_str(arg.value), Some("Path" | "FileType" | "open")),
            _ => false,
        }
    })
}

fn says_path(help: &str) -> bool {
    ["path to", "path of", "file with", "file containing", "filename", "file name", "path", "json file", "csv file"]
        .iter()
        .any(|word| help.contains(word))
}

/// The text of a key, written out or as a constant: `cookies[SESSION_COOKIE]`.
pub(super) fn key(module: &Module, expr: ExprId) -> Option<&str> {
    module.as_str(expr).or_else(|| module.as_str(constant(module, expr)))
}

/// Whether a function makes a request that is a login: the one around an expression.
pub(super) fn logs_in_near(flow: &Flow<'_>, file: FileId, module: &Module, expr: ExprId) -> bool {
    let function = module.function_at(module.block_of(expr));
    module.exprs().any(|(id, call)| match &call.kind {
        ExprKind::Call { func, args } => request(module, *func, args).is_some_and(|url| {
            module.function_at(module.block_of(id)) == function
                && (is_login(module, id, url, args) || flow.gives_token(file, module, id))
        }),
        _ => false,
    })
}

/// What a name stands for, if it is defined once.
fn constant(module: &Module, expr: ExprId) -> ExprId {
    match module.kind(expr) {
        ExprKind::Name(name) => match module.reaching(expr, *name)[..] {
            [def] => match module.definition(def).value {
                tegmen_syntax::DefValue::Expr(value) => value,
                _ => expr,
            },
            _ => expr,
        },
        _ => expr,
    }
}

/// Whether what a function gives back says nothing of what it gets.
pub fn is_sanitiser(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "mask", "redact", "sanit", "obfusc", "hash", "scrub", "censor", "sha1", "sha256", "sha512", "md5", "digest",
        "anonym",
    ];
    let lower = name.to_lowercase();
    matches!(
        name,
        "len"
            | "bool"
            | "type"
            | "isinstance"
            | "id"
            | "any"
            | "all"
            | "int"
            | "float"
            | "hasattr"
            | "callable"
            | "sum"
            | "count"
            | "startswith"
            | "endswith"
            | "keys"
            | "isdigit"
            | "find"
            | "index"
    ) || WORDS.iter().any(|word| lower.contains(word))
}

/// The response of an HTTP client: whether a call makes a request, and the expression of its URL.
pub fn request<'m>(module: &'m Module, func: ExprId, args: &'m [Arg]) -> Option<Option<ExprId>> {
    if module.qualified(func).is_some_and(|name| name == "urllib.request.urlopen") {
        return Some(args.first().map(|arg| match module.kind(constant(module, arg.value)) {
            // `request = Request("https://…", data=…)`
            ExprKind::Call { args: parts, .. } => parts.first().map_or(arg.value, |url| url.value),
            _ => arg.value,
        }));
    }
    let ExprKind::Attribute { value, attr } = module.kind(func) else { return None };
    let method = module.symbol(*attr);
    if !REQUESTS.contains(&method) {
        return None;
    }
    let object = module.tail_str(*value).unwrap_or_default().to_lowercase();
    let client = ["client", "session", "requests", "http", "httpx", "fasthttp", "rest_"]
        .iter()
        .any(|word| object.contains(word))
        || matches!(object.as_str(), "s" | "c" | "sess" | "browser")
        || method == "rest";
    if !client || args.is_empty() {
        return None;
    }
    let keyword = args.iter().find(|arg| arg.name.is_some_and(|name| matches!(module.symbol(name), "url" | "path")));
    let place = usize::from(matches!(method, "request" | "rest") && args.len() > 1 && keyword.is_none());
    Some(
        keyword
            .or_else(|| args.iter().filter(|arg| arg.name.is_none() && !arg.unpacked).nth(place))
            .map(|arg| arg.value),
    )
}

/// Whether a text has a word in it that logins go by.
pub(super) fn says_login(text: &str) -> bool {
    let lower = text.to_lowercase();
    LOGINS.iter().any(|word| lower.contains(word)) && !lower.contains("logout")
}

/// Whether a request is a login: by its URL, its name, its payload, or the function that it stands in.
pub fn is_login(module: &Module, call: ExprId, url: Option<ExprId>, args: &[Arg]) -> bool {
    if let Some(url) = url {
        let text =
            crate::literal::value::value_of(module, constant(module, url)).map(|value| value.text).unwrap_or_default();
        if says_login(&text) || says_login(module.text(module.span(url)).trim_matches(['"', '\''])) {
            return true;
        }
    }
    for arg in args {
        let name = arg.name.map(|name| module.symbol(name)).unwrap_or_default();
        if name == "name" && module.as_str(arg.value).is_some_and(says_login) {
            return true;
        }
        if matches!(name, "json" | "data" | "") && has_password(module, arg.value) {
            return true;
        }
    }
    // A page that a login begins with is fetched before anybody has logged in.
    if let ExprKind::Call { func, .. } = module.kind(call)
        && module.tail_str(*func) == Some("get")
        && !args.iter().any(|arg| brings_credentials(module, arg))
    {
        return false;
    }
    let function =
        module.function_at(module.block_of(call)).map(|function| module.symbol(module.function(function).name));
    function.is_some_and(|name| {
        let words = classify::words(name);
        words.iter().any(|word| matches!(word.as_str(), "login" | "signin" | "authenticate" | "oauth" | "authorize"))
            || name.contains("get_token")
            || name.contains("fetch_token")
            || name.contains("log_in")
            || name.contains("sign_in")
    })
}

/// Whether an argument of a request may say who asks.
fn brings_credentials(module: &Module, arg: &Arg) -> bool {
    match arg.name.map(|name| module.symbol(name)) {
        Some("auth" | "params" | "json" | "data" | "cert") => true,
        Some("headers") => module.text(module.span(arg.value)).contains("uthor"),
        _ => false,
    }
}

/// Whether a payload has a password or client secret in it.
fn has_password(module: &Module, payload: ExprId) -> bool {
    let dict = match module.kind(payload) {
        ExprKind::Dict(items) => Some(items),
        ExprKind::Name(name) => {
            module.reaching(payload, *name).iter().find_map(|def| match module.definition(*def).value {
                tegmen_syntax::DefValue::Expr(value) => match module.kind(value) {
                    ExprKind::Dict(items) => Some(items),
                    _ => None,
                },
                _ => None,
            })
        }
        ExprKind::Call { func, args } if module.tail_str(*func) == Some("dumps") => {
            return args.first().is_some_and(|arg| has_password(module, arg.value));
        }
        // `json=get_payload()`
        ExprKind::Call { func, .. } => {
            return module.function_of(*func).is_some_and(|function| {
                let returns = &module.function(function).returns;
                returns.iter().any(|value| {
                    matches!(module.kind(*value), ExprKind::Dict(_) | ExprKind::Name(_)) && has_password(module, *value)
                })
            });
        }
        _ => None,
    };
    dict.is_some_and(|items| {
        items.iter().filter_map(|item| module.as_str(item.key?)).any(|key| {
            classify::is_password_name(key)
                || matches!(
                    key.to_lowercase().as_str(),
                    "client_secret" | "grant_type" | "refresh_token" | "clientsecret"
                )
        })
    })
}

/// Whether a call asks a secrets manager for a secret.
pub fn is_manager(module: &Module, func: ExprId) -> bool {
    let tail = module.tail_str(func).unwrap_or_default();
    matches!(
        tail,
        "get_secret_value"
            | "access_secret_version"
            | "read_secret_version"
            | "read_secret"
            | "get_secret"
            | "get_secret_string"
            | "generate_credentials"
    ) && matches!(module.kind(func), ExprKind::Attribute { .. })
        && !(tail == "get_secret_value" && module_has_no_manager(module))
}

fn module_has_no_manager(module: &Module) -> bool {
    !module.imports.iter().any(|import| {
        ["boto3", "hvac", "google.cloud", "azure", "botocore", "aws"]
            .iter()
            .any(|name| import.qualified.starts_with(name))
    })
}

/// A call, with what it takes to follow it.
struct Call<'c, 'p> {
    flow: &'c Flow<'p>,
    file: FileId,
    module: &'c Module,
    expr: ExprId,
    func: ExprId,
    args: &'c [Arg],
    /// What is called: the last part of its name.
    tail: &'c str,
    /// What is called, by the name under which it is imported.
    qualified: String,
    span: Span,
}

/// The sources of a call.
pub fn call(flow: &Flow<'_>, file: FileId, module: &Module, expr: ExprId, func: ExprId, args: &[Arg]) -> Taint {
    let tail = match module.kind(func) {
        ExprKind::Name(name) => module.symbol(*name),
        ExprKind::Attribute { attr, .. } => module.symbol(*attr),
        _ => return Taint::unknown(),
    };
    let qualified = module.qualified(func).unwrap_or_default();
    let call = Call { flow, file, module, expr, func, args, tail, qualified, span: module.span(expr) };
    call.origin()
        .or_else(|| call.response())
        .or_else(|| call.method())
        .or_else(|| call.dump())
        .or_else(|| call.carried())
        .unwrap_or_else(|| call.returned())
}

impl Call<'_, '_> {
    fn one(&self, origin: Origin, name: &str) -> Taint {
        Taint::one(origin, name, self.file, self.span)
    }

    fn of(&self, expr: ExprId) -> Taint {
        (*self.flow.eval(self.file, expr)).clone()
    }

    /// Where values come from, and what says nothing of what it gets.
    fn origin(&self) -> Option<Taint> {
        let Self { flow, file, module, func, args, tail, .. } = *self;
        let qualified = self.qualified.as_str();
        if is_environment_read(module, func) {
            let name = args.first().and_then(|arg| module.as_str(arg.value)).unwrap_or_default();
            if classify::is_sensitive_name(name) || classify::may_hold_credentials_url(name) {
                return Some(self.one(Origin::Environment, name));
            }
            // What it is, the name that it is given has to say.
            let default = args.get(1).map_or_else(Taint::default, |default| self.of(default.value));
            return Some(Taint { unknown: true, ..default });
        }
        if is_sanitiser(tail) {
            return Some(Taint::default());
        }
        // `args = parser.parse_args()`: all options, of argparse's own.
        if matches!(tail, "parse_args" | "parse_known_args" | "parse_options") {
            let secret = flow.has_secret_option();
            return Some(if secret { self.one(Origin::Dump, OPTIONS) } else { Taint::default() });
        }
        if matches!(qualified, "getpass.getpass" | "getpass") {
            return Some(self.one(Origin::Prompt, "getpass"));
        }
        if is_manager(module, func) {
            return Some(self.one(Origin::Manager, tail));
        }
        if SIGNERS.contains(&tail) {
            return Some(self.one(Origin::Issued, "signed URL"));
        }
        // What is signed with a secret opens doors as the secret does.
        if matches!(qualified, "jwt.encode" | "jose.jwt.encode" | "authlib.jose.jwt.encode") {
            let key = args
                .iter()
                .find(|arg| arg.name.is_some_and(|name| module.symbol(name) == "key"))
                .or_else(|| args.get(1));
            let signed = key.is_some_and(|key| flow.eval(file, key.value).secret().is_some());
            return Some(if signed { self.one(Origin::Named, "jwt") } else { Taint::default() });
        }
        let root = qualified.split('.').next().unwrap_or_default();
        let made_up = matches!(
            root,
            "uuid" | "secrets" | "time" | "datetime" | "string" | "math" | "jwt" | "faker" | "hashlib" | "hmac"
        ) || root == "random" && !matches!(tail, "choice" | "choices" | "sample")
            || module.text(module.span(func)).to_lowercase().starts_with("fake");
        made_up.then(Taint::default)
    }

    /// The response to a request.
    fn response(&self) -> Option<Taint> {
        let Self { flow, file, module, expr, func, args, tail, .. } = *self;
        // `app.acquire_token_for_client(scopes=…)` gives what the token's service answered.
        if tail.starts_with("acquire_token_") && module.function_of(func).is_none() {
            return Some(self.one(Origin::Issued, "access_token"));
        }
        let url = request(module, func, args)?;
        let login = is_login(module, expr, url, args) || flow.gives_token(file, module, expr);
        Some(self.one(if login { Origin::LoginResponse } else { Origin::Response }, "response"))
    }

    /// What a method gives of what it is called on.
    fn method(&self) -> Option<Taint> {
        let Self { flow, file, module, func, args, tail, .. } = *self;
        let ExprKind::Attribute { value, .. } = module.kind(func) else { return None };
        if tail == "get" || tail == "getlist" {
            let Some(first) = args.first() else {
                // What comes out of a queue is what was put into it.
                return Some(self.of(*value));
            };
            return Some(match key(module, first.value) {
                Some(key) => flow.item(file, module, *value, key, self.span),
                None => Taint::unknown(),
            });
        }
        if matches!(tail, "json" | "text" | "read")
            && let Some(body) = self.body(*value)
        {
            return Some(body);
        }
        if tail == "reveal" && args.is_empty() {
            return Some(self.one(Origin::Revealed, module.tail_str(*value).unwrap_or("secret")));
        }
        if !METHODS.contains(&tail) || tail == "join" && self.qualified.starts_with("os.path") {
            return None;
        }
        let mut taint = self.of(*value);
        if matches!(tail, "format" | "join" | "replace") {
            let mut others = flow.union(file, args.iter().map(|arg| arg.value));
            if tail == "format" && shows_no_secret(module, *value) {
                others.sources.retain(|source| source.origin != Origin::Dump);
            }
            taint.merge(&others);
        }
        Some(taint)
    }

    /// What a response says: `response.json()`, `await response.text()`, `error.read()`.
    fn body(&self, response: ExprId) -> Option<Taint> {
        let Self { flow, file, module, expr, tail, .. } = *self;
        let body = |login: bool| if login { Origin::LoginBody } else { Origin::Body };
        // `urllib.error.HTTPError` is the response that it tells of.
        if tail == "read" && super::expressions::is_exception(module, response) {
            return Some(self.one(body(logs_in_near(flow, file, module, expr)), "response"));
        }
        let base = flow.eval(file, response);
        let response = base.find(&[Origin::LoginResponse, Origin::Response, Origin::LoginBody, Origin::Body])?;
        let login = matches!(response.origin, Origin::LoginResponse | Origin::LoginBody);
        Some(Taint::one(body(login), &response.name, file, response.span))
    }

    /// Objects and scopes as a whole.
    fn dump(&self) -> Option<Taint> {
        let Self { flow, file, module, expr, args, tail, .. } = *self;
        if matches!(tail, "vars" | "asdict" | "model_to_dict")
            && let Some(object) = args.first()
        {
            let taint = flow.object(file, module, object.value, self.span);
            if !taint.sources.is_empty() {
                return Some(taint);
            }
        }
        let whole = matches!(self.qualified.as_str(), "locals" | "globals") && args.is_empty();
        whole.then(|| flow.scope_dump(file, module, expr, tail))
    }

    /// What a function that only changes the form gives of what it gets.
    fn carried(&self) -> Option<Taint> {
        let Self { flow, file, module, args, tail, .. } = *self;
        if !CARRIERS.contains(&tail) {
            return None;
        }
        if !matches!(tail, "dict" | "SimpleNamespace") {
            return Some(flow.union(file, args.iter().map(|arg| arg.value)));
        }
        let mut all = flow.union(file, args.iter().filter(|arg| arg.name.is_none()).map(|arg| arg.value));
        for arg in args {
            if let Some(name) = arg.name {
                let (taint, literal) = (self.of(arg.value), module.as_text(arg.value));
                all.merge(&flow.by_name(file, module.symbol(name), module.span(arg.value), taint, literal));
            }
        }
        Some(all)
    }

    /// What a function of the project gives back, and one of somebody else's by its name.
    fn returned(&self) -> Taint {
        let Self { flow, file, module, func, tail, span, .. } = *self;
        if let Some(function) = module.function_of(func) {
            let function = module.function(function);
            return flow.union(file, function.returns.iter().copied()).step(StepKind::Returned, tail, file, span);
        }
        let shown = flow.shown(file, module, func, span);
        if !shown.sources.is_empty() {
            return shown;
        }
        if let Some((other, function)) = flow.project.imported_function(file, func)
            && let Some(target) = flow.module_of(other)
        {
            let returned = flow.union(other, target.function(function).returns.iter().copied());
            return returned.step(StepKind::Returned, tail, file, span);
        }
        if module.class_of(func).is_some() {
            return Taint::default();
        }
        // `get_token()` of somebody else's.
        let words = classify::words(tail);
        let verb = words.first().is_some_and(|word| {
            matches!(word.as_str(), "get" | "fetch" | "obtain" | "acquire" | "request" | "refresh" | "load" | "read")
        });
        let rest = words.get(1..).unwrap_or_default().join("_");
        if verb && classify::is_sensitive_name(&rest) { self.one(Origin::Named, &rest) } else { Taint::unknown() }
    }
}
