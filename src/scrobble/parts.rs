//! Several episodes in one file: where each begins and ends, and which one a position is in.
//! Knows nothing of what they are.
#![forbid(unsafe_code)]

/// Where a host says that a part begins and ends, as far as it does; in milliseconds.
pub type Said = (Option<u64>, Option<u64>);

/// Where the parts begin and end. What the host doesn't say is shared evenly between what it does; a bound that can't be,
/// because it lies before an earlier one or behind the end, counts as not said.
pub fn bounds(said: &[Said], duration_ms: u64) -> Vec<(u64, u64)> {
    let count = said.len();
    let mut marks: Vec<Option<u64>> = (0..=count)
        .map(|index| {
            let begins = said.get(index).and_then(|part| part.0);
            let ended = index.checked_sub(1).and_then(|before| said[before].1);
            begins.or(ended)
        })
        .collect();
    marks[0] = Some(marks[0].unwrap_or(0)).filter(|first| *first < duration_ms || count == 1);
    let first = marks[0].unwrap_or(0).min(duration_ms);
    marks[0] = Some(first);
    let last = marks[count]
        .filter(|last| *last <= duration_ms)
        .unwrap_or(duration_ms);
    marks[count] = Some(last.max(first));
    let mut before = first;
    for mark in &mut marks[1..count] {
        match *mark {
            Some(at) if at > before && at < last => before = at,
            _ => *mark = None,
        }
    }
    let known: Vec<(usize, u64)> = marks
        .iter()
        .enumerate()
        .filter_map(|(index, mark)| Some((index, (*mark)?)))
        .collect();
    let at = |index: usize| {
        let behind = known.partition_point(|(known, _)| *known < index);
        let (to, end) = known[behind.min(known.len() - 1)];
        if to == index || behind == 0 {
            return end;
        }
        let (from, begin) = known[behind - 1];
        let (steps, step) = ((to - from) as u128, (index - from) as u128);
        let share = u128::from(end.saturating_sub(begin)) * step / steps;
        begin.saturating_add(u64::try_from(share).unwrap_or(0))
    };
    (0..count)
        .map(|index| {
            let (begin, next) = (at(index), at(index + 1));
            // Between two parts there may be something that belongs to neither.
            let own_end = said[index].1.filter(|end| *end > begin && *end < next);
            (begin, own_end.unwrap_or(next))
        })
        .collect()
}

/// The part that a position is in: the last one that has begun.
pub fn at(bounds: &[(u64, u64)], position_ms: u64) -> usize {
    bounds
        .partition_point(|(begin, _)| *begin <= position_ms)
        .saturating_sub(1)
}

/// How far a position is in a part, in percent.
pub fn progress((begin, end): (u64, u64), position_ms: u64) -> f64 {
    let length = end.saturating_sub(begin);
    if length == 0 {
        return 100.0;
    }
    let passed = position_ms.saturating_sub(begin).min(length);
    // Milliseconds beyond 2^53 are no film.
    #[allow(clippy::cast_precision_loss)]
    let progress = passed as f64 * 100.0 / length as f64;
    progress.clamp(0.0, 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_isn_t_said_is_shared_evenly() {
        assert_eq!(bounds(&[(None, None)], 90), [(0, 90)]);
        assert_eq!(
            bounds(&[(None, None); 3], 90),
            [(0, 30), (30, 60), (60, 90)]
        );
        assert_eq!(
            bounds(&[(Some(10), Some(40)), (None, None), (None, None)], 100),
            [(10, 40), (40, 70), (70, 100)]
        );
        assert_eq!(
            bounds(&[(None, None), (None, None), (Some(80), None)], 100),
            [(0, 40), (40, 80), (80, 100)]
        );
        assert_eq!(
            bounds(&[(Some(0), Some(40)), (Some(50), Some(95))], 100),
            [(0, 40), (50, 95)]
        );
    }

    #[test]
    fn impossible_bounds_count_as_not_said() {
        assert_eq!(
            bounds(&[(None, Some(500)), (Some(400), None)], 100),
            [(0, 50), (50, 100)]
        );
        assert_eq!(
            bounds(&[(Some(60), None), (Some(20), None)], 100),
            [(60, 80), (80, 100)]
        );
    }

    #[test]
    fn a_position_is_in_the_last_part_that_has_begun() {
        let bounds = [(0, 40), (50, 100)];
        for (position, part, percent) in [
            (0, 0, 0.0),
            (20, 0, 50.0),
            (45, 0, 100.0),
            (50, 1, 0.0),
            (75, 1, 50.0),
            (u64::MAX, 1, 100.0),
        ] {
            assert_eq!(at(&bounds, position), part);
            assert!((progress(bounds[part], position) - percent).abs() < 1e-9);
        }
        assert!((progress((5, 5), 0) - 100.0).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn bounds_are_in_order_and_within_the_file(
            said in prop::collection::vec((any::<Option<u64>>(), any::<Option<u64>>()), 1..8),
            small in prop::collection::vec((prop::option::of(0u64..200), prop::option::of(0u64..200)), 1..8),
            duration in prop_oneof![any::<u64>(), 0u64..200],
        ) {
            for said in [said, small] {
                let bounds = bounds(&said, duration);
                prop_assert_eq!(bounds.len(), said.len());
                let mut before = 0;
                for (begin, end) in &bounds {
                    prop_assert!(before <= *begin && begin <= end && *end <= duration);
                    before = *begin;
                }
            }
        }
    }
}
