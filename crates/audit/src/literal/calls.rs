//! Literals that go into calls: keywords, parameters of functions defined here, logins, fallbacks.

use tegmen_classify as classify;
use tegmen_syntax::{Arg, BinaryOp, DefValue, ExprId, ExprKind, Module};

use super::Site;
use super::python::{Collector, is_key};
use super::value::value_of;

/// Calls whose first two arguments are a user and a password.
pub const PAIRS: &[&str] = &[
    "HTTPBasicAuth",
    "HTTPDigestAuth",
    "HttpNtlmAuth",
    "BasicAuth",
    "username_pw_set",
    "HTTPProxyAuth",
    "PlainCredentials",
    "basic_auth",
    "DigestAuth",
    "UsernameToken",
];

/// Methods that set a header, a cookie or an entry: name and value.
pub const SETTERS: &[&str] =
    &["add_header", "set_header", "putheader", "setdefault", "set", "set_cookie", "putenv", "add", "append_header"];

/// Methods that fill in a field of a page: selector and text.
pub const FIELDS: &[&str] = &["fill", "type", "press_sequentially", "send_keys_to", "input_text"];

/// Functions that define an option: its name and, by keyword, its default.
pub const OPTIONS: &[&str] = &["add_argument", "add_option", "option", "DEFINE_string"];

/// Functions that read a setting: its name and its default.
pub const GETTERS: &[&str] =
    &["get", "pop", "config", "getattr", "env", "str", "get_env", "env_var", "getenv", "get_setting", "Field"];

/// Methods of the element of a page that fill it in: its text is all that they get.
pub const ELEMENTS: &[&str] = &["send_keys", "fill", "type", "press_sequentially", "set_value", "input_text"];

/// Functions that encode what they get, as `user:password` is encoded for Basic authentication.
pub const ENCODERS: &[&str] = &["b64encode", "standard_b64encode", "urlsafe_b64encode", "encodebytes"];

/// Calls one of whose positional arguments is a secret: the name, its place, what to call it.
const PLACES: &[(&str, usize, &str)] = &[
    ("jwt.encode", 1, "jwt_signing_key"),
    ("jwt.decode", 1, "jwt_signing_key"),
    ("jose.jwt.encode", 1, "jwt_signing_key"),
    ("jose.jwt.decode", 1, "jwt_signing_key"),
    ("hmac.new", 0, "hmac_key"),
    ("hmac.digest", 0, "hmac_key"),
    ("ftplib.FTP", 2, "password"),
    ("ftplib.FTP_TLS", 2, "password"),
    ("pymysql.connect", 2, "password"),
    ("MySQLdb.connect", 2, "password"),
    ("pymssql.connect", 2, "password"),
    ("cx_Oracle.connect", 1, "password"),
    ("oracledb.connect", 1, "password"),
    ("ldap3.Connection", 2, "password"),
    ("influxdb.InfluxDBClient", 3, "password"),
    ("redis.Redis", 3, "password"),
    ("redis.StrictRedis", 3, "password"),
    ("hvac.Client", 1, "vault_token"),
    ("Crypto.Cipher.AES.new", 0, "aes_key"),
    ("Crypto.Cipher.DES3.new", 0, "encryption_key"),
    ("Cryptodome.Cipher.AES.new", 0, "aes_key"),
    ("authlib.integrations.requests_client.OAuth2Session", 1, "client_secret"),
    ("authlib.integrations.httpx_client.OAuth2Client", 1, "client_secret"),
    ("authlib.integrations.httpx_client.AsyncOAuth2Client", 1, "client_secret"),
];

