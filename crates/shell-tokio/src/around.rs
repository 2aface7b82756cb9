//! What the loop touches of the world. In tests of this crate it is a script: the loop that they
//! drive is, word for word, the one that serves.

#[cfg(not(test))]
pub(crate) use crate::connection::Connection;
#[cfg(test)]
pub(crate) use crate::scripted::{Clock, Connection, Lanes, Stream, dial};
#[cfg(not(test))]
pub(crate) use crate::sockets::dial;
#[cfg(not(test))]
pub(crate) use shell_std::{Clock, Lanes};
#[cfg(not(test))]
pub(crate) use tokio::net::TcpStream as Stream;
