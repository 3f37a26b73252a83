//! Stands before a server, with TLS or without, and keeps what it was sent: whoever is on the way sees that much.
//!
//! It listens on all addresses, so `0.0.0.0` reaches it: to the rules of transport, which know only loopback, that is another
//! machine.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use iac_testbed::certificates::Signed;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsAcceptor;

/// The server behind it, or the answers in place of one.
#[derive(Debug, Clone)]
pub(crate) enum Behind {
    /// A server that gets what it is sent: `HOST:PORT`, or the path of a socket.
    Server(String),
    /// Nobody: each piece that comes is answered with the next of these, and then there is silence.
    Answers(Vec<Vec<u8>>),
    /// Nobody: as before, but after the last of these the connection ends.
    Ends(Vec<Vec<u8>>),
    /// Nobody: as before, but after the last of these the other comes again and again.
    Floods(Vec<Vec<u8>>, Vec<u8>),
}

/// A front; it stays for as long as the process.
pub(crate) struct Front {
    /// Its port on all addresses.
    pub(crate) port: u16,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    flooded: Arc<AtomicU64>,
}

/// The protocol that it speaks.
#[derive(Clone, Default)]
pub(crate) struct Speech {
    tls: Option<TlsAcceptor>,
    asks_first: bool,
}

impl Speech {
    /// TLS with this certificate. Clients have to show one that the authority signed, if there is one.
    pub(crate) fn tls(own: &Signed, clients: Option<PathBuf>) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let chain = vec![CertificateDer::from_pem_file(&own.certificate).unwrap()];
        let config = builder.with_single_cert(chain, PrivateKeyDer::from_pem_file(&own.key).unwrap());
        Self {
            tls: Some(TlsAcceptor::from(Arc::new(config.unwrap()))),
            asks_first: false,
        }
    }

    /// As PostgreSQL: the client asks whether there is TLS before it begins with it.
    pub(crate) fn like_postgres(mut self) -> Self {
        self.asks_first = true;
        self
    }
}

impl Front {
    pub(crate) fn start(speech: Speech, behind: Behind) -> Self {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (heard, flooded) = (Arc::default(), Arc::default());
        let front = Self {
            port,
            heard: Arc::clone(&heard),
            flooded: Arc::clone(&flooded),
        };
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((client, _)) = listener.accept().await {
                    let number = {
                        let mut heard: std::sync::MutexGuard<'_, Vec<Vec<u8>>> = heard.lock().unwrap();
                        heard.push(Vec::new());
                        heard.len() - 1
                    };
                    let ear = Ear {
                        heard: Arc::clone(&heard),
                        number,
                        flooded: Arc::clone(&flooded),
                    };
                    tokio::spawn(serve(client, speech.clone(), behind.clone(), ear));
                }
            });
        });
        front
    }

    /// Returns the bytes that it was sent, past all encryption, one for each connection.
    pub(crate) fn heard(&self) -> Vec<Vec<u8>> {
        self.heard.lock().unwrap().clone()
    }

    /// Returns the number of bytes that it has sent of the answer that comes again and again.
    pub(crate) fn flooded(&self) -> u64 {
        self.flooded.load(Ordering::Relaxed)
    }

    /// True if a text was in what it was sent.
    pub(crate) fn heard_of(&self, text: &str) -> bool {
        let holds = |sent: &Vec<u8>| sent.windows(text.len()).any(|part| part == text.as_bytes());
        self.heard().iter().any(holds)
    }
}

/// Keeps what one connection is sent, and counts.
struct Ear {
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    number: usize,
    flooded: Arc<AtomicU64>,
}

impl Ear {
    fn hears(&self, bytes: &[u8]) {
        self.heard.lock().unwrap()[self.number].extend_from_slice(bytes);
    }
}

async fn serve(mut client: TcpStream, speech: Speech, behind: Behind, ear: Ear) {
    if speech.asks_first {
        let mut asked = [0; 8];
        if client.read_exact(&mut asked).await.is_err() {
            return;
        }
        let answer: &[u8] = if speech.tls.is_some() { b"S" } else { b"N" };
        let _ = client.write_all(answer).await;
    }
    match speech.tls {
        None => answer(client, behind, ear).await,
        // A client that goes away in the middle of it has its reasons.
        Some(tls) => {
            if let Ok(client) = tls.accept(client).await {
                answer(client, behind, ear).await;
            }
        }
    }
}

async fn answer(client: impl AsyncRead + AsyncWrite + Unpin, behind: Behind, ear: Ear) {
    match behind {
        Behind::Server(path) if path.starts_with('/') => {
            pass(client, UnixStream::connect(path).await.unwrap(), ear).await;
        }
        Behind::Server(address) => pass(client, TcpStream::connect(address).await.unwrap(), ear).await,
        Behind::Answers(answers) => say(client, &answers, None, ear).await,
        Behind::Ends(answers) => {
            let mut client = client;
            let mut sent = vec![0; 64 * 1024];
            for answer in answers {
                let Ok(length @ 1..) = client.read(&mut sent).await else {
                    return;
                };
                ear.hears(&sent[..length]);
                let _ = client.write_all(&answer).await;
                let _ = client.flush().await;
            }
        }
        Behind::Floods(answers, again) => say(client, &answers, Some(&again), ear).await,
    }
}

async fn say(mut client: impl AsyncRead + AsyncWrite + Unpin, answers: &[Vec<u8>], again: Option<&[u8]>, ear: Ear) {
    let mut sent = vec![0; 64 * 1024];
    let mut answers = answers.iter();
    while let Ok(length @ 1..) = client.read(&mut sent).await {
        ear.hears(&sent[..length]);
        if let Some(answer) = answers.next() {
            let _ = client.write_all(answer).await;
            let _ = client.flush().await;
        }
        while let Some(again) = again.filter(|_| answers.len() == 0) {
            if client.write_all(again).await.is_err() {
                return;
            }
            ear.flooded.fetch_add(again.len() as u64, Ordering::Relaxed);
        }
    }
}

async fn pass(client: impl AsyncRead + AsyncWrite + Unpin, server: impl AsyncRead + AsyncWrite + Unpin, ear: Ear) {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let there = async {
        let mut sent = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from_client.read(&mut sent).await {
            ear.hears(&sent[..length]);
            if to_server.write_all(&sent[..length]).await.is_err() {
                break;
            }
        }
        let _ = to_server.shutdown().await;
    };
    let back = async {
        let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
        let _ = to_client.shutdown().await;
    };
    tokio::join!(there, back);
}