/// The same for classes that go by no other name, wherever they come from.
const CLASSES: &[(&str, usize, &str)] = &[
    ("Fernet", 0, "fernet_key"),
    ("ClientSecretCredential", 2, "client_secret"),
    ("AzureKeyCredential", 0, "api_key"),
    ("AzureNamedKeyCredential", 1, "access_key"),
    ("AWS4Auth", 1, "secret_key"),
    ("AWSRequestsAuth", 1, "secret_key"),
    ("OAuth1", 1, "client_secret"),
    ("OAuth1Session", 1, "client_secret"),
    ("Minio", 2, "secret_key"),
    ("InfluxDBClient", 1, "token"),
    ("URLSafeSerializer", 0, "signing_key"),
    ("URLSafeTimedSerializer", 0, "signing_key"),
    ("TOTP", 0, "totp_secret"),
    ("basic_auth_handler", 6, "password"),
    ("from_mnemonic", 0, "mnemonic"),
    ("from_key", 0, "private_key"),
    ("access_token_call_credentials", 0, "access_token"),
];

/// Whether one of the arguments of a call may be a secret by its place: what is called, and what stands in front of that.
pub fn takes_secret(object: &str, name: &str) -> bool {
    CLASSES.iter().any(|(class, ..)| *class == name)
        || PLACES.iter().filter(|(function, ..)| function.ends_with(name)).any(|(function, ..)| {
            function.rsplit_once('.').is_some_and(|(module, last)| {
                last == name && object.trim_end_matches('.').ends_with(module.rsplit('.').next().unwrap_or(module))
            }) || object.is_empty() && name.len() > 2
        })
}

/// Looks at one call.
pub fn call(collector: &mut Collector<'_>, id: ExprId, func: ExprId, args: &[Arg]) {
    let module = collector.module;
    let block = module.block_of(id);
    let tail = module.tail_str(func).unwrap_or_default();
    fallback(collector, id, func, args);
    for arg in args {
        let Some(name) = arg.name.map(|name| module.symbol(name)) else { continue };
        if matches!(name, "auth" | "credentials" | "http_auth" | "basic_auth" | "proxy_auth") {
            pair(collector, arg.value, block);
        }
        if name == "default" || name == "data" || name == "headers" {
            continue;
        }
        collector.named(name, arg.value, Site::Argument, block);
    }
    // `OTLPSpanExporter(headers="api-key=…")`
    if tail.starts_with("OTLP")
        && let Some(headers) = args.iter().find(|arg| arg.name.is_some_and(|name| module.symbol(name) == "headers"))
    {
        collector.named("OTEL_EXPORTER_OTLP_HEADERS", headers.value, Site::Argument, block);
    }
    let positional: Vec<ExprId> =
        args.iter().take_while(|arg| arg.name.is_none() && !arg.unpacked).map(|arg| arg.value).collect();
    if positional.is_empty() {
        option(collector, tail, args, "", block);
        return;
    }
    if PAIRS.contains(&tail) {
        if positional.len() >= 2 && module.as_str(positional[1]).is_some_and(|value| !value.is_empty()) {
            collector.named("password", positional[1], Site::Pair, block);
        } else if let [user, ref rest @ ..] = positional[..]
            && rest.first().is_none_or(|second| module.as_str(*second) == Some(""))
        {
            // A key as the user's name, without a password.
            collector.named("api_key", user, Site::Pair, block);
        }
        return;
    }
    if let Some(name) = positional.first().and_then(|first| module.as_str(*first)) {
        if SETTERS.contains(&tail) && positional.len() >= 2 && is_key(name) {
            let object = match module.kind(func) {
                ExprKind::Attribute { value, .. } => module.tail_str(*value).unwrap_or_default().to_lowercase(),
                _ => String::new(),
            };
            let cookie = tail == "set_cookie" || object.contains("cookie");
            collector.named(name, positional[1], if cookie { Site::Cookie } else { Site::Header }, block);
        }
        if FIELDS.contains(&tail) && positional.len() >= 2 && name.to_lowercase().contains("passw") {
            collector.named("password", positional[1], Site::Argument, block);
        }
        option(collector, tail, args, name, block);
    }
    let qualified = module.qualified(func).unwrap_or_default();
    let by_name = PLACES.iter().find(|(name, ..)| qualified == *name);
    if let Some((_, place, label)) = by_name.or_else(|| CLASSES.iter().find(|(name, ..)| tail == *name))
        && let Some(key) = positional.get(*place)
        && (module.as_text(*key).is_some()
            || matches!(module.kind(*key), ExprKind::Name(_) | ExprKind::Attribute { .. }))
    {
        collector.named(label, *key, Site::Argument, block);
    }
    // A client of STOMP: `connection.connect("user", "password", wait=True)`.
    if tail == "connect"
        && let [user, password, ..] = positional[..]
        && module.imports.iter().any(|import| import.qualified.split('.').next() == Some("stomp"))
        && module.as_str(user).is_some()
    {
        collector.named("password", password, Site::Argument, block);
    }
    if ENCODERS.contains(&tail) {
        encoded(collector, positional[0], block);
    }
    if let (true, [text], ExprKind::Attribute { value: element, .. }) =
        (ELEMENTS.contains(&tail), &positional[..], module.kind(func))
        && is_password_field(module, *element, 0)
    {
        collector.named("password", *text, Site::Argument, block);
    }
    parameters(collector, func, &positional, block);
}

