//! Leaving out as much of a list as can be left out.

/// What is left of `items` when no single one can go; `fails` says whether a list still fails.
pub(crate) fn ddmin<T: Clone>(items: Vec<T>, fails: &mut dyn FnMut(&[T]) -> bool) -> Vec<T> {
    let mut kept = items;
    if kept.is_empty() || fails(&[]) {
        return Vec::new();
    }
    let mut chunk = kept.len().div_ceil(2);
    loop {
        let mut start = 0;
        let mut went = false;
        while start < kept.len() {
            let end = (start + chunk).min(kept.len());
            let mut rest = kept[..start].to_vec();
            rest.extend_from_slice(&kept[end..]);
            if !rest.is_empty() && fails(&rest) {
                kept = rest;
                went = true;
            } else {
                start = end;
            }
        }
        if chunk > 1 {
            chunk = chunk.div_ceil(2).min(kept.len().div_ceil(2)).max(1);
        } else if !went {
            return kept;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_takes_stays_and_everything_else_goes() {
        let items: Vec<u32> = (0..1_000).collect();
        let needed = [3, 500, 501, 999];
        let mut tries = 0;
        let left = ddmin(items, &mut |list| {
            tries += 1;
            needed.iter().all(|number| list.contains(number))
        });
        assert_eq!(left, needed);
        assert!(tries < 200, "{tries}");
    }

    #[test]
    fn nothing_is_left_when_nothing_is_needed() {
        assert_eq!(ddmin(vec![1, 2, 3], &mut |_| true), Vec::<i32>::new());
    }
}
