//! Hours of a day.

use std::{fmt, str::FromStr};

use jiff::civil::Time;

/// A part of each day by the clock of the machine, as `22:00-07:00`. It may contain midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    from: Time,
    to: Time,
}

/// A text that is no part of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("hours are written 22:00-07:00, from the first moment to the first that is outside")]
pub struct HoursError;

impl Hours {
    pub(super) fn contains(self, time: Time) -> bool {
        if self.from < self.to {
            self.from <= time && time < self.to
        } else {
            self.from <= time || time < self.to
        }
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(f, "{}-{}", from.strftime("%H:%M"), to.strftime("%H:%M"))
    }
}

impl FromStr for Hours {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        let (from, to) = text.trim().split_once('-').ok_or(HoursError)?;
        let time = |text: &str| {
            let (hour, minute) = text.trim().split_once(':').ok_or(HoursError)?;
            let number = |digits: &str| match digits.as_bytes() {
                [b'0'..=b'9'] | [b'0'..=b'9', b'0'..=b'9'] => digits.parse().ok(),
                _ => None,
            };
            let (hour, minute) = (number(hour), number(minute));
            let (hour, minute) = hour.zip(minute).ok_or(HoursError)?;
            Time::new(hour, minute, 0, 0).map_err(|_| HoursError)
        };
        Ok(Self {
            from: time(from)?,
            to: time(to)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::*;

    #[test]
    fn a_night_contains_midnight_and_ends_in_the_morning() {
        let night: Hours = "22:00-07:00".parse().unwrap();
        for (hour, minute, inside) in [
            (22, 0, true),
            (23, 59, true),
            (0, 0, true),
            (6, 59, true),
            (7, 0, false),
            (12, 0, false),
            (21, 59, false),
        ] {
            let at = time(hour, minute, 30, 0);
            assert_eq!(night.contains(at), inside, "{at}");
        }
        let lunch: Hours = "12:15 - 13:00".parse().unwrap();
        assert!(lunch.contains(time(12, 30, 0, 0)) && !lunch.contains(time(0, 30, 0, 0)));
        assert_eq!(night.to_string().parse(), Ok(night));
        let always: Hours = "0:00-0:00".parse().unwrap();
        assert!(always.contains(time(3, 0, 0, 0)));
    }

    #[test]
    fn nonsense_is_no_part_of_a_day() {
        for text in [
            "",
            "-",
            "22-07",
            "22:00",
            "24:00-07:00",
            "1:60-2:00",
            "+1:00-2:00",
            "1:0000-2:00",
        ] {
            assert_eq!(text.parse::<Hours>(), Err(HoursError), "{text}");
        }
    }
}
