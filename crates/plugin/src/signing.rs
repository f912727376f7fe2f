//! What is computed from a value for a script that does not see it.

use tegmen_wire::{
    fill::{Refusal, Request},
    origin::Origin,
};
use zeroize::Zeroizing;

use crate::{
    Client, ClientError,
    sending::Purpose,
    sign::{self, AwsRequest, AwsScope, Challenge, SignError},
};

impl Client {
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
            false => Zeroizing::new(user.as_bytes().to_vec()),
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
            (name.to_vec(), Zeroizing::new(new.unwrap_or_else(|| value.to_vec())))
        };
        let mut headers: Vec<_> = request.headers.iter().enumerate().map(header).collect();
        let body = filled.body.as_ref().map_or(request.body.unwrap_or_default(), |body| body);
        let hashed = sign::sha256_hex(body);
        let body_hash = body_hash.unwrap_or(hashed.as_bytes());
        if scope.service == "s3" {
            headers.push((b"x-amz-content-sha256".to_vec(), Zeroizing::new(body_hash.to_vec())));
        }
        let headers: Vec<(&[u8], &[u8])> =
            headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect();
        let target = filled.target.as_ref().map_or(request.target, |target| target);
        let request = AwsRequest { method, target, headers: &headers, body_hash };
        let signed = self.computed(secret, |key| Ok(sign::aws_signature(key, scope, &request)))?;
        Ok(signed.map(|(names, signature)| (names, signature, String::from_utf8_lossy(body_hash).into_owned())))
    }
}
