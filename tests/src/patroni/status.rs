//! What the managers of a cluster say over their own interface.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long one of them may take to answer; a frozen one never does.
const PATIENCE: Duration = Duration::from_secs(3);

/// What each of them sees; `None` for one that does not answer, or does not know.
#[derive(Debug)]
pub struct Status([Option<Vec<Member>>; 3]);

#[derive(Debug, PartialEq, Eq)]
struct Member {
    node: usize,
    role: String,
    state: String,
    timeline: Option<u64>,
}

impl Status {
    /// Asks the managers at these ports.
    pub fn ask(ports: [u16; 3]) -> Self {
        Self(ports.map(|port| members(&get(port, "/cluster")?)))
    }

    /// The primary, where all who answer agree.
    pub fn leader(&self) -> Option<usize> {
        self.one_of_role("leader")
    }

    /// The synchronous standby, where all who answer agree.
    pub fn sync(&self) -> Option<usize> {
        self.one_of_role("sync_standby")
    }

    /// Whether all answer, and see all run: one primary, one synchronous standby, all on one
    /// timeline.
    pub fn is_whole(&self) -> bool {
        self.leader().is_some()
            && self.sync().is_some()
            && self.0.iter().all(|seen| {
                let Some(members) = seen else { return false };
                members.len() == 3
                    && members.iter().all(|member| {
                        ["running", "streaming"].contains(&&*member.state)
                            && member.timeline.is_some()
                            && member.timeline == members[0].timeline
                    })
            })
    }

    fn one_of_role(&self, role: &str) -> Option<usize> {
        let mut all = self.0.iter().flatten().map(|members| {
            let mut of_role = members.iter().filter(|member| member.role == role);
            let first = of_role.next().map(|member| member.node);
            first.filter(|_| of_role.next().is_none())
        });
        let first = all.next()??;
        all.all(|other| other == Some(first)).then_some(first)
    }
}

/// Whether the manager at this port takes its node for the primary.
pub fn is_primary(port: u16) -> bool {
    get(port, "/primary")
        .is_some_and(|reply| reply.lines().next().is_some_and(|first| first.contains(" 200 ")))
}

fn members(reply: &str) -> Option<Vec<Member>> {
    let (_, body) = reply.split_once("\r\n\r\n")?;
    let cluster: Value = serde_json::from_str(body).ok()?;
    let members = cluster["members"].as_array()?.iter().map(|member| {
        Some(Member {
            node: member["name"].as_str()?.strip_prefix('p')?.parse().ok()?,
            role: member["role"].as_str()?.to_owned(),
            state: member["state"].as_str()?.to_owned(),
            timeline: member["timeline"].as_u64(),
        })
    });
    members.collect()
}

/// A page; `None` when there is no answer in time.
fn get(port: u16, path: &str) -> Option<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).ok()?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).ok()?;
    Some(String::from_utf8_lossy(&reply).into_owned())
}
