//! Moments: time since the machine started (suspend included) and the wall clock, which may be wrong.
//! Knows nothing of what is measured.
#![forbid(unsafe_code)]

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// One reading of both clocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Which start of the machine `boot_ms` counts from; `boot_ms` of another start can't be compared.
    pub boot_id: String,
    /// Milliseconds since the machine started, suspend included (CLOCK_BOOTTIME).
    pub boot_ms: u64,
    /// Milliseconds since 1970 by the wall clock, right or wrong.
    pub wall_ms: i64,
}

impl Moment {
    /// Both clocks now.
    pub fn now() -> Self {
        Self {
            boot_id: boot_id().to_owned(),
            boot_ms: boot_ms(),
            wall_ms: wall_ms(),
        }
    }

    /// Milliseconds from `earlier` to `self`: by the machine's own clock where both are of one start,
    /// otherwise by the wall clock; negative when the wall clock went back meanwhile.
    pub fn since(&self, earlier: &Moment) -> i64 {
        if self.boot_id == earlier.boot_id {
            i64::try_from(self.boot_ms).unwrap_or(i64::MAX)
                - i64::try_from(earlier.boot_ms).unwrap_or(i64::MAX)
        } else {
            self.wall_ms.saturating_sub(earlier.wall_ms)
        }
    }

    /// The moment `ms` later on both clocks.
    #[must_use]
    pub fn plus(&self, ms: u64) -> Self {
        Self {
            boot_id: self.boot_id.clone(),
            boot_ms: self.boot_ms.saturating_add(ms),
            wall_ms: self
                .wall_ms
                .saturating_add(i64::try_from(ms).unwrap_or(i64::MAX)),
        }
    }
}

/// Whether `boot_ms` goes on while the machine is suspended, so that a wall clock that went on more has jumped.
pub const COUNTS_SUSPEND: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Milliseconds since the machine started, suspend included.
pub fn boot_ms() -> u64 {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        u64::try_from(time.tv_sec).unwrap_or(0) * 1000
            + u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000_000
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        static START: OnceLock<std::time::Instant> = OnceLock::new();
        u64::try_from(
            START
                .get_or_init(std::time::Instant::now)
                .elapsed()
                .as_millis(),
        )
        .unwrap_or(u64::MAX)
    }
}

/// Milliseconds since 1970 by the wall clock.
pub fn wall_ms() -> i64 {
    match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
    }
}

/// Names this start of the machine; without the kernel's own word for it, this process.
pub fn boot_id() -> &'static str {
    static ID: OnceLock<String> = OnceLock::new();
    ID.get_or_init(|| {
        std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .map(|id| id.trim().to_owned())
            .ok()
            .filter(|id| !id.is_empty())
            .unwrap_or_else(|| format!("process-{}-{}", std::process::id(), wall_ms()))
    })
}

/// RFC 3339 in UTC with milliseconds, as every moment in a reply.
pub fn rfc3339(wall_ms: i64) -> String {
    let clamped = wall_ms.clamp(-62_135_596_800_000, 253_402_300_799_999);
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(clamped) * 1_000_000)
        .ok()
        .map(|moment| {
            format!(
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                moment.year(),
                u8::from(moment.month()),
                moment.day(),
                moment.hour(),
                moment.minute(),
                moment.second(),
                moment.millisecond()
            )
        })
        .unwrap_or_default()
}

/// Milliseconds since 1970 of a moment in RFC 3339, or nothing.
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_and_read() {
        assert_eq!(rfc3339(1_409_562_611_000), "2014-09-01T09:10:11.000Z");
        assert_eq!(
            parse_rfc3339("2014-09-01T11:10:11+02:00"),
            Some(1_409_562_611_000)
        );
        assert_eq!(parse_rfc3339("yesterday"), None);
    }

    #[test]
    fn the_wall_clock_only_counts_between_starts() {
        let early = Moment {
            boot_id: "a".into(),
            boot_ms: 1_000,
            wall_ms: 5_000_000,
        };
        let jumped = Moment {
            boot_id: "a".into(),
            boot_ms: 3_000,
            wall_ms: 0,
        };
        assert_eq!(jumped.since(&early), 2_000);
        let restarted = Moment {
            boot_id: "b".into(),
            boot_ms: 10,
            wall_ms: 5_060_000,
        };
        assert_eq!(restarted.since(&early), 60_000);
    }
}
