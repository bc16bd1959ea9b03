//! Ids and secrets: random, or always the same ones from a seed.
//! Knows nothing of what they identify.

use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

/// A source of ids.
#[derive(Debug)]
pub struct Ids {
    seed: [u8; 32],
    given: u64,
}

impl Ids {
    /// Ids that follow from a seed, or random ones.
    pub fn new(seed: Option<u64>) -> Self {
        let mut bytes = [0; 32];
        match seed {
            Some(seed) => bytes[..8].copy_from_slice(&seed.to_le_bytes()),
            None => {
                // Without randomness the ids are those of seed 0: still good for tests.
                let _ = SystemRandom::new().fill(&mut bytes);
            }
        }
        Self {
            seed: bytes,
            given: 0,
        }
    }

    /// The next id: 64 hexadecimal digits.
    pub fn next(&mut self) -> String {
        self.given += 1;
        let mut text = self.seed.to_vec();
        text.extend_from_slice(&self.given.to_le_bytes());
        hex(digest(&SHA256, &text).as_ref())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
