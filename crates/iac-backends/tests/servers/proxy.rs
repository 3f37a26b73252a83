//! A connection that breaks: a proxy before a server, which cuts what goes through it as it is told.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The point at which a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It is closed as soon as it is opened.
    AtOnce,
    /// The client's request reaches the server, and then the connection is closed before an answer comes back.
    BeforeTheAnswer,
    /// This many bytes of answers come back.
    After(usize),
}

/// A proxy on a port of its own.
pub(crate) struct Proxy {
    pub(crate) address: String,
    cuts: Arc<Mutex<Vec<Cut>>>,
}

impl Proxy {
    /// A proxy before a server.
    pub(crate) async fn before(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap().to_string(),
            cuts: Arc::default(),
        };
        let cuts = Arc::clone(&proxy.cuts);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server.clone(), Arc::clone(&cuts)));
            }
        });
        proxy
    }

    /// The next answers are cut like this, one connection each.
    pub(crate) fn cut(&self, cuts: &[Cut]) {
        *self.cuts.lock().unwrap() = cuts.to_vec();
    }

    /// True if all cuts that were asked for have been made.
    pub(crate) fn is_through(&self) -> bool {
        self.cuts.lock().unwrap().is_empty()
    }
}

fn next(cuts: &Mutex<Vec<Cut>>) -> Option<Cut> {
    let mut cuts = cuts.lock().unwrap();
    if cuts.is_empty() { None } else { Some(cuts.remove(0)) }
}

/// Passes on what comes, until it is cut. A cut that is asked for while a connection is open counts from the client's next
/// words on.
async fn pass(mut client: TcpStream, server: String, cuts: Arc<Mutex<Vec<Cut>>>) {
    let mut server = TcpStream::connect(server).await.unwrap();
    let (mut sent, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut cut = None;
    let mut left = usize::MAX;
    loop {
        tokio::select! {
            read = client.read(&mut sent) => {
                let Ok(length @ 1..) = read else { return };
                if cut.is_none() {
                    cut = next(&cuts);
                }
                match cut {
                    Some(Cut::AtOnce) => return,
                    Some(Cut::BeforeTheAnswer) => left = 0,
                    Some(Cut::After(bytes)) => left = left.min(bytes),
                    None => {}
                }
                if server.write_all(&sent[..length]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                let passed = length.min(left);
                if client.write_all(&answered[..passed]).await.is_err() || passed < length {
                    return;
                }
                left -= if left == usize::MAX { 0 } else { passed };
            }
        }
    }
}
