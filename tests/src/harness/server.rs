//! A running `saldo serve`: started on a free port, awaited, signalled, killed.
//!
//! **Invariant:** no server outlives its test: dropping one kills it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::run::{clean, end, wait};
use super::{DEADLINE, Ended, Folder, Strace, Wire, saldo, until};

/// A server about to be started.
pub struct Serve {
    data: PathBuf,
    listen: String,
    flags: Vec<String>,
    /// What is logged, as `SALDO_LOG` has it.
    log: &'static str,
    strace: Option<Strace>,
}

/// A server that is ready, or was.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it speaks HTTP, if it does.
    pub http: Option<SocketAddr>,
    process: Process,
}

/// A server process with what it says.
struct Process {
    child: Mutex<Child>,
    stdout: Mutex<Receiver<String>>,
    stderr: Arc<Mutex<String>>,
    reading_stderr: Option<JoinHandle<()>>,
}

impl Serve {
    /// On this folder, on a free port.
    pub fn on(folder: &Folder) -> Self {
        Self::at(&folder.data())
    }

    /// On the folder at this path.
    pub fn at(data: &Path) -> Self {
        let listen = "127.0.0.1:0".to_owned();
        Self { data: data.to_path_buf(), listen, flags: Vec::new(), log: "info", strace: None }
    }

    /// On this address.
    pub fn listen(mut self, address: &str) -> Self {
        address.clone_into(&mut self.listen);
        self
    }

    /// With a flag and its value.
    pub fn flag(mut self, name: &str, value: impl ToString) -> Self {
        self.flags.extend([name.to_owned(), value.to_string()]);
        self
    }

    /// Saying more in its log.
    pub fn talkative(mut self) -> Self {
        self.log = "debug";
        self
    }

    /// With files, checkpoints and runs of the index so small that all of them happen all the time.
    pub fn small(self) -> Self {
        self.flag("--segment-bytes", 65_536)
            .flag("--checkpoint-bytes", 32_768)
            .flag("--index-run-events", 256)
    }

    /// Under strace.
    pub fn under(mut self, strace: Strace) -> Self {
        self.strace = Some(strace);
        self
    }

    /// Starts it and waits until it is ready.
    pub fn start(self) -> Server {
        match self.start_or_end() {
            Ok(server) => server,
            Err(ended) => panic!("the server ended before it was ready: {ended:?}"),
        }
    }

    /// Starts it and waits until it is ready, or has ended before that.
    pub fn start_or_end(self) -> Result<Server, Ended> {
        let process = self.spawn();
        let Some(line) = process.next_stdout_line() else { return Err(process.wait()) };
        let ready = line.strip_prefix("saldo ready tcp=");
        let ready = ready.unwrap_or_else(|| panic!("not ready but: {line}"));
        let (address, http) = match ready.split_once(" http=http://") {
            Some((address, http)) => (address, Some(http.parse().unwrap())),
            None => (ready, None),
        };
        Ok(Server { address: address.parse().unwrap(), http, process })
    }

    /// Starts it and kills it as soon as `moment` says so, ready or not.
    pub fn start_and_kill(self, mut moment: impl FnMut() -> bool) {
        let process = self.spawn();
        loop {
            let ready =
                !matches!(locked(&process.stdout).try_recv(), Err(mpsc::TryRecvError::Empty));
            if ready || moment() {
                process.kill();
                process.wait();
                return;
            }
            std::hint::spin_loop();
        }
    }

    /// Runs it to its end, where it is expected not to start.
    pub fn refused(&self) -> Ended {
        end(&mut self.command(), b"")
    }

    fn command(&self) -> Command {
        let mut command = match &self.strace {
            Some(strace) => strace.command(),
            None => Command::new(saldo()),
        };
        clean(&mut command);
        command.env("SALDO_LOG", self.log);
        command.args(["serve", "--listen", &self.listen, "--data"]).arg(&self.data);
        if !self.flags.iter().any(|flag| flag == "--http" || flag == "--no-http") {
            command.args(["--http", "127.0.0.1:0"]);
        }
        command.args(&self.flags);
        command
    }