/// Positional arguments by the parameters of a function or class of this module; of an unknown `login`, by custom.
fn parameters(collector: &mut Collector<'_>, func: ExprId, positional: &[ExprId], block: tegmen_syntax::BlockId) {
    let module = collector.module;
    let function = module.function_of(func).or_else(|| {
        let class = module.class_of(func)?;
        module
            .function_ids()
            .find(|(_, function)| function.class == Some(class) && module.symbol(function.name) == "__init__")
            .map(|(id, _)| id)
    });
    if let Some(function) = function {
        let function = module.function(function);
        let skip = usize::from(function.class.is_some());
        let mut told = false;
        for (param, value) in function.params.iter().skip(skip).zip(positional) {
            let name = module.symbol(param.name);
            // `login(u, p)` tells no more than the name of the function.
            told |= name.len() > 2;
            collector.named(name, *value, Site::Argument, block);
        }
        if told {
            return;
        }
    }
    let tail = module.tail_str(func).unwrap_or_default();
    let words = classify::words(tail);
    let login = words.iter().any(|word| matches!(word.as_str(), "login" | "signin" | "authenticate" | "logon"))
        || words.windows(2).any(|pair| matches!((pair[0].as_str(), pair[1].as_str()), ("log" | "sign", "in" | "on")));
    let header = makes_header(&words);
    if (login || header)
        && let [user, password] = positional
        && let (Some(user), Some(password_text)) = (module.as_str(*user), module.as_str(*password))
        && !user.starts_with('/')
        && !user.contains("://")
        && !password_text.starts_with('/')
        && !password_text.contains(' ')
        && (login || super::lists::is_name(user) && !super::lists::is_field(user))
    {
        collector.named("password", *password, Site::Argument, block);
    }
}

/// Whether the words of a name are those of a function that puts a user and a password into a header: `make_basic_auth_header`.
/// `require_basic_auth` takes neither.
fn makes_header(words: &[String]) -> bool {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let made = match words[..] {
        ["make" | "create" | "build" | "get" | "generate" | "encode" | "set" | "use" | "with", ref rest @ ..] => rest,
        ref all => all,
    };
    matches!(made, ["basic", "auth"] | ["basic", "auth", "header" | "headers" | "value" | "string" | "token"])
}

