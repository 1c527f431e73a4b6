//! The index from outside: against a naive one, through crashes at every call to the disk, and over
//! files that are cut or changed in every byte.

mod against_naive;
mod bytes;
mod crashes;
mod damage;
mod journal_like;
mod naive;
mod random;