    fn spawn(&self) -> Process {
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = Mutex::new(lines(child.stdout.take().unwrap()));
        let stderr = Arc::new(Mutex::new(String::new()));
        let mut from = BufReader::new(child.stderr.take().unwrap());
        let into = stderr.clone();
        let reading_stderr = thread::spawn(move || {
            let mut line = Vec::new();
            while from.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                locked(&into).push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        let reading_stderr = Some(reading_stderr);
        Process { child: Mutex::new(child), stdout, stderr, reading_stderr }
    }
}

impl Server {
    /// Starts one on this folder.
    pub fn start(folder: &Folder) -> Self {
        Serve::on(folder).start()
    }

    /// A new connection to it.
    pub fn connect(&self) -> Wire {
        Wire::connect(self.address)
    }

    /// Its process number.
    pub fn id(&self) -> u32 {
        locked(&self.process.child).id()
    }

    /// How much memory it holds, in bytes: proc(5).
    pub fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kilobytes: u64 = resident.trim().strip_suffix(" kB").unwrap().parse().unwrap();
        kilobytes << 10
    }

    /// What it has written to stderr so far.
    pub fn stderr(&self) -> String {
        locked(&self.process.stderr).clone()
    }

    /// Waits until it has written this to stderr.
    pub fn says(&self, text: &str) {
        until(text, || self.stderr().contains(text).then_some(()));
    }

    /// Ends it as a crash does; it may have ended before. Does not wait.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// Ends it as a crash does, and waits for the end.
    pub fn crash(self) -> Ended {
        self.process.kill();
        self.process.wait()
    }

    /// Sends a signal, named as `kill` names it.
    pub fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// Waits for its end.
    pub fn wait(self) -> Ended {
        self.process.wait()
    }

    /// Asks it to stop over the wire, and waits for its end.
    pub fn shut_down(self) -> Ended {
        let reply = self.connect().ask(r#"{"cmd":"shutdown"}"#);
        assert_eq!(reply["ok"], true, "{reply}");
        self.wait()
    }
}

impl Process {
    fn next_stdout_line(&self) -> Option<String> {
        match locked(&self.stdout).recv_timeout(DEADLINE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("not ready: {}", locked(&self.stderr)),
        }
    }

    fn kill(&self) {
        kill(&mut locked(&self.child));
    }

    fn wait(mut self) -> Ended {
        let status = wait(&mut locked(&self.child), "saldo serve");
        if let Some(reading) = self.reading_stderr.take() {
            reading.join().unwrap();
        }
        let stdout = locked(&self.stdout).try_iter().map(|line| line + "\n").collect();
        Ended { code: status.code(), stdout, stderr: locked(&self.stderr).clone() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut child = locked(&self.child);
        kill(&mut child);
        child.wait().unwrap();
    }
}

/// Kills a process, which may have ended before, and then who traces it: a tracer that stalls a
/// thread would keep what is left of it.
fn kill(child: &mut Child) {
    let tracer = tracer(child.id());
    child.kill().unwrap();
    if let Some(tracer) = tracer {
        signal(tracer, "KILL");
    }
}

/// Who traces a process: proc(5).
pub fn tracer(id: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"))?;
    tracer.trim().parse().ok().filter(|tracer| *tracer != 0)
}

/// Sends a signal to a process.
pub fn signal(id: u32, name: &str) {
    // The shell's own `kill`, which is everywhere. The process may have ended meanwhile.
    let kill = format!("kill -{name} {id} 2>/dev/null || true");
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

fn lines(stdout: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        while stdout.read_line(&mut line).is_ok_and(|count| count > 0) {
            if sender.send(line.trim_end().to_owned()).is_err() {
                // Nobody listens any more; the server must still be able to write.
                drop(stdout.read_to_end(&mut Vec::new()));
                return;
            }
            line.clear();
        }
    });
    receiver
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
