//! Quotas on the script's own subtree.

use super::super::opcodes;
use super::super::script::{Base, Field, Request};
use super::Generator;

impl Generator {
    /// Sets a quota the way tools do: the node of the path, then limits, then usage.
    pub(super) fn set_quota(&mut self) {
        let Some(conn) = self.pick_open() else {
            return;
        };
        let node = if !self.alone && self.chance(70) {
            String::new()
        } else {
            let path = format!("/{}", self.pick(&["n0", "n1"]));
            self.create_quota_node(conn, "", Field::text(""));
            path
        };
        self.create_quota_node(conn, &node, Field::text(""));
        let limits = self.limits();
        self.create_quota_node(conn, &format!("{node}/zookeeper_limits"), limits);
        if self.chance(85) {
            let usage = Field::text("count=0,bytes=0");
            self.create_quota_node(conn, &format!("{node}/zookeeper_stats"), usage);
        }
    }

    fn create_quota_node(&mut self, conn: usize, path: &str, data: Field) {
        let fields = vec![
            Field::Text(Base::Quota, path.as_bytes().to_vec()),
            data,
            Field::OpenAcl,
            Field::Int(0),
        ];
        self.send(conn, Request::new(opcodes::CREATE, fields), false);
    }

    /// Limits as tools write them.
    pub(super) fn limits(&mut self) -> Field {
        let count = self.pick(&[-1, 1, 3, 5, 100]);
        let bytes = self.pick(&[-1, 0, 20, 200, 100_000]);
        let hard_count = self.pick(&[-1, -1, 2, 4, 8]);
        let hard_bytes = self.pick(&[-1, -1, 10, 100, 1_000]);
        let text = match self.below(5) {
            0 => format!("count={count},bytes={bytes}"),
            1 => {
                format!("count={count},bytes={bytes}=;byteHardLimit=-1;countHardLimit={hard_count}")
            }
            2 => {
                format!("count=-1,bytes=-1=;byteHardLimit={hard_bytes};countHardLimit={hard_count}")
            }
            3 => format!("count={count},bytes={bytes};countHardLimit={hard_count}"),
            _ => format!("bytes={bytes},count={count}"),
        };
        Field::text(&text)
    }
}
