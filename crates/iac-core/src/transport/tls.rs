//! Encrypted connections: which authorities are believed, and which certificate of ours is shown.
//!
//! The cryptography is named rather than left to the process: what else is linked may have chosen another one, or none.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::files;

/// The authorities that a client believes, and the certificate that it shows. Without anything else said, it believes the
/// system's authorities and shows nothing.
#[derive(Debug, Default)]
pub struct Tls {
    authorities: Option<RootCertStore>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    is_unchecked: bool,
}

/// Why a client cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file of certificates or keys cannot be read.
    #[error("{} cannot be read", .file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is nothing in a file that could be used.
    #[error("{} holds no {what} in PEM that can be used", .file.display())]
    Empty {
        /// Which.
        file: PathBuf,
        /// Certificate, or private key.
        what: &'static str,
    },
    /// A certificate cannot be used, or does not fit its key.
    #[error("{} is of no use", .file.display())]
    Useless {
        /// Which.
        file: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The library cannot be set up.
    #[error(transparent)]
    Library(#[from] rustls::Error),
}

impl Tls {
    /// Believes the authorities of a PEM file, and no others.
    ///
    /// # Errors
    /// When the file cannot be read, or one of its certificates cannot be used.
    pub fn authorities(mut self, file: &Path) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(file)? {
            roots.add(certificate).map_err(|source| TlsError::Useless {
                file: file.to_owned(),
                source,
            })?;
        }
        self.authorities = Some(roots);
        Ok(self)
    }

    /// Shows a certificate to servers that ask for one; both are PEM files.
    ///
    /// # Errors
    /// When one cannot be read, holds nothing, or they do not fit.
    pub fn identity(mut self, certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = certificates(certificate)?;
        let own = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| TlsError::Empty {
            file: key.to_owned(),
            what: "private key",
        })?;
        // Said now, with the file, rather than when the server asks.
        rustls::sign::CertifiedKey::from_der(chain.clone(), own.clone_key(), &ring::default_provider()).map_err(
            |source| TlsError::Useless {
                file: key.to_owned(),
                source,
            },
        )?;
        self.identity = Some((chain, own));
        Ok(self)
    }

    /// Takes any certificate: encrypted, but whoever is on the way can take the server's place. Only where the user says so in as
    /// many words.
    #[must_use]
    pub fn without_a_check(mut self) -> Self {
        self.is_unchecked = true;
        self
    }

    /// The settings of a client, for the library.
    ///
    /// # Errors
    /// When the library has no cryptography in common with itself.
    pub fn client(&self) -> Result<ClientConfig, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
        let builder = if self.is_unchecked {
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Any(provider)))
        } else {
            builder.with_root_certificates(self.authorities.clone().unwrap_or_else(of_system))
        };
        Ok(match &self.identity {
            Some((chain, key)) => builder.with_client_auth_cert(chain.clone(), key.clone_key())?,
            None => builder.with_no_client_auth(),
        })
    }
}

/// Why a handshake failed, if that is what an error came of: a certificate that is not good, or a server that refuses ours.
pub fn refusal<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // Such an error carries the other one, and does not count it as what it came of.
        let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match carried {
            Some(carried) => Some(carried),
            None => error.source(),
        };
    }
    None
}

fn of_system() -> RootCertStore {
    // Systems carry some that nothing can read; those that can be are enough.
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    files::read(file, files::SETTINGS).map_err(|source| TlsError::Read {
        file: file.to_owned(),
        source,
    })
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    found
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(|| TlsError::Empty {
            file: file.to_owned(),
            what: "certificate",
        })
}

/// Takes any certificate whose owner has the key of it.
#[derive(Debug)]
struct Any(Arc<CryptoProvider>);

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_found_however_deep_it_is() {
        let refused = || rustls::Error::DecryptError;
        let once = io::Error::other(refused());
        let twice = io::Error::other(io::Error::other(refused()));
        let read = TlsError::Read {
            file: PathBuf::new(),
            source: io::Error::other(refused()),
        };
        for error in [&once as &(dyn Error + 'static), &twice, &read] {
            assert_eq!(refusal(error), Some(&refused()), "{error:?}");
        }
        assert_eq!(refusal(&io::Error::other("the network is down")), None);
        assert_eq!(refusal(&io::Error::from(io::ErrorKind::ConnectionReset)), None);
    }
}
