//! A certificate authority that exists for one run: whatever name or address a script dials, there is a certificate for
//! it, and so the script's verification stays what it is.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::PrivateKeyDer,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use crate::ProveError;

/// The host of this name has a certificate that nobody has signed: who talks to it does not verify.
pub const IMPOSTOR: &str = "impostor.example";

/// The authority and what it has signed.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    key: KeyPair,
    signed: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl Authority {
    /// A new one.
    ///
    /// # Errors
    /// When there is no randomness for its keys.
    pub fn new() -> Result<Self, ProveError> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "tegmen prove, for this run only");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { issuer, key: KeyPair::generate()?, signed: Mutex::default() })
    }

    /// Its certificate, for those who are to trust it.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A private key and a certificate for it, as PEM: the canary of key material.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn key_material(&self) -> Result<(String, String), ProveError> {
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec!["client.example".to_owned()])?.signed_by(&key, &self.issuer)?;
        Ok((key.serialize_pem(), certificate.pem()))
    }

    fn sign(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = signed.get(name) {
            return Some(Arc::clone(known));
        }
        let mut params = CertificateParams::new(vec![name.to_owned()]).ok()?;
        params.use_authority_key_identifier_extension = true;
        let certificate = if name == IMPOSTOR {
            params.self_signed(&self.key).ok()?
        } else {
            params.signed_by(&self.key, &self.issuer).ok()?
        };
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).ok()?;
        let signer = ring::sign::any_supported_type(&key).ok()?;
        let certified = Arc::new(CertifiedKey::new(vec![certificate.der().clone()], signer));
        signed.insert(name.to_owned(), Arc::clone(&certified));
        Some(certified)
    }

    /// What a TLS connection to that address is answered with. Clients that name no server get a certificate for the
    /// address.
    ///
    /// # Errors
    /// When rustls has none of the usual versions; it has.
    pub fn tls(self: &Arc<Self>, dialled: IpAddr) -> Result<Arc<ServerConfig>, ProveError> {
        let resolver = Resolver { authority: Arc::clone(self), dialled };
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

struct Resolver {
    authority: Arc<Authority>,
    dialled: IpAddr,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map_or_else(|| self.dialled.to_string(), str::to_owned);
        self.authority.sign(&name)
    }
}
