//! What the player says, read off its lines.

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Order {
    Prepare {
        servers: usize,
        clients: usize,
        lines: String,
    },
    Kill(usize),
    Start(usize),
    /// The data of a server that does not run go.
    Wipe(usize),
    Stop(usize),
    Continue(usize),
    /// Nothing passes here, and everything everywhere else.
    Block(Vec<Way>),
    /// Whether a server ended by itself.
    Look,
}

/// Who speaks and who listens, over connections to one port or to any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) from: Machine,
    pub(super) to: Machine,
    pub(super) port: Option<Port>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    Server(usize),
    Client(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Port {
    Quorum,
    Election,
    Client,
}

impl Order {
    pub(super) fn read(line: &str) -> Result<Order> {
        let order: Value = serde_json::from_str(line)?;
        let fields = order.as_object().context("an order is an object")?;
        let (verb, about) = fields.iter().next().context("an order has a verb")?;
        let server = || number(about);
        Ok(match verb.as_str() {
            "prepare" => Order::Prepare {
                servers: number(&about["servers"])?,
                clients: number(&about["clients"])?,
                lines: about["lines"]
                    .as_str()
                    .context("lines are text")?
                    .to_owned(),
            },
            "kill" => Order::Kill(server()?),
            "start" => Order::Start(server()?),
            "wipe" => Order::Wipe(server()?),
            "stop" => Order::Stop(server()?),
            "cont" => Order::Continue(server()?),
            "block" => {
                let ways = about.as_array().context("ways are a list")?;
                Order::Block(ways.iter().map(way).collect::<Result<_>>()?)
            }
            "look" => Order::Look,
            _ => bail!("nobody can {verb}"),
        })
    }
}

fn way(value: &Value) -> Result<Way> {
    Ok(Way {
        from: machine(&value["from"])?,
        to: machine(&value["to"])?,
        port: match value["port"].as_str() {
            None => None,
            Some("quorum") => Some(Port::Quorum),
            Some("election") => Some(Port::Election),
            Some("client") => Some(Port::Client),
            Some(other) => bail!("there is no port {other}"),
        },
    })
}

fn machine(value: &Value) -> Result<Machine> {
    match (value.get("Server"), value.get("Client")) {
        (Some(server), _) => Ok(Machine::Server(number(server)?)),
        (None, Some(client)) => Ok(Machine::Client(number(client)?)),
        (None, None) => bail!("{value} is neither a server nor a client"),
    }
}

fn number(value: &Value) -> Result<usize> {
    let number = value.as_u64().context("a number is missing")?;
    Ok(usize::try_from(number)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_and_nonsense_is_refused() {
        let read = |line: &str| Order::read(line).ok();
        assert_eq!(read(r#"{"kill":2}"#), Some(Order::Kill(2)));
        assert_eq!(read(r#"{"look":null}"#), Some(Order::Look));
        assert_eq!(
            read(r#"{"prepare":{"servers":3,"clients":1,"lines":"tickTime=200\n"}}"#),
            Some(Order::Prepare {
                servers: 3,
                clients: 1,
                lines: "tickTime=200\n".to_owned()
            })
        );
        let block = r#"{"block":[{"from":{"Server":0},"to":{"Client":1},"port":null},
                                 {"from":{"Server":0},"to":{"Server":1},"port":"quorum"}]}"#;
        let way = |to, port| Way {
            from: Machine::Server(0),
            to,
            port,
        };
        assert_eq!(
            read(block),
            Some(Order::Block(vec![
                way(Machine::Client(1), None),
                way(Machine::Server(1), Some(Port::Quorum)),
            ]))
        );
        for nonsense in [
            "",
            "{}",
            r#"{"kill":"s1"}"#,
            r#"{"fly":1}"#,
            r#"{"block":[{}]}"#,
        ] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }
}
