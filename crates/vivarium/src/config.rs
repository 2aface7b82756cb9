//! `zoo.cfg` and its companions: from text to a configuration that can be run, without touching a
//! file or a clock.

mod auth;
mod jaas;
mod keys;
mod limits;
pub(crate) mod nearest;
mod properties;
mod server_config;
mod settings;

pub use keys::{Class, KEYS, KeyGroup, Origin, find_key};
pub use properties::{PropertiesError, Property, parse_properties};
pub use replica::{ClientAddress, PeerRole, ServerLine, ServerLineError};
pub use server_config::{BACKLOG, PeerListenOn, ReadFile, ServerConfig};
pub use settings::{ConfigError, Define, Place, Settings, Warning};

#[cfg(test)]
mod client_rules_tests;
#[cfg(test)]
mod tests;
