//! A TCP proxy that can close connections and lose data, and counts replies.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A proxy in front of a port of 127.0.0.1.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    open: Mutex<Vec<TcpStream>>,
    ended: AtomicBool,
    /// The direction in which the next data is lost, and how often data was lost.
    loses: Mutex<Option<Lost>>,
    lost: AtomicUsize,
    replied: AtomicU64,
}

/// The direction in which data is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// From the client to the server.
    Request,
    /// From the server to the client.
    Reply,
}

impl Proxy {
    /// Starts a proxy in front of a port.
    ///
    /// # Panics
    /// If no port is free.
    #[must_use]
    pub fn before(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let state = Arc::new(State::default());
        let shared = state.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if shared.ended.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(client) = client else { continue };
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) else { continue };
                let pairs = [
                    (client.try_clone(), server.try_clone(), Lost::Request),
                    (server.try_clone(), client.try_clone(), Lost::Reply),
                ];
                for (from, to, what) in pairs {
                    let (Ok(from), Ok(to)) = (from, to) else { continue };
                    let state = shared.clone();
                    std::thread::spawn(move || copy(from, to, what, &state));
                }
                let mut open = shared.open.lock().unwrap_or_else(PoisonError::into_inner);
                open.extend([client, server]);
            }
        });
        Self { port, state }
    }

    /// The port of the proxy.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Loses the next data in this direction, and closes its connection.
    pub fn lose_next(&self, what: Lost) {
        *self.state.loses.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
    }

    /// How often data was lost.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.state.lost.load(Ordering::Relaxed)
    }

    /// The bytes that the server has sent to all clients.
    #[must_use]
    pub fn replied(&self) -> u64 {
        self.state.replied.load(Ordering::Relaxed)
    }

    /// Closes all connections and returns their number. New ones are accepted.
    pub fn cut(&self) -> usize {
        let mut open = self.state.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.len() / 2;
        for stream in open.drain(..) {
            // Fails if it is closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
        count
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, what: Lost, state: &State) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let loses = state.loses.lock().unwrap_or_else(PoisonError::into_inner).take_if(|lost| *lost == what);
        if loses.is_some() {
            state.lost.fetch_add(1, Ordering::Relaxed);
            break;
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
        if what == Lost::Reply {
            state.replied.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
        self.cut();
        // Wakes the listener, which then ends.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}
