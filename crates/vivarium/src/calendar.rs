//! Dates as text, in UTC.

use std::fmt;
use zk_types::WallTime;

/// A moment, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    year: i64,
    month: usize,
    day: i64,
    weekday: usize,
    hour: i64,
    minute: i64,
    second: i64,
    milli: i64,
}

impl Date {
    /// Takes a moment apart.
    pub fn of(wall: WallTime) -> Date {
        let seconds = wall.0.div_euclid(1_000);
        let days = seconds.div_euclid(86_400);
        let second_of_day = seconds.rem_euclid(86_400);
        let (year, month, day) = civil(days);
        Date {
            year,
            month,
            day,
            weekday: usize::try_from((days + 4).rem_euclid(7)).expect("it is 0 to 6"),
            hour: second_of_day / 3_600,
            minute: second_of_day / 60 % 60,
            second: second_of_day % 60,
            milli: wall.0.rem_euclid(1_000),
        }
    }

    /// As Java prints a `Date`: `Sun Nov 22 04:26:49 UTC 2026`.
    pub fn java(&self) -> impl fmt::Display {
        let Date {
            year,
            day,
            hour,
            minute,
            second,
            ..
        } = *self;
        let (weekday, month) = (WEEKDAYS[self.weekday], MONTHS[self.month - 1]);
        fmt::from_fn(move |f| {
            write!(
                f,
                "{weekday} {month} {day:02} {hour:02}:{minute:02}:{second:02} UTC {year:04}"
            )
        })
    }

    /// As Apache prints the time of a build: `11/22/2026 04:26 UTC`.
    pub fn build(&self) -> impl fmt::Display {
        let Date {
            year,
            month,
            day,
            hour,
            minute,
            ..
        } = *self;
        fmt::from_fn(move |f| write!(f, "{month:02}/{day:02}/{year:04} {hour:02}:{minute:02} UTC"))
    }

    /// For lines of a log: `2026-11-22 04:26:49.007`.
    pub fn log(&self) -> impl fmt::Display {
        let Date {
            year,
            month,
            day,
            hour,
            minute,
            second,
            milli,
            ..
        } = *self;
        fmt::from_fn(move |f| {
            write!(f, "{year:04}-{month:02}-{day:02} ")?;
            write!(f, "{hour:02}:{minute:02}:{second:02}.{milli:03}")
        })
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
fn civil(days: i64) -> (i64, usize, i64) {
    // Years begin in March here, so that a leap day is the last day of one.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, usize::try_from(month).expect("it is 1 to 12"), day)
}

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (millis, java) in [
            (0, "Thu Jan 01 00:00:00 UTC 1970"),
            (-1, "Wed Dec 31 23:59:59 UTC 1969"),
            (951_782_400_000, "Tue Feb 29 00:00:00 UTC 2000"),
            (1_795_321_609_000, "Sun Nov 22 04:26:49 UTC 2026"),
            (4_107_542_399_999, "Sun Feb 28 23:59:59 UTC 2100"),
        ] {
            assert_eq!(Date::of(WallTime(millis)).java().to_string(), java);
        }
    }

    #[test]
    fn the_other_forms_show_the_same_moment() {
        let date = Date::of(WallTime(1_795_321_609_007));
        assert_eq!(date.build().to_string(), "11/22/2026 04:26 UTC");
        assert_eq!(date.log().to_string(), "2026-11-22 04:26:49.007");
    }
}
