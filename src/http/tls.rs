//! TLS: whom the library trusts, and the step that wraps a connection.
//! Knows nothing of HTTP. One TLS configuration is shared by every connection of a client, so that sessions are resumed,
//! and the roots of Mozilla and of the system are read once per process, by the first https request.
#![forbid(unsafe_code)]

use std::fmt;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
    TransportAdapter,
};

use super::transport::remaining;
use crate::error::{Error, Result, Status};

/// The longest `ca_file` that is read, in bytes.
const MAX_CA_FILE: u64 = 16 * 1024 * 1024;

/// Whom one client trusts.
pub(super) struct Trust {
    /// What `ca_file` adds.
    own: Vec<TrustAnchor<'static>>,
    config: OnceLock<Arc<ClientConfig>>,
}

impl Trust {
    /// Reads `ca_file`, if there is one; everything else waits for the first https request.
    ///
    /// # Errors
    /// `config`, if the file can't be read or holds no certificate.
    pub(super) fn new(ca_file: Option<&Path>) -> Result<Self> {
        Ok(Self {
            own: ca_file.map(read_ca_file).transpose()?.unwrap_or_default(),
            config: OnceLock::new(),
        })
    }

    fn config(&self) -> io::Result<Arc<ClientConfig>> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let common = common_roots();
        let roots = if self.own.is_empty() {
            common
        } else {
            let mut all = RootCertStore::clone(&common);
            all.roots.extend(self.own.iter().cloned());
            Arc::new(all)
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(self.config.get_or_init(|| Arc::new(config)).clone())
    }
}

fn read_ca_file(path: &Path) -> Result<Vec<TrustAnchor<'static>>> {
    let bad = |why: &str| Err(Error::new(Status::Config, format!("`ca_file` {why}")));
    // A pipe or device would hang; only a file can be read in one go.
    match std::fs::metadata(path) {
        Ok(found) if !found.is_file() => return bad("is no file"),
        Ok(found) if found.len() > MAX_CA_FILE => return bad("is larger than 16 MiB"),
        Ok(_) => {}
        Err(error) => return bad(&format!("can't be read: {}", error.kind())),
    }
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) => return bad(&format!("can't be read: {}", error.kind())),
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&text).filter_map(Result::ok));
    if roots.is_empty() {
        return bad("holds no certificate in PEM form");
    }
    Ok(roots.roots)
}

/// Mozilla's roots and the system's, without doubles.
fn common_roots() -> Arc<RootCertStore> {
    static COMMON: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    COMMON
        .get_or_init(|| {
            let mut system = RootCertStore::empty();
            let found = rustls_native_certs::load_native_certs();
            system.add_parsable_certificates(found.certs);
            let mozilla = webpki_roots::TLS_SERVER_ROOTS;
            let mut all = RootCertStore {
                roots: mozilla.to_vec(),
            };
            all.roots.extend(
                system
                    .roots
                    .into_iter()
                    .filter(|root| !mozilla.contains(root)),
            );
            log::debug!(
                "{} trusted roots, {} of them the system's own",
                all.len(),
                all.len() - mozilla.len()
            );
            Arc::new(all)
        })
        .clone()
}

/// Wraps https connections in TLS and leaves others as they are.
pub(super) struct TlsConnector(pub(super) Arc<Trust>);

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, TlsTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let Some(plain) = chained else {
            return Ok(None);
        };
        if !details.needs_tls() || plain.is_tls() {
            return Ok(Some(Either::A(plain)));
        }
        let host = details.uri.host().unwrap_or_default();
        let host = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(host);
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| ureq::Error::Tls("the host's name can't be in a certificate"))?;
        let mut connection = ClientConnection::new(self.0.config()?, name)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let mut socket = TransportAdapter::new(plain.boxed(), details.current_time.clone());
        socket.set_timeout(remaining(details)?);
        connection.complete_io(&mut socket)?;
        let config = details.config;
        Ok(Some(Either::B(TlsTransport {
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
            stream: StreamOwned::new(connection, socket),
        })))
    }
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsConnector")
    }
}

/// A connection inside TLS.
pub(super) struct TlsTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        let output = &self.buffers.output()[..amount];
        self.stream.write_all(output)?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.get_mut().set_timeout(timeout);
        let input = self.buffers.input_append_buf();
        let amount = self.stream.read(input)?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsTransport")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_without_certificates_is_a_config_error() {
        let dir = tempfile::tempdir().unwrap();
        let empty = dir.path().join("empty.pem");
        std::fs::write(&empty, "no certificate in here").unwrap();
        let broken = dir.path().join("broken.pem");
        std::fs::write(
            &broken,
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        )
        .unwrap();
        for path in [
            dir.path(),
            &empty,
            &broken,
            &dir.path().join("missing.pem"),
            Path::new("/dev/zero"),
        ] {
            let error = Trust::new(Some(path)).err().unwrap();
            assert_eq!(error.status, Status::Config, "{}", path.display());
            assert!(error.message.starts_with("`ca_file` "), "{error}");
        }
    }

    #[test]
    fn one_good_certificate_among_broken_ones_is_enough() {
        let dir = tempfile::tempdir().unwrap();
        let good = rcgen::generate_simple_self_signed(vec!["trakt.test".into()]).unwrap();
        let file = dir.path().join("ca.pem");
        let text = format!(
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{}",
            good.cert.pem()
        );
        std::fs::write(&file, text).unwrap();
        assert_eq!(Trust::new(Some(&file)).unwrap().own.len(), 1);
    }

    #[test]
    fn mozillas_roots_are_always_there() {
        assert!(common_roots().len() >= webpki_roots::TLS_SERVER_ROOTS.len());
    }
}
