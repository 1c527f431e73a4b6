//! What a bank in a folder tells the HTTP door about itself, and what it can be told to do there.

use std::path::Path;
use std::sync::Arc;

use engine::chain;
use engine::embedded::Embedded;
use journal::Genesis;
use journal::disk::RealDisk;
use web::{Care, Facts, Keeper, Proven};

use crate::proof;

/// The facts of a bank in the folder `data`.
pub fn facts(genesis: &Genesis, engine: &Arc<Embedded<RealDisk>>, data: &Path) -> Facts {
    let data = data.to_path_buf();
    let engine = Arc::clone(engine);
    let care = Care {
        verify: Arc::new(move |tell| verify(&data, tell)),
        checkpoint: Arc::new(move || engine.checkpoint().map_err(|error| chain(&error))),
    };
    Facts {
        ledger: Some(genesis.ledger.to_hex()),
        currency: Some(genesis.currency.as_str().to_owned()),
        keeper: Keeper::Folder,
        care: Some(care),
        ..Facts::default()
    }
}

/// Proves the folder beside its running server, as `saldo verify` does.
fn verify(data: &Path, tell: &dyn Fn(u64)) -> Result<Proven, String> {
    let proven = proof::open(data).and_then(|disk| {
        proof::read(&disk, || journal::verify(&disk, None, |seq| tell(seq.get())))
    });
    match proven {
        Ok((proof, _)) => Ok(Proven {
            seq: proof.last.get(),
            accounts_count: proof.accounts_count,
            sum: proof.sum,
            seal: proof.seal.to_string(),
        }),
        Err(failure) => Err(failure.text().to_owned()),
    }
}
