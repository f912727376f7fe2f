//! [`Client`]: what the plugin does with the broker's secrets and its own.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use tegmen_redact::{Added, Counts, Growing, PatternsBuilder};
use tegmen_secret::SecretBytes;
use tegmen_sys::{channel::Channel, shared::Reader};
use tegmen_wire::{
    cluster::{ClusterKey, KeyOrigin},
    fill::{self, Clear, Filled, FilledHead, Layer, Refusal, Request},
    finder,
    finder::Form,
    origin::{Origin, Scheme},
    placeholder::TOKEN_LEN,
    placeholder::{ANONYMOUS, Placeholder, disguises},
    protocol::{self, Tell},
    table::{Binding, Book, Entry, Span, Values},
};

use crate::{
    ClientError,
    answers::{self, Answers},
    connect,
    lines::Lines,
    local::Local,
    masked::Masked,
    pieces::Pieces,
    pools::Borrowing,
    reflection,
    sealing::Sealing,
    shared::Shared,
    sign::{self, AwsRequest, AwsScope, Challenge, SignError},
    tally::Tally,
};

/// How often a request is filled again when the values change meanwhile.
const TRIES: usize = 100;

/// The longest value that is taken into protection, in bytes; escaped, and with its placeholder, it fits into a message.
pub(crate) const LONGEST: usize = protocol::MAX_MESSAGE / 4;

/// So many tokens that the target has issued are known in a process at the same time; of older ones it may be that only
/// the broker knows them.
const TOKENS: usize = 1 << 15;

/// Of a token so many bytes at its beginning are masked also where a text was cut in them.
const PIECES: usize = 64;

/// A process's connection to the broker.
pub struct Client {
    pub(crate) channel: Channel,
    pub(crate) reader: Reader,
    files: Vec<(String, OwnedFd)>,
    pub(crate) shared: Shared,
    pub(crate) local: Local,
    pub(crate) borrowing: Borrowing,
    pub(crate) sealing: Sealing,
    /// Everything that was ever a value in this run is in here: what went out before may still come back.
    pub(crate) patterns: Growing,
    /// The tokens that the target has issued, as they are: a request that carries one carries a secret.
    pub(crate) issued: Growing,
    pieces: Pieces,
    pub(crate) lines: Lines,
    pub(crate) answers: Answers,
    masked: Masked,
    tally: Tally,
    /// What this process was started against.
    own_targets: Vec<Origin>,
    /// That, and what was entered in the web UI: the test's own target.
    pub(crate) targets: Vec<Origin>,
}

/// What a request is filled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be sent: it is counted.
    Send,
    /// To see whether it may be sent.
    Look,
}

impl Client {
    /// Asks the broker at `address`, which stands in the environment; `package` is the version of the Python package.
    ///
    /// # Errors
    /// When there is no broker, or it says no.
    pub fn connect(address: &str, package: &str) -> Result<Self, ClientError> {
        let connect::Connection { channel, reader, files } = connect::connect(address, package)?;
        let shared = Shared::read(&reader)?;
        let local = Local::new(shared.book().table())?;
        let (patterns, issued) = (Growing::new(TOKENS), Growing::of_texts(TOKENS));
        let (borrowing, sealing) = (Borrowing::default(), Sealing::default());
        let pieces = Pieces::new().map_err(|_| ClientError::Randomness)?;
        let mut client = Self {
            channel,
            reader,
            files,
            shared,
            local,
            borrowing,
            sealing,
            patterns,
            issued,
            pieces,
            lines: Lines::default(),
            answers: Answers::default(),
            masked: Masked::new(),
            tally: Tally::default(),
            own_targets: Vec::new(),
            targets: Vec::new(),
        };
        client.look_for_shared();
        client.gather_targets();
        Ok(client)
    }

    /// Reads the table again if the broker has published a new one.
    pub(crate) fn keep_up(&mut self) -> Result<(), ClientError> {
        if self.shared.is_stale(&self.reader) {
            self.shared = Shared::read(&self.reader)?;
            self.look_for_shared();
            self.gather_targets();
        }
        Ok(())
    }

