//! What is taken of clients at once.

use super::server_config::{count, millis, number, strict_boolean};
use super::settings::{ConfigError, Settings};
use replica::{ConnectLimits, LargeRequestLimits, Limits, RandomDrops, WhenStale};

/// The limits that are set.
///
/// # Errors
/// For a value that is none.
pub(super) fn limits(settings: &Settings) -> Result<Limits, ConfigError> {
    let int = 1..=i64::from(i32::MAX);
    let greeting_ms = number(settings, "nio.sessionlessCnxnTimeout", int)?.unwrap_or(10_000);
    let stale = strict_boolean(settings, "request_stale_latency_check")? == Some(true)
        && strict_boolean(settings, "request_throttle_drop_stale")? != Some(false);
    Ok(Limits {
        greeting: millis(greeting_ms),
        connects: connect_limits(settings)?,
        requests_max: size(count(settings, "request_throttle_max_requests")?.unwrap_or(0)),
        throttled_wait_max: millis(count_or(settings, "throttled_op_wait_time", 0)?),
        when_stale: if stale {
            WhenStale::Close
        } else {
            WhenStale::CarryOut
        },
        large_requests: large_request_limits(settings)?,
    })
}

fn connect_limits(settings: &Settings) -> Result<Option<ConnectLimits>, ConfigError> {
    let tokens = count(settings, "connection_throttle_tokens")?.unwrap_or(0);
    let fill_ms = count_or(settings, "connection_throttle_fill_time", 1)?;
    let fill = count(settings, "connection_throttle_fill_count")?.unwrap_or(1);
    let weights = Weights::of(settings)?;
    let drops = random_drops(settings)?;
    let limits = ConnectLimits {
        tokens_max: u64::from(tokens) * weights.opening,
        fill_interval: millis(fill_ms.max(1)),
        fill_tokens: u64::from(fill) * weights.opening,
        opening_takes: weights.opening,
        opening_locally_takes: weights.locally,
        resuming_takes: weights.resuming,
        drops,
    };
    Ok((tokens > 0).then_some(limits))
}

/// What sessions cost; the number of tokens is given in new sessions.
struct Weights {
    opening: u64,
    locally: u64,
    resuming: u64,
}

impl Weights {
    fn of(settings: &Settings) -> Result<Weights, ConfigError> {
        let weight = |session: &str, default| {
            let key = format!("connection_throttle_{session}_session_weight");
            let weight = number(settings, &key, i64::from(i32::MIN)..=i64::from(i32::MAX))?;
            let weight = weight.and_then(|weight| u64::try_from(weight).ok());
            Ok(weight.filter(|weight| *weight > 0).unwrap_or(default))
        };
        let local = weight("local", 1)?;
        let (opening, resuming) = (weight("global", 3)?, weight("renew", 2)?);
        if strict_boolean(settings, "connection_throttle_weight_enabled")? == Some(true) {
            Ok(Weights {
                opening: opening.max(local),
                locally: local,
                resuming: resuming.max(local),
            })
        } else {
            Ok(Weights {
                opening: 1,
                locally: 1,
                resuming: 1,
            })
        }
    }
}

fn random_drops(settings: &Settings) -> Result<Option<RandomDrops>, ConfigError> {
    let freeze = number(
        settings,
        "connection_throttle_freeze_time",
        -1..=i64::from(i32::MAX),
    )?;
    let increase_ppm = share(settings, "connection_throttle_drop_increase")?;
    let decrease_ppm = share(settings, "connection_throttle_drop_decrease")?;
    let full_enough_ppm = share(settings, "connection_throttle_decrease_ratio")?;
    let freeze = freeze.filter(|ms| *ms >= 0).map(millis);
    Ok(freeze.map(|freeze| RandomDrops {
        freeze,
        increase_ppm: increase_ppm.unwrap_or(20_000),
        decrease_ppm: decrease_ppm.unwrap_or(2_000),
        full_enough_ppm: full_enough_ppm.unwrap_or(0),
    }))
}

fn large_request_limits(settings: &Settings) -> Result<Option<LargeRequestLimits>, ConfigError> {
    let int = i64::from(i32::MIN)..=i64::from(i32::MAX);
    let above = number(settings, "largeRequestThreshold", int.clone())?;
    let bytes_max = number(settings, "largeRequestMaxBytes", int)?;
    let positive = |value: Option<i64>| {
        let value = value.filter(|value| *value > 0)?;
        usize::try_from(value).ok()
    };
    Ok(positive(above).map(|above_bytes| LargeRequestLimits {
        above_bytes,
        bytes_max: positive(bytes_max).unwrap_or(100 << 20),
    }))
}

/// A part of a whole, in millionths.
fn share(settings: &Settings, key: &str) -> Result<Option<u32>, ConfigError> {
    settings.parsed(key, "a part of a whole, such as 0.02", |value| {
        let part = value.parse::<f64>().ok()?;
        let ppm = (part * 1e6).round();
        (0.0..=1e6).contains(&ppm).then(|| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is a whole number up to a million"
            )]
            let ppm = ppm as u32;
            ppm
        })
    })
}

fn count_or(settings: &Settings, key: &str, default: i64) -> Result<i64, ConfigError> {
    Ok(count(settings, key)?.map_or(default, i64::from))
}

fn size(count: u32) -> usize {
    usize::try_from(count).expect("a count fits")
}
