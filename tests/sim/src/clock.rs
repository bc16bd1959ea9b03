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

/// A date as requests write it: `2014-09-01T09:10:11.000Z` with or without a fraction, or the day alone.
pub fn read_date(text: &str) -> Option<i64> {
    let (day, clock) = match text.split_once('T') {
        Some((day, clock)) => (day, clock.strip_suffix('Z')?),
        None => (text, "00:00:00"),
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let numbers = |text: &str, sign: char, lengths: [usize; 3]| -> Option<[u32; 3]> {
        let parts: Vec<&str> = text.split(sign).collect();
        let fits = parts.len() == 3
            && parts.iter().zip(lengths).all(|(part, length)| {
                part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit())
            });
        let all: Vec<u32> = parts.iter().filter_map(|part| part.parse().ok()).collect();
        all.try_into().ok().filter(|_| fits)
    };
    let [year, month, day] = numbers(day, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let millis: String = fraction.chars().chain("00".chars()).take(3).collect();
    let month = time::Month::try_from(u8::try_from(month).ok()?).ok()?;
    let year = i32::try_from(year).ok()?;
    let date = time::Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()?;
    let [hour, minute, second] =
        [hour, minute, second].map(|part| u8::try_from(part).unwrap_or(u8::MAX));
    let at = date.with_hms(hour, minute, second).ok()?.assume_utc();
    Some(at.unix_timestamp() * 1000 + millis.parse::<i64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_like_trakt_does() {
        assert_eq!(http_date(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(iso_date(1_409_562_611_042), "2014-09-01T09:10:11.042Z");
    }

    #[test]
    fn dates_are_read_back() {
        assert_eq!(
            read_date("2014-09-01T09:10:11.042Z"),
            Some(1_409_562_611_042)
        );
        assert_eq!(read_date("2014-09-01T09:10:11Z"), Some(1_409_562_611_000));
        assert_eq!(read_date("2014-09-01T09:10:11.5Z"), Some(1_409_562_611_500));
        assert_eq!(read_date("1970-01-02"), Some(86_400_000));
        for odd in [
            "",
            "now",
            "2014-09-01T09:10:11",
            "2014-09-01T09:10:11+02:00",
            "2014-02-30T09:10:11Z",
            "2014-09-01T24:10:11Z",
            "2014-9-1T09:10:11Z",
            "2014-09-01T09:10:11.Z",
        ] {
            assert_eq!(read_date(odd), None, "{odd}");
        }
    }
}