    /// Lets outputs be searched for the secrets of the broker.
    fn look_for_shared(&mut self) {
        let Self { shared, reader, pieces, patterns, .. } = self;
        let all = shared.known(reader);
        patterns.extend(|builder| {
            for text in finder::texts(&shared.book().table().tag) {
                builder.literal(ANONYMOUS, &text);
            }
            for entry in &shared.book().table().entries {
                look_for_placeholder(builder, entry);
            }
            for known in &all {
                // What is too short to be looked for was said by the broker before the run began.
                let _ = builder.value(&known.name, &known.value);
            }
        });
        for known in all.iter().filter(|known| !known.is_document) {
            pieces.add_forms(&known.name, known.value.expose());
        }
    }

    /// Lets outputs be searched for a value that was born in this process, and for its placeholder if it has one.
    fn look_for(&mut self, name: &str, value: &SecretBytes, placeholder: Option<&str>) {
        let entry = placeholder.and_then(|text| self.local.entry(text));
        self.patterns.extend(|builder| {
            if let Some(entry) = entry {
                // The whole of it too: it may go on after its token, to be as long as the value.
                builder.mark(name, &entry.placeholder);
                for token in entry.tokens.iter().filter(|token| token.text != entry.placeholder) {
                    builder.mark(name, &token.text);
                }
            }
            let _ = builder.value_or_record(name, value);
        });
        // There may be thousands of them, one for each simulated user: not in every form.
        self.pieces.add(name, value.expose());
    }

    /// Has answers be searched for a new secret of this process, if that is wanted.
    fn seal_new(&mut self, placeholder: &str) {
        let Self { local, sealing, .. } = self;
        if let Some(entry) = local.entry(placeholder).filter(|entry| entry.binding.seal) {
            sealing.add(entry, &local.values());
        }
    }

    /// Lets outputs be searched for a field of a record that was checked out.
    pub(crate) fn look_for_lent(&mut self, label: &str, value: &SecretBytes, placeholder: &Placeholder) {
        self.seal_new(&placeholder.text);
        self.look_for(label, value, Some(&placeholder.text));
        for token in placeholder.tokens.iter().filter(|token| token.is_sensitive && token.part != *value) {
            self.look_for(label, &token.part, None);
        }
    }

