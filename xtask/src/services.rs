//! Keeps packages that are being installed from starting their services: the tests start servers of
//! their own, and a machine is left as it was found.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Whom Debian's packages ask whether they may start a service: invoke-rc.d(8).
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// "Not allowed", in the exit codes of invoke-rc.d(8).
const NOT_ALLOWED: &str = "#!/bin/sh\nexit 101\n";

/// No service is started for as long as this is held.
pub struct NoServices {
    policy: PathBuf,
    before: Option<(Vec<u8>, Permissions)>,
}

impl NoServices {
    /// From now on. The policy that there was is put back at the end.
    pub fn hold() -> Result<Self> {
        Self::at(Path::new(POLICY)).context(POLICY)
    }

    fn at(policy: &Path) -> io::Result<Self> {
        let before = match fs::read(policy) {
            Ok(bytes) => Some((bytes, fs::metadata(policy)?.permissions())),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        // Whatever fails from here on, what there was is put back.
        let held = Self { policy: policy.to_path_buf(), before };
        fs::write(policy, NOT_ALLOWED)?;
        fs::set_permissions(policy, Permissions::from_mode(0o755))?;
        Ok(held)
    }

    fn put_back(&self) -> io::Result<()> {
        match &self.before {
            Some((bytes, permissions)) => {
                fs::write(&self.policy, bytes)?;
                fs::set_permissions(&self.policy, permissions.clone())
            }
            None => fs::remove_file(&self.policy),
        }
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if let Err(error) = self.put_back() {
            eprintln!("error: {} is not as it was: {error}", self.policy.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use super::NoServices;

    #[test]
    fn services_are_refused_while_it_is_held_and_the_policy_of_before_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let policy = folder.path().join("policy-rc.d");
        let mode = || fs::metadata(&policy).unwrap().permissions().mode() & 0o777;
        {
            let _held = NoServices::at(&policy).unwrap();
            assert_eq!(Command::new(&policy).status().unwrap().code(), Some(101));
        }
        assert!(!policy.exists());
        fs::write(&policy, "#!/bin/sh\nexit 0\n").unwrap();
        fs::set_permissions(&policy, Permissions::from_mode(0o700)).unwrap();
        {
            let _held = NoServices::at(&policy).unwrap();
            assert_eq!(Command::new(&policy).status().unwrap().code(), Some(101));
        }
        assert_eq!(fs::read_to_string(&policy).unwrap(), "#!/bin/sh\nexit 0\n");
        assert_eq!(mode(), 0o700);
    }
}
