//! TLS to an Incus server: our certificate, and exactly the one that was given for the server.
//!
//! Called by `client` once. Incus makes its certificates itself, and no authority signs them, so a name or a date in
//! them proves nothing. What must stay true: with a certificate given, that very one is accepted, byte for byte, and
//! the server still proves that it holds the key; without one, the machine's authorities decide.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use secrecy::{ExposeSecret, SecretString};

use crate::cloud::{CloudError, CloudResult, ErrorClass};

/// Adds our certificate, and what is accepted from the server, to a client.
pub(super) fn configure(
    builder: reqwest::ClientBuilder,
    client_certificate: &SecretString,
    client_key: &SecretString,
    server_certificate: Option<&SecretString>,
) -> CloudResult<reqwest::ClientBuilder> {
    let (chain, key) = identity(client_certificate, client_key)?;
    if let Some(pem) = server_certificate {
        let config = pinned(pem, chain, key)?;
        return Ok(builder.tls_backend_preconfigured(config));
    }
    let pem = [
        client_certificate.expose_secret(),
        "\n",
        client_key.expose_secret(),
    ]
    .concat();
    let identity = reqwest::Identity::from_pem(pem.as_bytes())
        .map_err(|_| rejected("client_certificate and client_key can't be used together"))?;
    Ok(builder.tls_backend_rustls().identity(identity))
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Reads certificate and key. The reasons name the field and never its content.
fn identity(certificate: &SecretString, key: &SecretString) -> CloudResult<Identity> {
    let chain = CertificateDer::pem_slice_iter(certificate.expose_secret().as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .ok()
        .filter(|chain| !chain.is_empty())
        .ok_or_else(|| rejected("client_certificate is not a certificate in PEM"))?;
    let key = PrivateKeyDer::from_pem_slice(key.expose_secret().as_bytes())
        .map_err(|_| rejected("client_key is not a private key in PEM"))?;
    Ok((chain, key))
}

fn pinned(
    server: &SecretString,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> CloudResult<ClientConfig> {
    let certificate = CertificateDer::from_pem_slice(server.expose_secret().as_bytes())
        .map_err(|_| rejected("server_certificate is not a certificate in PEM"))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Pinned {
        certificate,
        provider: Arc::clone(&provider),
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| rejected(&format!("TLS can't be set up: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_auth_cert(chain, key)
        .map_err(|_| rejected("client_certificate and client_key don't belong together"))?;
    // Websockets are opened by HTTP/1.1's upgrade.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Accepts one certificate, from whoever proves that the key is theirs.
#[derive(Debug)]
struct Pinned {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

fn rejected(message: &str) -> CloudError {
    CloudError::new(ErrorClass::Rejected, message)
}

// === impl Pinned ===

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if end_entity.as_ref() == self.certificate.as_ref() {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