    /// The secrets of the broker.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn entries(&mut self) -> Result<impl Iterator<Item = &Entry>, ClientError> {
        self.keep_up()?;
        Ok(self.shared.book().table().entries.iter())
    }

    /// The names of the secrets that are served as files, and the numbers of their descriptors.
    pub fn files(&self) -> Vec<(String, i32)> {
        self.files.iter().map(|(name, file)| (name.clone(), file.as_raw_fd())).collect()
    }

    /// Adds an origin that the test was started against. The broker is told, for whoever looks at the run.
    pub fn add_target(&mut self, origin: Origin) {
        if !self.own_targets.contains(&origin) {
            self.own_targets.push(origin.clone());
            self.gather_targets();
            let _ = self.tell(&Tell::Target { origin, pin: false });
        }
    }

    /// Makes an origin the test's own target in every process of the run, where it has none yet: a person has entered it.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn pin_target(&mut self, origin: Origin) -> Result<(), ClientError> {
        self.ask(&Tell::Target { origin, pin: true }).map(|_| ())
    }

    /// The test's own target, as far as this process knows it.
    pub fn targets(&self) -> &[Origin] {
        &self.targets
    }

    /// The key for what passes between master and workers, as it is now.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn cluster_key(&mut self) -> Result<ClusterKey, ClientError> {
        for _ in 0..TRIES {
            self.keep_up()?;
            let cluster = self.shared.book().table().cluster.ok_or(ClientError::Malformed)?;
            if let Some(value) = self.shared.values(&self.reader).copy(cluster.key) {
                let origin = if cluster.is_from_manifest { KeyOrigin::Manifest } else { KeyOrigin::Run };
                return ClusterKey::new(&value, origin).map_err(|_| ClientError::Malformed);
            }
        }
        Err(ClientError::Malformed)
    }

    fn gather_targets(&mut self) {
        self.targets = self.own_targets.clone();
        let shared = &self.shared.book().table().targets;
        self.targets.extend(shared.iter().filter(|origin| !self.own_targets.contains(origin)).cloned());
    }

    /// What the run knows of its secrets, as JSON: the overview of the broker.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn overview(&mut self) -> Result<String, ClientError> {
        self.tell_counts();
        let answer = self.ask(&Tell::Overview)?;
        String::from_utf8(answer).map_err(|_| ClientError::Silent)
    }

    /// The placeholder of the secret of that name, or of that variable.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn placeholder(&mut self, name: &str) -> Result<Option<String>, ClientError> {
        self.keep_up()?;
        let books = [self.shared.book(), self.local.book()];
        Ok(books.iter().find_map(|book| book.entry(name)).map(|entry| entry.placeholder.clone()))
    }

    /// A copy of the value of the secret with that placeholder, of that name, or of that variable.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn reveal(&mut self, name: &str) -> Result<Option<Clear>, ClientError> {
        for _ in 0..TRIES {
            self.keep_up()?;
            let (shared, local) = (self.shared.book(), self.local.book());
            // A name may be that of many tokens: the placeholder tells which one is meant.
            if let Some(entry) = local.entry_with(name) {
                return Ok(self.local.values().copy(entry.whole));
            }
            if let Some(entry) = shared.entry_with(name).or_else(|| shared.entry(name)) {
                if let Some(value) = self.shared.values(&self.reader).copy(entry.whole) {
                    return Ok(Some(value));
                }
                continue;
            }
            let whole: Option<Span> = local.entry(name).map(|entry| entry.whole);
            return Ok(whole.and_then(|span| self.local.values().copy(span)));
        }
        Err(ClientError::Malformed)
    }

    /// Has something be computed from the value of that secret (see [`Self::reveal`]); `None` where there is none.
    fn computed<T>(
        &mut self,
        secret: &str,
        compute: impl FnOnce(&[u8]) -> Result<T, SignError>,
    ) -> Result<Option<T>, ClientError> {
        let Some(key) = self.reveal(secret)? else { return Ok(None) };
        compute(&key).map(Some).map_err(|error| ClientError::Sign { name: self.shown_name(secret), error })
    }

    /// What outputs show for a placeholder or a name.
    fn shown_name(&self, secret: &str) -> String {
        let books = [self.local.book(), self.shared.book()];
        let entry = books.iter().find_map(|book| book.entry_with(secret));
        entry.map_or_else(|| secret.to_owned(), |entry| entry.binding.name.clone())
    }

    /// What is signed must be what is sent.
    fn without_placeholder(&mut self, data: &[u8]) -> Result<(), ClientError> {
        if !self.carries(data) {
            return Ok(());
        }
        let names = self.names_in(data)?;
        Err(ClientError::PlaceholderInside(names.into_iter().next().unwrap_or_default()))
    }

    /// What is made from a secret for somebody may go where the secret may go.
    fn check_destination(&mut self, secret: &str, origin: &Origin) -> Result<(), ClientError> {
        let books = [self.local.book(), self.shared.book()];
        let entry = books.iter().find_map(|book| book.entry_with(secret));
        let Some(entry) = entry.or_else(|| books.iter().find_map(|book| book.entry(secret))) else { return Ok(()) };
        let manifest = self.shared.book().table().manifest.clone();
        match Refusal::of_destination(&entry.binding, origin, &self.targets, manifest) {
            Some(refusal) => {
                self.tally.refusal(&refusal);
                Err(ClientError::Refused(refusal))
            }
            None => Ok(()),
        }
    }

    /// HMAC of `data` under the value of that secret. See [`sign::mac`].
    ///
    /// # Errors
    /// When there is no such digest, or a placeholder stands in the data.
    pub fn hmac(&mut self, secret: &str, digest: &str, data: &[u8]) -> Result<Option<Vec<u8>>, ClientError> {
        self.without_placeholder(data)?;
        self.computed(secret, |key| sign::mac(key, digest, data))
    }

    /// A JSON Web Token that is signed with the value of that secret; outputs show it by `label`. See [`sign::jwt`].
    ///
    /// # Errors
    /// When there is no such algorithm, the value is no key for it, or a placeholder stands in the claims.
    pub fn jwt(
        &mut self,
        secret: &str,
        algorithm: &str,
        header: &[u8],
        claims: &[u8],
        label: &str,
    ) -> Result<Option<String>, ClientError> {
        self.without_placeholder(header)?;
        self.without_placeholder(claims)?;
        let token = self.computed(secret, |key| sign::jwt(key, algorithm, header, claims))?;
        if let Some(token) = &token {
            self.issued(label, token)?;
        }
        Ok(token)
    }

    /// The `response` of Digest authentication, under the value of that secret. See [`sign::digest_response`]. `to` is who has
    /// asked, where that is known: whoever gets the response can try passwords until one fits.
    ///
    /// # Errors
    /// When there is no such algorithm, when a placeholder stands in the target or the body, or when the secret may not go
    /// there.
    pub fn digest(
        &mut self,
        user: &str,
        password: &str,
        challenge: &Challenge<'_>,
        to: Option<&Origin>,
    ) -> Result<Option<String>, ClientError> {
        self.without_placeholder(challenge.uri)?;
        self.without_placeholder(challenge.body)?;
        if let Some(origin) = to {
            self.keep_up()?;
            self.check_destination(password, origin)?;
        }
        let user = match self.carries(user.as_bytes()) {
            true => self.reveal(user)?.ok_or_else(|| ClientError::PlaceholderInside("the user name".to_owned()))?,
            false => zeroize::Zeroizing::new(user.as_bytes().to_vec()),
        };
        self.computed(password, |password| sign::digest_response(&user, password, challenge))
    }

    /// The signature of AWS for a request, under the value of that secret, and the names of the fields that are signed. The
    /// placeholders in the request are filled as they will be when it is sent.
    ///
    /// # Errors
    /// When a secret in it may not be sent so.
    pub fn aws(
        &mut self,
        secret: &str,
        scope: &AwsScope<'_>,
        method: &[u8],
        request: &Request<'_>,
        body_hash: Option<&[u8]>,
    ) -> Result<Option<(String, String, String)>, ClientError> {
        let filled = self.fill(request, Purpose::Look)?.unwrap_or_default();
        let header = |(index, (name, value)): (usize, &(&'_ [u8], &'_ [u8]))| {
            let new = filled.headers.iter().find(|(at, _)| *at == index).map(|(_, value)| value.to_vec());
            (name.to_vec(), zeroize::Zeroizing::new(new.unwrap_or_else(|| value.to_vec())))
        };
        let mut headers: Vec<_> = request.headers.iter().enumerate().map(header).collect();
        let body = filled.body.as_ref().map_or(request.body.unwrap_or_default(), |body| body);
        let hashed = sign::sha256_hex(body);
        let body_hash = body_hash.unwrap_or(hashed.as_bytes());
        if scope.service == "s3" {
            headers.push((b"x-amz-content-sha256".to_vec(), zeroize::Zeroizing::new(body_hash.to_vec())));
        }
        let headers: Vec<(&[u8], &[u8])> =
            headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect();
        let target = filled.target.as_ref().map_or(request.target, |target| target);
        let request = AwsRequest { method, target, headers: &headers, body_hash };
        let signed = self.computed(secret, |key| Ok(sign::aws_signature(key, scope, &request)))?;
        Ok(signed.map(|(names, signature)| (names, signature, String::from_utf8_lossy(body_hash).into_owned())))
    }

    /// Takes a value that was born in the test into protection, bound to the test's own target, and gives its
    /// placeholder. The redactor of the broker learns it as well.
    ///
    /// # Errors
    /// When the broker is gone, or the value is longer than a message can be.
    pub fn protect(&mut self, name: &str, value: String) -> Result<String, ClientError> {
        // Before anybody holds a placeholder: the message carries both.
        if value.len() > LONGEST {
            return Err(ClientError::TooLong(name.to_owned()));
        }
        let seal = self.shared.seals_all();
        let binding = Binding { name: name.to_owned(), seal, ..Binding::default() };
        self.protect_bound(binding, value)
    }

    /// The same with rules of its own.
    pub(crate) fn protect_bound(&mut self, binding: Binding, value: String) -> Result<String, ClientError> {
        let name = &binding.name.clone();
        let bytes = SecretBytes::new(value.clone().into_bytes());
        let (placeholder, is_new) = self.local.add(binding, &bytes)?;
        if is_new {
            self.seal_new(&placeholder);
            self.look_for(name, &bytes, Some(&placeholder));
            self.teach_value(name, &placeholder, value)?;
        }
        Ok(placeholder)
    }

    /// Lets the redactors know a value that gets no placeholder.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn learn(&mut self, name: &str, value: String) -> Result<(), ClientError> {
        self.look_for(name, &SecretBytes::new(value.clone().into_bytes()), None);
        self.teach_value(name, "", value)
    }

    /// Lets the redactors know a token that the target has issued, or that was made for it: with thousands of users there
    /// are thousands, so that only the last ones are kept. Whether it is new.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn issued(&mut self, name: &str, value: &str) -> Result<bool, ClientError> {
        if value.len() > LONGEST || self.carries(value.as_bytes()) {
            return Ok(false);
        }
        if self.issued.token(name, value.as_bytes()) == Added::Not {
            return Ok(false);
        }
        // A secret that the answer repeats has its name already.
        if self.patterns.patterns().find(value.as_bytes()).is_some_and(|(range, _)| range.len() == value.len()) {
            return Ok(false);
        }
        let pieces = |value: &[u8]| value.len().min(PIECES);
        match self.patterns.token(name, value.as_bytes()) {
            Added::Not => return Ok(false),
            Added::New => self.pieces.add_issued(name, &value.as_bytes()[..pieces(value.as_bytes())]),
            Added::Turned => {
                self.pieces.forget_issued();
                for (name, value) in self.patterns.tokens() {
                    self.pieces.add_issued(name, &value[..pieces(value)]);
                }
            }
        }
        self.teach(&Tell::Token { name: name.to_owned(), value: value.to_owned() }, name)?;
        Ok(true)
    }

    /// Lets the redactors know the credentials in an answer's body and in its `Set-Cookie` lines. How many were new.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn learn_answer(&mut self, body: &[u8], cookies: &[&str]) -> Result<usize, ClientError> {
        let mut new = 0;
        let cookies = cookies.iter().filter_map(|line| answers::in_cookie(line));
        let born = self.answers.in_body(body);
        for born in born.into_iter().chain(cookies) {
            new += usize::from(self.issued(&born.name, &born.value)?);
        }
        Ok(new)
    }

    /// Whether a token that the target has issued stands in the bytes. Quick where it has issued none.
    pub fn carries_issued(&self, bytes: &[u8]) -> bool {
        self.has_issued() && self.issued.patterns().find(bytes).is_some()
    }

    /// Tells the broker that Locust is running in this process.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn ready(&mut self, locust: String) -> Result<(), ClientError> {
        self.tell(&Tell::Ready { locust })
    }

    fn tell(&self, message: &Tell) -> Result<(), ClientError> {
        self.channel.send(&protocol::encode(message)?, &[]).map_err(ClientError::Unreachable)
    }

    /// Tells the broker a value, and waits until its redactor knows it: what the test prints next may hold it. Each time
    /// over a socket of its own, for forked processes share the channel.
    fn teach(&self, message: &Tell, name: &str) -> Result<(), ClientError> {
        match self.ask(message) {
            Err(ClientError::Malformed) => Err(ClientError::TooLong(name.to_owned())),
            // Whichever way it ends: a broker that is gone lets nothing out any more.
            Ok(_) | Err(ClientError::Silent) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Tells the broker something, and gives what it answers until it closes the socket that came along.
    fn ask(&self, message: &Tell) -> Result<Vec<u8>, ClientError> {
        let bytes = protocol::encode(message)?;
        let (ours, theirs) = Channel::pair().map_err(ClientError::Unreachable)?;
        self.channel.send(&bytes, &[theirs.as_fd()]).map_err(ClientError::Unreachable)?;
        drop(theirs);
        let mut answer = Vec::new();
        loop {
            match ours.receive(protocol::PIECE) {
                Ok(piece) if piece.bytes.is_empty() => return Ok(answer),
                Ok(piece) => answer.extend_from_slice(&piece.bytes),
                Err(_) => return Err(ClientError::Silent),
            }
        }
    }

    fn teach_value(&self, name: &str, placeholder: &str, value: String) -> Result<(), ClientError> {
        let message = Tell::Learn { name: name.to_owned(), placeholder: placeholder.to_owned(), value };
        self.teach(&message, name)
    }

    /// In a forked child: its placeholders get numbers of their own.
    ///
    /// # Errors
    /// When the operating system has no randomness to give.
    pub fn forked(&mut self) -> Result<(), ClientError> {
        self.masked.forget();
        self.borrowing.forget();
        self.lines.take_counted();
        self.tally.forget();
        self.local.renumber()
    }

    /// Whether a placeholder of this run, in any form, stands in the bytes.
    pub fn carries(&self, bytes: &[u8]) -> bool {
        self.shared.book().finder().hits(bytes)
    }

    /// The names of the secrets whose placeholder stands in the bytes as it is.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn names_in(&mut self, bytes: &[u8]) -> Result<Vec<String>, ClientError> {
        self.keep_up()?;
        let books = [self.shared.book(), self.local.book()];
        let mut names: Vec<String> = Vec::new();
        let mut from = 0;
        while let Some((at, form)) = self.shared.book().finder().find(bytes, from) {
            let found = books.iter().find_map(|book| book.entry_at(bytes, at, form));
            let name = found.map_or_else(|| "a secret".to_owned(), |entry| entry.binding.name.clone());
            if !names.contains(&name) {
                names.push(name);
            }
            from = at + if form == Form::Plain { TOKEN_LEN } else { 1 };
        }
        Ok(names)
    }

    /// The text with `[NAME]` in the place of every placeholder and every value; `None` when it holds none. With a
    /// channel (one of [`protocol::CHANNELS`]) the broker is told how often, now or a little later.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn redact(&mut self, text: &[u8], channel: Option<&'static str>) -> Result<Option<Vec<u8>>, ClientError> {
        self.keep_up()?;
        let mut nowhere = Counts::default();
        let counts = channel.map_or(&mut nowhere, |channel| self.masked.of(channel));
        let redacted = match self.patterns.patterns().redact_counted(text, counts) {
            std::borrow::Cow::Borrowed(_) => None,
            std::borrow::Cow::Owned(redacted) => Some(redacted),
        };
        if redacted.is_some() && channel.is_some() && self.masked.is_due() {
            self.tell_counts();
        }
        Ok(redacted)
    }

    /// Tells the broker what was masked, sent and refused since the last time. A broker that is gone does not want to know.
    pub fn tell_counts(&mut self) {
        for (origin, secrets, times) in self.lines.take_counted() {
            self.tally.sent(&origin, &secrets, times);
        }
        for message in self.masked.take(self.patterns.patterns()).into_iter().chain(self.tally.take()) {
            let _ = self.tell(&message);
        }
    }

    /// As [`Self::redact`], for a text that may quote others and have cut them: what is left of a value goes too.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn redact_cut(&mut self, text: &[u8], channel: Option<&'static str>) -> Result<Option<Vec<u8>>, ClientError> {
        let redacted = self.redact(text, channel)?;
        Ok(self.pieces.mask(redacted.as_deref().unwrap_or(text)).or(redacted))
    }

    /// The fields in the head of a response with placeholders where values stand; `None` when nothing stands there.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn reflected(&mut self, head: &[u8]) -> Result<Option<Vec<u8>>, ClientError> {
        self.keep_up()?;
        let Some(cleaned) = self.without_values(head) else { return Ok(None) };
        if cleaned.cookies.is_empty() {
            return Ok(Some(cleaned.head));
        }
        for (binding, value) in cleaned.cookies {
            let name = binding.name.clone();
            let binding = Binding { env: Vec::new(), reveal: false, ..binding };
            let (placeholder, is_new) = self.local.add(binding, &value)?;
            if is_new {
                self.seal_new(&placeholder);
                self.look_for(&name, &value, Some(&placeholder));
                self.teach_value(&name, &placeholder, String::from_utf8_lossy(value.expose()).into_owned())?;
            }
        }
        Ok(self.without_values(head).map(|cleaned| cleaned.head))
    }

    fn without_values(&self, head: &[u8]) -> Option<reflection::Cleaned> {
        let (shared, local) = (self.shared.values(&self.reader), self.local.values());
        let secrets = reflection::Secrets([(self.shared.book(), &shared), (self.local.book(), &local)]);
        reflection::cleaned(self.patterns.patterns(), self.issued.patterns(), &secrets, head)
    }

    /// Fills a request. `None` when it carries no placeholder.
    ///
    /// # Errors
    /// When a secret may not be sent so.
    pub fn fill(&mut self, request: &Request<'_>, purpose: Purpose) -> Result<Option<Filled>, ClientError> {
        let filled = self.filled(|layers, targets| fill::fill(layers, targets, request))?;
        if let (Some(filled), Purpose::Send) = (&filled, purpose) {
            self.tally.sent(request.origin, &filled.secrets, 1);
        }
        Ok(filled)
    }

    /// A request that was filled has not left: nothing could be connected to.
    pub fn unsent(&mut self, origin: &Origin, names: &[String]) {
        self.tally.sent(origin, names, -1);
    }

    /// A request with a secret was refused elsewhere than in here.
    pub fn refused(&mut self, name: &str, to: &str, why: &str) {
        self.tally.refused(name, to, why);
    }

    /// Fills the head of a request, which goes to that destination, as the client has it. `None` when it carries no
    /// placeholder.
    ///
    /// # Errors
    /// When a secret may not be sent so.
    pub fn fill_head(
        &mut self,
        scheme: Scheme,
        host: &str,
        port: u16,
        head: &[u8],
        purpose: Purpose,
    ) -> Result<Option<FilledHead>, ClientError> {
        self.keep_up()?;
        let (shared, local) = (self.shared.values(&self.reader), self.local.values());
        let layers = [layer(self.shared.book(), &shared), layer(self.local.book(), &local)];
        let remembered = match purpose {
            Purpose::Send => {
                self.lines.fill(self.shared.generation(), &layers, &self.targets, (scheme, host, port), head)
            }
            Purpose::Look => None,
        };
        if remembered.is_some() {
            return Ok(remembered);
        }
        let origin = Origin::new(scheme, host, Some(port));
        let filled = self.filled(|layers, targets| fill::fill_head(layers, targets, &origin, head))?;
        if let (Some(filled), Purpose::Send) = (&filled, purpose) {
            self.tally.sent(&origin, &filled.secrets, 1);
        }
        Ok(filled)
    }

    /// Fills with the values as they are now; again when they change meanwhile.
    fn filled<T>(
        &mut self,
        fill: impl Fn(&[Layer<'_>], &[Origin]) -> Result<T, fill::Error>,
    ) -> Result<T, ClientError> {
        for _ in 0..TRIES {
            self.keep_up()?;
            let (shared, local) = (self.shared.values(&self.reader), self.local.values());
            let layers = [layer(self.shared.book(), &shared), layer(self.local.book(), &local)];
            match fill(&layers, &self.targets) {
                Ok(filled) => return Ok(filled),
                Err(fill::Error::Refused(refusal)) => {
                    self.tally.refusal(&refusal);
                    return Err(ClientError::Refused(refusal));
                }
                Err(fill::Error::Stale) => {}
            }
        }
        Err(ClientError::Malformed)
    }
}

fn look_for_placeholder(builder: &mut PatternsBuilder, entry: &Entry) {
    builder.literal(&entry.binding.name, &entry.placeholder);
    for token in &entry.tokens {
        for text in disguises(&token.text) {
            builder.literal(&entry.binding.name, &text);
        }
    }
}

fn layer<'a>(book: &'a Book, values: &'a dyn Values) -> Layer<'a> {
    Layer { book, values }
}
