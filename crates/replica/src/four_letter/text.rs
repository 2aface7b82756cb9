//! Numbers and dates as Java prints them.

use alloc::format;
use alloc::string::String;
use time::OffsetDateTime;
use zk_types::WallTime;

/// Ten-thousandths as a Java double: at least one decimal, at most four.
pub(super) fn decimal(tenthousandths: u64) -> String {
    let mut text = format!("{}.{:04}", tenthousandths / 10_000, tenthousandths % 10_000);
    while text.ends_with('0') && !text.ends_with(".0") {
        text.pop();
    }
    text
}

/// A stamp as `Sun Nov 22 04:26:49 UTC 2026`.
pub(super) fn java_date(at: WallTime) -> String {
    let Ok(date) = OffsetDateTime::from_unix_timestamp(at.0.div_euclid(1_000)) else {
        return String::from("<NA>");
    };
    let weekday = format!("{}", date.weekday());
    let month = format!("{}", date.month());
    format!(
        "{} {} {:02} {:02}:{:02}:{:02} UTC {}",
        &weekday[..3],
        &month[..3],
        date.day(),
        date.hour(),
        date.minute(),
        date.second(),
        date.year()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_those_of_java() {
        assert_eq!(decimal(0), "0.0");
        assert_eq!(decimal(19_895), "1.9895");
        assert_eq!(decimal(25_000), "2.5");
    }

    #[test]
    fn dates_are_those_of_java() {
        assert_eq!(
            java_date(WallTime(1_795_321_609_000)),
            "Sun Nov 22 04:26:49 UTC 2026"
        );
    }
}
