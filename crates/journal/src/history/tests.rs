//! Histories told in parts and by many threads.
