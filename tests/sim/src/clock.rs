//! The simulator's own clock: real time plus what the control API added.
//! Token ages, code deadlines, rate windows and the `Date` header hang on it.
//! Knows nothing of what the moments are used for.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;

/// Real monotonic time, moved by tests.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    wall_at_start_ms: i64,
    /// Milliseconds by which everything has been moved: ages, deadlines and dates.
    pub advanced_ms: i64,
    /// Milliseconds by which dates alone (`Date`, `created_at`) are off, without ageing anything.
    pub wall_offset_ms: i64,
}

impl Clock {
    /// A clock that agrees with the machine's.
    pub fn new() -> Self {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| millis(since.as_millis()));
        Self {
            started: Instant::now(),
            wall_at_start_ms: wall,
            advanced_ms: 0,
            wall_offset_ms: 0,
        }
    }

    /// Real milliseconds since the start, never moved.
    pub fn at_ms(&self) -> i64 {
        millis(self.started.elapsed().as_millis())
    }

    /// Simulated milliseconds since the start.
    pub fn sim_ms(&self) -> i64 {
        self.at_ms().saturating_add(self.advanced_ms)
    }

    /// The simulated date, milliseconds since 1970.
    pub fn wall_ms(&self) -> i64 {
        self.wall_at_start_ms
            .saturating_add(self.sim_ms())
            .saturating_add(self.wall_offset_ms)
    }

    /// The date of a simulated moment, milliseconds since 1970.
    pub fn wall_of(&self, sim_ms: i64) -> i64 {
        self.wall_ms() - self.sim_ms() + sim_ms
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

fn millis(value: u128) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn calendar(wall_ms: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(wall_ms.div_euclid(1000))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn http_date(wall_ms: i64) -> String {
    let at = calendar(wall_ms);
    format!(
        "{:.3}, {:02} {:.3} {:04} {:02}:{:02}:{:02} GMT",
        at.weekday().to_string(),
        at.day(),
        at.month().to_string(),
        at.year(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// `2014-09-01T09:10:11.000Z`, the way Trakt writes dates.
pub fn iso_date(wall_ms: i64) -> String {
    let at = calendar(wall_ms);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        wall_ms.rem_euclid(1000)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_like_trakt_does() {
        assert_eq!(http_date(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(iso_date(1_409_562_611_042), "2014-09-01T09:10:11.042Z");
    }
}
