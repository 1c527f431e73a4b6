//! Passwords of people, by Argon2id: 19 MiB, two passes, one lane. Each call takes that memory and a
//! core for tens of milliseconds.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};

use crate::error::Refusal;

/// Fewest bytes of a password.
pub const PASSWORD_BYTES_MIN: usize = 12;
/// Most bytes of a password.
pub const PASSWORD_BYTES_MAX: usize = 1024;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Most memory that a hash in the file may ask for, and most passes: a log-in must not stop the bank.
const MEMORY_KIB_MAX: u32 = 256 * 1024;
const PASSES_MAX: u32 = 16;
const LANES_MAX: u32 = 4;

/// A hash of nobody's password. Verified for users who do not exist, so that they take as long.
pub(crate) const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsZG8vYWNjZXNzLzE$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn argon2() -> Result<Argon2<'static>, Refusal> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| Refusal::Hashing)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The hash to keep, in PHC form, with a random salt. Errors: `PasswordLength`, `Hashing`.
pub(crate) fn hash(password: &str) -> Result<String, Refusal> {
    let bytes = password.len();
    if !(PASSWORD_BYTES_MIN..=PASSWORD_BYTES_MAX).contains(&bytes) {
        return Err(Refusal::PasswordLength { bytes });
    }
    let hash = argon2()?.hash_password(password.as_bytes()).map_err(|_| Refusal::Hashing)?;
    Ok(hash.to_string())
}

/// Whether this is the password. Takes the same time for each password of any length.
pub(crate) fn verify(password: &str, hash: &str) -> bool {
    let Ok(argon2) = argon2() else { return false };
    let is_long = password.len() > PASSWORD_BYTES_MAX;
    let password = if is_long { "" } else { password };
    argon2.verify_password(password.as_bytes(), hash).is_ok() && !is_long
}

/// Whether a hash of the file is one of ours: Argon2id, not weaker than now, and affordable.
pub(crate) fn is_sound(hash: &str) -> bool {
    let Ok(parsed) = PasswordHash::new(hash) else { return false };
    let Ok(params) = Params::try_from(&parsed) else { return false };
    parsed.algorithm.as_str() == "argon2id"
        && parsed.hash.is_some()
        && parsed.salt.is_some()
        && (MEMORY_KIB..=MEMORY_KIB_MAX).contains(&params.m_cost())
        && (PASSES..=PASSES_MAX).contains(&params.t_cost())
        && (LANES..=LANES_MAX).contains(&params.p_cost())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_again_by_its_hash_alone() {
        let kept = hash("correct horse").unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(is_sound(&kept) && !kept.contains("horse"));
        assert!(verify("correct horse", &kept));
        for other in ["correct horsf", "correct horse ", "", "Correct horse"] {
            assert!(!verify(other, &kept), "{other}");
        }
        assert_ne!(kept, hash("correct horse").unwrap());
    }

    #[test]
    fn a_password_has_12_to_1024_bytes() {
        let refused = |text: &str| matches!(hash(text), Err(Refusal::PasswordLength { .. }));
        assert!(refused("elevenbytes") && !refused("twelve bytes"));
        assert!(refused(&"x".repeat(1025)) && !refused(&"x".repeat(1024)));
        assert!(!verify(&"x".repeat(1025), &hash(&"x".repeat(1024)).unwrap()));
    }

    #[test]
    fn nobody_is_hashed_like_everybody_and_has_no_password() {
        assert!(is_sound(NOBODY));
        let costs = |hash: &str| hash.split('$').nth(3).map(str::to_owned);
        assert_eq!(costs(NOBODY), costs(&hash("correct horse").unwrap()));
        assert!(!verify("", NOBODY) && !verify("correct horse", NOBODY));
    }

    #[test]
    fn a_hash_that_is_weak_foreign_or_ruinous_is_not_taken() {
        for (from, to) in [
            ("argon2id", "argon2i"),
            ("m=19456", "m=8192"),
            ("m=19456", "m=4194304"),
            ("t=2", "t=1"),
            ("t=2", "t=1000"),
            ("p=1", "p=64"),
            ("$AAAA", "$!AAA"),
        ] {
            assert!(!is_sound(&NOBODY.replacen(from, to, 1)), "{to}");
        }
        assert!(!is_sound("") && !is_sound("secret"));
    }
}
