//! What the system allows this process.

use rustix::process::{Resource, getrlimit};

use super::Finding;

/// What the server needs for its default of 10,000 connections, and for itself.
const OPEN_FILES: u64 = 10_256;

/// Looks at the limits that a server started from here would have.
pub fn examine() -> Vec<Finding> {
    vec![open_files(getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX))]
}

fn open_files(most: u64) -> Finding {
    if most < OPEN_FILES {
        let found = format!("at most {most}, for 10,000 connections {OPEN_FILES} are needed");
        let advice = "raise it: LimitNOFILE= in the unit, ulimit -Hn in a shell; fewer connections work as well";
        return Finding::warn("open files", found, advice);
    }
    Finding::ok("open files", format!("at most {most}"))
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn too_few_open_files_are_told() {
        assert_eq!(open_files(1024).state, State::Warn);
        assert_eq!(open_files(OPEN_FILES).state, State::Ok);
    }
}
