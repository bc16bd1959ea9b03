//! The own certificate authority and the certificates of the HTTPS hosts, good and bad ones.
//! Knows nothing of requests.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::config::Certificate;

const KINDS: [Certificate; 5] = [
    Certificate::Good,
    Certificate::Expired,
    Certificate::NotYetValid,
    Certificate::WrongName,
    Certificate::UnknownCa,
];

/// The CA's certificate and an acceptor for each kind of certificate.
pub struct Tls {
    /// The CA's certificate for the client, PEM.
    pub ca_pem: String,
    acceptors: Vec<(Certificate, TlsAcceptor)>,
}

impl Tls {
    /// Makes keys and certificates.
    pub fn new() -> io::Result<Self> {
        let ca = authority("trakt-sim test CA").map_err(io::Error::other)?;
        let stranger = authority("trakt-sim unknown CA").map_err(io::Error::other)?;
        let mut acceptors = Vec::new();
        for kind in KINDS {
            let issuer = if kind == Certificate::UnknownCa {
                &stranger
            } else {
                &ca
            };
            let acceptor = acceptor(kind, issuer).map_err(io::Error::other)?;
            acceptors.push((kind, acceptor));
        }
        Ok(Self {
            ca_pem: ca.pem(),
            acceptors,
        })
    }

    /// The acceptor that shows a certificate.
    pub fn acceptor(&self, kind: Certificate) -> Option<TlsAcceptor> {
        self.acceptors
            .iter()
            .find(|(known, _)| *known == kind)
            .map(|(_, acceptor)| acceptor.clone())
    }
}

type Problem = Box<dyn std::error::Error + Send + Sync>;
type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Result<Authority, Problem> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

fn acceptor(kind: Certificate, issuer: &Authority) -> Result<TlsAcceptor, Problem> {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "trakt-sim");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.subject_alt_names = if kind == Certificate::WrongName {
        vec![SanType::DnsName("elsewhere.example".try_into()?)]
    } else {
        vec![
            SanType::DnsName("localhost".try_into()?),
            // For hosts that only a proxy knows.
            SanType::DnsName("*.trakt.test".try_into()?),
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        ]
    };
    match kind {
        Certificate::Expired => {
            params.not_before = date_time_ymd(2015, 1, 1);
            params.not_after = date_time_ymd(2016, 1, 1);
        }
        Certificate::NotYetValid => {
            params.not_before = date_time_ymd(2090, 1, 1);
            params.not_after = date_time_ymd(2091, 1, 1);
        }
        _ => {}
    }
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?;
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
