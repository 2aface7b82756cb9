//! Requests that change something.

use super::{Client, Created, Node, mismatch, node};
use crate::error::{Error, MultiError, whole};
use client_core::{
    ClientRequest, Create, CreateMode, CreateReply, MultiOp, PartResponse, Response,
};
use zk_types::{Acl, Stat};

impl Client {
    /// Creates a node.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn create(
        &self,
        path: &str,
        data: &[u8],
        mode: CreateMode,
        acl: &[Acl],
    ) -> Result<Created, Error> {
        let request = ClientRequest::Create(Create {
            path: path.to_owned(),
            data: Some(data.to_vec()),
            acl: acl.to_vec(),
            mode,
            reply: CreateReply::PathAndStat,
        });
        let response = self.ask("create", path, request).await?;
        let Response::Created {
            path,
            stat: Some(stat),
        } = response
        else {
            mismatch()
        };
        Ok(Created { path, stat })
    }

    /// Deletes a node without children.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete(&self, path: &str, version: Option<i32>) -> Result<(), Error> {
        let request = ClientRequest::Delete {
            path: path.to_owned(),
            version,
        };
        self.ask("delete", path, request).await.map(drop)
    }

    /// Sets a node's data.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn set_data(
        &self,
        path: &str,
        data: &[u8],
        version: Option<i32>,
    ) -> Result<Stat, Error> {
        let data = Some(data.to_vec());
        let request = ClientRequest::SetData {
            path: path.to_owned(),
            data,
            version,
        };
        self.ask("set_data", path, request)
            .await
            .map(|response| set(&response))
    }

    /// Sets a node's access list; `version` is that of the list.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn set_acl(
        &self,
        path: &str,
        acl: &[Acl],
        version: Option<i32>,
    ) -> Result<Stat, Error> {
        let acl = acl.to_vec();
        let request = ClientRequest::SetAcl {
            path: path.to_owned(),
            acl,
            version,
        };
        self.ask("set_acl", path, request)
            .await
            .map(|response| set(&response))
    }

    /// Several writes, all or nothing; returns the result of each.
    ///
    /// # Errors
    /// See [`MultiError`].
    pub async fn multi(&self, ops: Vec<MultiOp>) -> Result<Vec<PartResponse>, MultiError> {
        let paths: Vec<String> = ops.iter().map(|op| path_of(op).to_owned()).collect();
        let response = self.ask("multi", "", ClientRequest::Multi(ops)).await?;
        let Response::Multi(parts) = response else {
            mismatch()
        };
        whole(parts, |index| {
            paths.into_iter().nth(index).unwrap_or_default()
        })
    }

    /// Adds `joining` servers (as `server.N=` lines) and removes the `leaving` ones (as ids);
    /// `version` is that of the configuration this changes. Returns the new configuration.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn reconfig(
        &self,
        joining: Option<&str>,
        leaving: Option<&str>,
        version: Option<i64>,
    ) -> Result<Node, Error> {
        let request = ClientRequest::Reconfig {
            joining: joining.map(str::to_owned),
            leaving: leaving.map(str::to_owned),
            members: None,
            version,
        };
        self.ask("reconfig", "", request).await.map(node)
    }

    /// Replaces the whole configuration by `members`, as `server.N=` lines.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn reconfig_members(
        &self,
        members: &str,
        version: Option<i64>,
    ) -> Result<Node, Error> {
        let request = ClientRequest::Reconfig {
            joining: None,
            leaving: None,
            members: Some(members.to_owned()),
            version,
        };
        self.ask("reconfig", "", request).await.map(node)
    }
}

fn set(response: &Response) -> Stat {
    let Response::Set(stat) = response else {
        mismatch()
    };
    *stat
}

fn path_of(op: &MultiOp) -> &str {
    match op {
        MultiOp::Create(create) => &create.path,
        MultiOp::Delete { path, .. }
        | MultiOp::SetData { path, .. }
        | MultiOp::Check { path, .. } => path,
    }
}
