//! One connection at a time: dialling, reading, writing.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// The connection, or what there is of it.
pub(crate) enum Link {
    Idle,
    Dialling(Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>),
    Open(Box<Open>),
}

pub(crate) struct Open {
    reading: OwnedReadHalf,
    writing: OwnedWriteHalf,
    read: Vec<u8>,
    unsent: Vec<u8>,
}

/// What a connection has to tell.
pub(crate) enum Arrival {
    Connected,
    Failed,
    /// So many bytes, to be had from [`Link::bytes`].
    Bytes(usize),
    Closed,
}

impl Link {
    /// Resolves a name and dials all its addresses, one after the other, from the `attempt`th on.
    pub(crate) fn dial(server: String, attempt: usize) -> Self {
        Link::Dialling(Box::pin(async move {
            let mut addresses: Vec<SocketAddr> = tokio::net::lookup_host(server).await?.collect();
            if !addresses.is_empty() {
                let first = attempt % addresses.len();
                addresses.rotate_left(first);
            }
            let stream = TcpStream::connect(&addresses[..]).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        }))
    }

    /// The next thing the connection has to tell; never, when there is none. Nothing is lost when
    /// this future is dropped.
    pub(crate) async fn next(&mut self) -> Arrival {
        match self {
            Link::Idle => std::future::pending().await,
            Link::Dialling(dialling) => match dialling.await {
                Ok(stream) => {
                    let (reading, writing) = stream.into_split();
                    let (read, unsent) = (vec![0; READ_BYTES], Vec::new());
                    *self = Link::Open(Box::new(Open {
                        reading,
                        writing,
                        read,
                        unsent,
                    }));
                    Arrival::Connected
                }
                Err(_) => {
                    *self = Link::Idle;
                    Arrival::Failed
                }
            },
            Link::Open(open) => {
                let arrival = open.next().await;
                if let Arrival::Closed = arrival {
                    *self = Link::Idle;
                }
                arrival
            }
        }
    }

    /// The first `count` bytes that were read last.
    pub(crate) fn bytes(&self, count: usize) -> &[u8] {
        match self {
            Link::Open(open) => &open.read[..count],
            Link::Idle | Link::Dialling(_) => &[],
        }
    }

    /// Takes bytes to be sent as soon as the socket takes them.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        if let Link::Open(open) = self {
            open.unsent.extend_from_slice(bytes);
        }
    }
}

impl Open {
    async fn next(&mut self) -> Arrival {
        loop {
            let Open {
                reading,
                writing,
                read,
                unsent,
            } = self;
            tokio::select! {
                biased;
                written = writing.write(unsent), if !unsent.is_empty() => match written {
                    Ok(0) | Err(_) => return Arrival::Closed,
                    Ok(count) => drop(unsent.drain(..count)),
                },
                count = reading.read(read) => return match count {
                    Ok(0) | Err(_) => Arrival::Closed,
                    Ok(count) => Arrival::Bytes(count),
                },
            }
        }
    }
}

const READ_BYTES: usize = 64 * 1024;