/// `b64encode(b"user:password")`.
fn encoded(collector: &mut Collector<'_>, value: ExprId, block: tegmen_syntax::BlockId) {
    if let Some((user, password)) = formatted(collector.module, value) {
        let sample = collector.module.as_str(user).is_some_and(super::lists::is_field)
            && matches!(collector.module.as_str(password), Some("password" | "pass" | "passwd"));
        if !sample {
            collector.named("password", password, Site::Pair, block);
        }
        return;
    }
    let Some(mut pair) = value_of(collector.module, value).filter(|value| !value.open) else { return };
    let Some((user, password)) = pair.text.split_once(':') else { return };
    let plain = |text: &str| !text.is_empty() && !text.contains([' ', '"', '{', '}', ',', '<']);
    if !plain(user) || !plain(password) || password.len() < 4 || password.starts_with("//") || user.contains('/') {
        return;
    }
    let length = password.len() as u32;
    pair.text = password.to_owned();
    // The user's name stays where it is.
    if let [span] = &mut pair.spans[..]
        && collector.module.text(*span).ends_with(&pair.text)
    {
        *span = tegmen_syntax::Span::new(span.end - length, span.end);
    }
    collector.add("password", pair, Site::Pair, block, None);
}

/// The user and the password of `"{}:{}".format("user", "password")` and of `"%s:%s" % ("user", "password")`.
fn formatted(module: &Module, value: ExprId) -> Option<(ExprId, ExprId)> {
    match module.kind(value) {
        ExprKind::Call { func, args } => {
            let ExprKind::Attribute { value: object, attr } = module.kind(*func) else { return None };
            match (module.symbol(*attr), &args[..]) {
                ("encode", _) => formatted(module, *object),
                ("format", [user, password]) if matches!(module.as_str(*object), Some("{}:{}" | "{0}:{1}")) => {
                    Some((user.value, password.value))
                }
                _ => None,
            }
        }
        ExprKind::Binary { op: BinaryOp::Mod, left, right } if module.as_str(*left) == Some("%s:%s") => {
            match module.kind(*right) {
                ExprKind::Sequence { items, .. } if items.len() == 2 => Some((items[0], items[1])),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether an element of a page is the one for a password: `page.locator("#password")`, `find_element(By.ID, PASSWORD_FIELD)`.
fn is_password_field(module: &Module, element: ExprId, depth: usize) -> bool {
    let says = |text: &str| ["passw", "pwd", "passcode"].iter().any(|word| text.to_lowercase().contains(word));
    match module.kind(element) {
        ExprKind::Str(_) => module.as_str(element).is_some_and(says),
        ExprKind::Name(name) => {
            says(module.symbol(*name))
                || depth < 3
                    && module.reaching(element, *name).iter().any(|def| match module.definition(*def).value {
                        DefValue::Expr(value) => is_password_field(module, value, depth + 1),
                        _ => false,
                    })
        }
        ExprKind::Attribute { attr, .. } => says(module.symbol(*attr)),
        ExprKind::Subscript { index, .. } => module.as_str(*index).is_some_and(says),
        ExprKind::Call { args, .. } => args.iter().any(|arg| is_password_field(module, arg.value, depth + 1)),
        ExprKind::Await(inner) => is_password_field(module, *inner, depth),
        _ => false,
    }
}

/// `auth=("user", "password")`.
fn pair(collector: &mut Collector<'_>, value: ExprId, block: tegmen_syntax::BlockId) {
    let module = collector.module;
    if let ExprKind::Sequence { items, .. } = module.kind(value)
        && let [user, password] = items[..]
    {
        match (module.as_str(user), module.as_str(password)) {
            // `auth=("username", "password")` names what belongs there.
            (Some(user), Some("password" | "pass" | "passwd")) if super::lists::is_field(user) => {}
            (_, Some("")) => collector.named("api_key", user, Site::Pair, block),
            _ => collector.named("password", password, Site::Pair, block),
        }
    }
}

/// The default of a command-line option.
fn option(collector: &mut Collector<'_>, tail: &str, args: &[Arg], first: &str, block: tegmen_syntax::BlockId) {
    let module = collector.module;
    let name = first.trim_start_matches('-');
    if OPTIONS.contains(&tail) {
        let default = args.iter().find(|arg| arg.name.is_some_and(|name| module.symbol(name) == "default"));
        if let Some(default) = default
            && classify::is_sensitive_name(name)
        {
            collector.named(name, default.value, Site::Fallback, block);
        }
    }
}

/// `getenv("NAME", literal)`, `environ.get`, `config("NAME", default=…)`, `options.get("password", literal)`, and a literal token as the
/// name of the variable.
fn fallback(collector: &mut Collector<'_>, id: ExprId, func: ExprId, args: &[Arg]) {
    let module = collector.module;
    let Some(first) = args.first().filter(|arg| !arg.unpacked) else { return };
    let block = module.block_of(id);
    let environment = is_environment_read(module, func);
    let Some(name) = module.as_str(first.value) else { return };
    if environment && args.len() <= 2 && !is_key(name) || environment && name.len() > 40 {
        collector.named("", first.value, Site::EnvironmentName, block);
        if !is_key(name) || name.len() > 80 {
            return;
        }
    }
    let tail = module.tail_str(func).unwrap_or_default();
    if !environment && !GETTERS.contains(&tail) && !is_getter(tail) {
        return;
    }
    let by_keyword = |arg: &&Arg| arg.name.is_some_and(|name| matches!(module.symbol(name), "default" | "fallback"));
    let by_place = || args.iter().skip(1).find(|arg| arg.name.is_none() && !arg.unpacked);
    let default = args.iter().skip(1).find(by_keyword).or_else(by_place);
    // `getattr(object, "name", default)`
    let (name, default) = match (tail, args.get(1).and_then(|arg| module.as_str(arg.value)), args.get(2)) {
        ("getattr", Some(name), Some(default)) => (name, default.value),
        ("getattr", ..) => return,
        // `config.get("login", "password", fallback="…")` of configparser.
        ("get", Some(option), _) if default.is_some_and(|default| default.name.is_some()) => {
            (option, default.map_or(first.value, |default| default.value))
        }
        _ => match default {
            Some(default) => (name, default.value),
            None => return,
        },
    };
    if !is_key(name) {
        return;
    }
    if classify::is_sensitive_name(name) || environment {
        collector.named(name, default, Site::Fallback, block);
    }
}

/// Whether a function of one's own may read a setting by its name: `get_config`, `env_or_default`, `read_setting`.
fn is_getter(name: &str) -> bool {
    let words = classify::words(name);
    let about = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    words.len() > 1
        && about(&["env", "environ", "environment", "config", "conf", "setting", "settings"])
        && about(&["get", "read", "load", "fetch", "or", "default", "from", "var"])
}

/// `getenv("NAME") or literal`.
pub fn alternatives(collector: &mut Collector<'_>, id: ExprId, values: &[ExprId]) {
    let module = collector.module;
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return };
    if module.as_text(*last).is_none() {
        return;
    }
    let name = environment_name(module, *first).or_else(|| module.tail_str(*first)).unwrap_or_default();
    collector.named(name, *last, Site::Fallback, module.block_of(id));
}

/// Whether a function reads an environment variable by its first argument.
pub fn is_environment_read(module: &Module, func: ExprId) -> bool {
    module.qualified(func).is_some_and(|name| {
        matches!(
            name.as_str(),
            "os.getenv"
                | "os.environ.get"
                | "os.environ.pop"
                | "os.environ.setdefault"
                | "os.getenvb"
                | "environ.get"
                | "getenv"
                | "decouple.config"
        )
    })
}

/// The name of the variable, if an expression reads one: `os.getenv("X")`, `os.environ["X"]`.
pub fn environment_name(module: &Module, expr: ExprId) -> Option<&str> {
    match module.kind(expr) {
        ExprKind::Call { func, args } if is_environment_read(module, *func) => {
            args.first().and_then(|arg| module.as_str(arg.value))
        }
        ExprKind::Subscript { value, index }
            if module.qualified(*value).is_some_and(|name| name == "os.environ" || name == "environ") =>
        {
            module.as_str(*index)
        }
        _ => None,
    }
}
