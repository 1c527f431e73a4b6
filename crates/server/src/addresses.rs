//! How many connections each address has.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The addresses that have connections, when there is a limit to each.
pub(crate) struct Addresses(Option<Arc<Counts>>);

struct Counts {
    per_address_max: usize,
    list: Mutex<HashMap<IpAddr, usize>>,
}

impl Counts {
    fn list(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection of an address; dropped, it is free.
pub(crate) struct Seat {
    counts: Arc<Counts>,
    address: IpAddr,
}

impl Addresses {
    /// No more than so many connections of each; `None`: any number.
    pub(crate) fn new(per_address_max: Option<usize>) -> Self {
        Self(
            per_address_max.map(|per_address_max| {
                Arc::new(Counts { per_address_max, list: Mutex::default() })
            }),
        )
    }

    /// A seat for one more of `address`. Errors: the limit, when it has as many as it may have.
    pub(crate) fn take(&self, address: IpAddr) -> Result<Option<Seat>, usize> {
        let Some(counts) = &self.0 else { return Ok(None) };
        // The same machine, however its address is written.
        let address = address.to_canonical();
        let mut list = counts.list();
        let count = list.entry(address).or_default();
        if *count >= counts.per_address_max {
            return Err(counts.per_address_max);
        }
        *count += 1;
        Ok(Some(Seat { counts: counts.clone(), address }))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut list = self.counts.list();
        if let Some(count) = list.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                list.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_seats_and_others_have_their_own() {
        let addresses = Addresses::new(Some(2));
        let [one, other]: [IpAddr; 2] = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse().unwrap());
        let mapped: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
        let seats = [addresses.take(one), addresses.take(mapped)];
        assert_eq!(addresses.take(one).err(), Some(2));
        assert!(addresses.take(other).is_ok());
        drop(seats);
        assert!(addresses.take(one).is_ok());
        assert_eq!(addresses.0.as_ref().map(|counts| counts.list().len()), Some(0));
    }
}
