//! The embedded engine keeps the promises of an engine: on a real folder, on the simulated disk,
//! and when every restart comes after a power cut.
#![cfg(not(feature = "shuttle"))] // whose locks work in the schedule explorer alone
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use engine::Engine;
use engine::conformance::Instance;
use engine::embedded::{Embedded, Options, open};
use journal::disk::{Disk, PowerLoss, RealDisk, SimDisk};
use journal::{Currency, Genesis, LedgerId, Sizes};
use tempfile::TempDir;

mod on_a_folder {
    engine::conformance_suite!(super::on_a_folder, 64);
}

mod on_the_simulated_disk {
    engine::conformance_suite!(super::on_the_simulated_disk, 1024);
}

mod with_power_cuts {
    engine::conformance_suite!(super::with_power_cuts, 1024);
}

async fn on_a_folder() -> Instance {
    let folder = tempfile::tempdir().unwrap();
    instance(Folder::Real(folder))
}

async fn on_the_simulated_disk() -> Instance {
    instance(Folder::Simulated(SimDisk::new(), SimDisk::new()))
}

async fn with_power_cuts() -> Instance {
    instance(Folder::LosingPower(SimDisk::new(), SimDisk::new(), 0))
}

/// What is left when the engine has stopped. Of two disks the second is the index's.
enum Folder {
    Real(TempDir),
    Simulated(SimDisk, SimDisk),
    /// The seed of the next power cut.
    LosingPower(SimDisk, SimDisk, u64),
}

fn instance(folder: Folder) -> Instance {
    match folder {
        Folder::Real(folder) => {
            let disk = RealDisk::open(folder.path()).unwrap();
            let (index_disk, _) = RealDisk::open_or_create(&folder.path().join("index")).unwrap();
            over(disk, index_disk, move |engine| {
                engine.close().unwrap();
                Folder::Real(folder)
            })
        }
        Folder::Simulated(disk, index_disk) => {
            over(disk.clone(), index_disk.clone(), move |engine| {
                engine.close().unwrap();
                Folder::Simulated(disk, index_disk)
            })
        }
        Folder::LosingPower(disk, index_disk, seed) => {
            over(disk.clone(), index_disk.clone(), move |engine| {
                disk.power_loss(seed, PowerLoss::Strict);
                index_disk.power_loss(seed, PowerLoss::Strict);
                // Its threads end; what they still try on the lost disks fails.
                drop(engine.close());
                Folder::LosingPower(disk, index_disk, seed + 1)
            })
        }
    }
}

/// An engine over `disk` and `index_disk`; `stop` ends it and hands back its folder.
fn over<D: Disk>(
    disk: D,
    index_disk: D,
    stop: impl FnOnce(&Embedded<D>) -> Folder + Send + 'static,
) -> Instance {
    let options = options();
    let disk = Arc::new(disk);
    let parts = open(Arc::clone(&disk), Arc::new(index_disk), &options).unwrap();
    let engine = Arc::new(Embedded::start(disk, parts, &options, Box::new(|_| {})));
    let running = Running { engine: Arc::clone(&engine), stop: Some(Box::new(stop)) };
    let reopen = move || {
        // The old engine is gone before the new one looks for the folder's lock.
        let folder = running.stop();
        let reopened: engine::BoxFuture<'static, Instance> =
            Box::pin(async move { instance(folder) });
        reopened
    };
    let engine: Arc<dyn Engine> = engine;
    Instance { engine, reopen: Box::new(reopen) }
}

type Stop<D> = Box<dyn FnOnce(&Embedded<D>) -> Folder + Send>;

/// Stops the engine also when a case ends without reopening it, so that no thread outlives it.
struct Running<D: Disk> {
    engine: Arc<Embedded<D>>,
    stop: Option<Stop<D>>,
}

impl<D: Disk> Running<D> {
    fn stop(mut self) -> Folder {
        let stop = self.stop.take().unwrap();
        stop(&self.engine)
    }
}

impl<D: Disk> Drop for Running<D> {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            drop(stop(&self.engine));
        }
    }
}

/// Small files, groups, buffers, runs and tables, so that every limit of them is met.
fn options() -> Options {
    let ledger = LedgerId(0x5a1d0);
    let currency = Currency::new("BRL").unwrap();
    let sizes = Sizes {
        group_bytes_max: 4 << 10,
        segment_bytes_max: 64 << 10,
        pad_step_bytes_min: 4 << 10,
        pad_step_bytes_max: 64 << 10,
    };
    Options {
        sizes,
        buffer_bytes_max: 128 << 10,
        checkpoint_bytes: 32 << 10,
        index: history::Options {
            chunk_events: 4,
            run_events: 16,
            merge_fan_in: 2,
            ..history::Options::default()
        },
        index_lag_events_max: 64,
        recent_slots: 16,
        ..Options::new(Genesis { ledger, currency })
    }
}
