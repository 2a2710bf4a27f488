//! TLS to a mail server: the platform's root certificates, plus those of a file that the
//! person names for a server of their own.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::SourceError;
use super::url::Server;

/// Encrypts a connection that stands.
pub(super) async fn encrypt(
    server: &Server,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, SourceError> {
    let config = config(server)?;
    let host = server
        .host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let name = ServerName::try_from(host).map_err(|_| SourceError::Untrusted {
        server: server.address(),
        reason: "its name cannot stand in a certificate; use the server's full name".to_owned(),
    })?;
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    connecting.await.map_err(|error| explain(server, error))
}

/// The provider is given, not taken from the process: a library may not rely on `main`.
fn config(server: &Server) -> Result<ClientConfig, SourceError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = verifier(server, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| untrusted(server, format!("TLS cannot be used here ({error})")))?;
    let builder = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    Ok(builder.with_no_client_auth())
}

/// With a file of certificates these alone count: whoever names one for a server means
/// this server, and a device without system certificates must be able to reach it.
fn verifier(
    server: &Server,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, SourceError> {
    let Some(path) = &server.ca else {
        let platform = Verifier::new(provider.clone()).map_err(|error| {
            let reason = format!(
                "this device has no root certificates ({error}); install them (ca-certificates) \
                 or give the server's with ca=FILE"
            );
            untrusted(server, reason)
        })?;
        return Ok(Arc::new(platform));
    };
    let bad = |reason: String| SourceError::BadCa {
        path: path.clone(),
        reason,
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path).map_err(bad)? {
        roots
            .add(certificate)
            .map_err(|error| bad(error.to_string()))?;
    }
    let built = WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone()).build();
    Ok(built.map_err(|error| bad(error.to_string()))?)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .map_err(|error| error.to_string())?
        .collect();
    match found {
        Ok(found) if found.is_empty() => Err("no certificate in it".to_owned()),
        Ok(found) => Ok(found),
        Err(error) => Err(error.to_string()),
    }
}

fn untrusted(server: &Server, reason: String) -> SourceError {
    SourceError::Untrusted {
        server: server.address(),
        reason,
    }
}

/// Says what is wrong with a certificate and what helps; other errors are the network's.
fn explain(server: &Server, error: io::Error) -> SourceError {
    let cause = error
        .get_ref()
        .and_then(|it| it.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(wrong)) => {
            untrusted(server, certificate_reason(server, wrong))
        }
        Some(rustls::Error::InvalidMessage(_)) => {
            let reason = "it does not speak TLS on this port; check the port, or use imap:// or \
                          pop3:// for ports that begin without";
            untrusted(server, reason.to_owned())
        }
        Some(other) => untrusted(server, format!("no secure connection ({other})")),
        None => SourceError::Broken {
            server: server.address(),
            source: error,
        },
    }
}

fn certificate_reason(server: &Server, wrong: &CertificateError) -> String {
    let host = &server.host;
    match wrong {
        CertificateError::UnknownIssuer if server.ca.is_some() => {
            "its certificate was not made by the authority in the ca file".to_owned()
        }
        CertificateError::UnknownIssuer => {
            "its certificate was made by an authority that this device does not know; for a \
             server of your own give the authority's certificate with ca=FILE"
                .to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("its certificate is for another name than {host}; use the name it was made for")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired; check this device's date, else the server's owner must \
             renew it"
                .to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet; check this device's date".to_owned()
        }
        CertificateError::Revoked => {
            "its certificate was revoked; ask the server's owner".to_owned()
        }
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "its certificate is that of an authority and signs itself; make one for the server \
             that the authority signs"
                .to_owned()
        }
        other => format!("its certificate is not accepted ({other})"),
    }
}
