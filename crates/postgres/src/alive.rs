//! Has the system find out that a host is gone: without it, whoever waits for an answer of a machine
//! that lost its power, or of a network that was cut, waits for ever.
//!
//! Not here: a host that stands still. Its kernel answers for it.

use std::io;

use rustix::net::sockopt;
use tokio::net::TcpStream;

/// Watches the connection: a host that does not answer the kernel's questions is given up within half a
/// minute, and so are bytes that it does not take.
pub(crate) fn watch(stream: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    #[cfg(target_os = "linux")]
    {
        use std::time::Duration;
        // Asked after 10 s of silence, three times.
        sockopt::set_tcp_keepidle(stream, Duration::from_secs(10))?;
        sockopt::set_tcp_keepintvl(stream, Duration::from_secs(5))?;
        sockopt::set_tcp_keepcnt(stream, 3)?;
        sockopt::set_tcp_user_timeout(stream, 30_000)?;
    }
    Ok(())
}
