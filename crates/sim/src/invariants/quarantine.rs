//! History is never shortened in silence: bytes behind the last seal stand in `quarantine/`,
//! durably, before the active file loses them, even when recovery itself is cut short.

use journal::{ACTIVE, Report};

use crate::image::Image;
use crate::order::Surviving;
use crate::violation::{Broken, Holds};

const INVARIANT: &str = "what recovery cuts was set aside first";

/// The torn tail that recovery found.
#[derive(Debug)]
pub(crate) struct Torn {
    /// The active file as it was.
    active: Vec<u8>,
    /// The bytes that no seal proves.
    tail: Vec<u8>,
}

impl Torn {
    /// The torn tail of what a crash left, if there is one.
    pub(crate) fn of(surviving: &Surviving<'_>, image: &Image) -> Option<Self> {
        let (start, end) = surviving.survey.torn_tail()?;
        let active = image.bytes(ACTIVE)?.to_vec();
        let tail = active.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)?.to_vec();
        Some(Self { active, tail })
    }

    /// At any moment of recovery: the active file is as it was, or the tail is set aside. `seen`
    /// is what the server sees, `durable` what a power cut would leave.
    pub(crate) fn is_kept(&self, seen: &Image, durable: &Image) -> Holds {
        let uncut = seen.bytes(ACTIVE) == Some(&*self.active);
        let mut kept = durable.files().filter(|(name, _)| name.starts_with("quarantine/"));
        if uncut || kept.any(|(_, bytes)| bytes == self.tail) {
            return Ok(());
        }
        let bytes = self.tail.len();
        Err(Broken::new(INVARIANT, format!("{bytes} bytes were cut and are in no file")))
    }
}

/// After recovery: it says what it cut, where it stands, and that is it.
pub(crate) fn is_reported(torn: Option<&Torn>, report: &Report, durable: &Image) -> Holds {
    let holds = match (torn, &report.torn_tail) {
        (None, None) => true,
        (Some(torn), Some((bytes, name))) => {
            *bytes == torn.tail.len() as u64 && durable.bytes(name) == Some(&*torn.tail)
        }
        _ => false,
    };
    if holds {
        return Ok(());
    }
    let tail = torn.map(|torn| torn.tail.len());
    Err(Broken::new(INVARIANT, format!("{tail:?} bytes torn, reported {:?}", report.torn_tail)))
}
