//! What can go wrong with a remote.

use std::fmt;

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection is refused.
    Refused,
    /// Nobody answers at the address: no connection comes about.
    BlackHole,
    /// The connection is broken off before an answer.
    Reset,
    /// A connection, and never an answer.
    SlowHeaders,
    /// An answer whose body stops in the middle, and stays open.
    SlowBody,
    /// An answer whose body breaks off in the middle.
    CutBody,
    /// An error of this status, in the remote's own form.
    Status(u16),
    /// Too many requests, and after how many seconds to come again.
    ThrottledFor(u16),
    /// A page for people.
    WrongContentType,
    /// Something that is neither JSON nor XML.
    Malformed,
    /// The beginning of the right answer, and a proper end.
    Truncated,
    /// 64 MiB.
    HugeBody,
    /// Go to another host.
    Redirect,
    /// Credentials, or a token, whose time is over.
    Expired,
    /// This machine's clock is an hour ahead of everybody's.
    ClockAhead,
    /// This machine's clock is an hour behind.
    ClockBehind,
}

impl Fault {
    pub(crate) const ALL: [Self; 24] = [
        Self::Refused,
        Self::BlackHole,
        Self::Reset,
        Self::SlowHeaders,
        Self::SlowBody,
        Self::CutBody,
        Self::Status(400),
        Self::Status(401),
        Self::Status(403),
        Self::Status(404),
        Self::Status(429),
        Self::ThrottledFor(1),
        Self::ThrottledFor(3600),
        Self::Status(500),
        Self::Status(502),
        Self::Status(503),
        Self::WrongContentType,
        Self::Malformed,
        Self::Truncated,
        Self::HugeBody,
        Self::Redirect,
        Self::Expired,
        Self::ClockAhead,
        Self::ClockBehind,
    ];

    /// By how much this machine's clock is ahead, in seconds.
    pub(crate) fn clock_error(self) -> i64 {
        match self {
            Self::ClockAhead => 3600,
            Self::ClockBehind => -3600,
            _ => 0,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("refused"),
            Self::BlackHole => f.write_str("black hole"),
            Self::Reset => f.write_str("reset"),
            Self::SlowHeaders => f.write_str("slow headers"),
            Self::SlowBody => f.write_str("slow body"),
            Self::CutBody => f.write_str("cut body"),
            Self::Status(status) => write!(f, "{status}"),
            Self::ThrottledFor(seconds) => write!(f, "429, Retry-After: {seconds}"),
            Self::WrongContentType => f.write_str("wrong content type"),
            Self::Malformed => f.write_str("malformed body"),
            Self::Truncated => f.write_str("truncated body"),
            Self::HugeBody => f.write_str("huge body"),
            Self::Redirect => f.write_str("redirect to another host"),
            Self::Expired => f.write_str("expired"),
            Self::ClockAhead => f.write_str("clock ahead by an hour"),
            Self::ClockBehind => f.write_str("clock behind by an hour"),
        }
    }
}

/// How long it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// One request, and the next is answered.
    Once,
    /// For good.
    Lasting,
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Once => "once",
            Self::Lasting => "lasting",
        })
    }
}
