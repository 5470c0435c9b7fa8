//! Events as lines for people.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use flux_ecr_reflect::{ImageRef, Tag};

use crate::event::{Event, Failure, Recovery, Summary, What};
use crate::times;
use crate::watch::Status;

/// One event, in one line or with a few more below it. `width` is that of the longest object.
///
/// Colours are in it; whoever writes it where there are none takes them out.
pub(crate) fn event(event: &Event, width: usize) -> String {
    let time = times::of_day(event.at);
    let line = |word: &str, style: Style, about: &str, text: &str| {
        let (dim, text) = (AnsiColor::BrightBlack.on_default(), visible(text));
        let about = visible(about);
        let line = match about.as_str() {
            "" => format!("{dim}{time}{dim:#}  {style}{word:<9}{style:#}  {text}"),
            about => format!("{dim}{time}{dim:#}  {style}{word:<9}{style:#}  {about:<width$}  {text}"),
        };
        format!("{}\n", line.trim_end())
    };
    let plain = Style::new();
    let dim = AnsiColor::BrightBlack.on_default();
    let (good, bad) = (AnsiColor::Green.on_default(), AnsiColor::Red.on_default().bold());
    match &event.what {
        What::Serving { url } => line("metrics", plain, "", url),
        What::Skipped { file, what } => line("skipped", dim, "", &format!("{what} in {file}")),
        What::Suspended(object) => {
            line("suspended", dim, &object.to_string(), "left as it is: spec.suspend is true")
        }
        What::NotWatched { object, why } => line("not ready", bad, &object.to_string(), why),
        What::State { object, problem } => line("state", bad, &object.to_string(), problem),
        What::Story { text } => line("story", AnsiColor::Magenta.on_default(), "", text),
        What::Ready { object, message, after } => {
            line("ready", good, &object.to_string(), &format!("{message}{}", again(*after)))
        }
        What::Changed { policy, from, to, reason } => {
            let from = from.as_ref().map_or_else(|| "nothing".to_owned(), |from| short(from, to));
            let text = format!("{from} → {}: {reason}", short(to, to));
            line("changed", AnsiColor::Cyan.on_default().bold(), &policy.to_string(), &text)
        }
        What::NoMatch { policy, reason } => {
            line("no match", AnsiColor::Yellow.on_default().bold(), &policy.to_string(), reason)
        }
        What::Failing { object, failure } => {
            line("failing", bad, &object.to_string(), &failure.message) + &details(failure)
        }
        What::Stopping { under_way, grace } => {
            let scans = count(*under_way, "scan", "scans");
            line("stopping", plain, "", &format!("{scans} under way, for {} at most", times::short(*grace)))
        }
        What::Stopped(summary) => line("stopped", plain, "", summary.reason) + &totals(summary),
    }
}

/// How it stands, in a line.
pub(crate) fn status(status: &Status) -> String {
    let Status { repositories, policies, failing, scans, under_way, next } = status;
    let mut text = [
        count(*repositories, "repository", "repositories"),
        count(*policies, "policy", "policies"),
        count(*scans, "scan", "scans"),
    ]
    .join(", ");
    // Writing to a String does not fail.
    if *failing > 0 {
        let _ = write!(text, ", {failing} failing");
    }
    let _ = match (under_way, next) {
        (1.., _) => write!(text, "; asking {under_way}"),
        (0, Some((object, at))) => {
            write!(text, "; next {} at {}", visible(&object.qualified()), times::of_day(*at))
        }
        (0, None) => Ok(()),
    };
    text
}

fn again(after: Option<Recovery>) -> String {
    after.map_or_else(String::new, |Recovery { failures, lasted }| {
        format!(", after {} in {}", count(failures, "failure", "failures"), times::short(lasted))
    })
}

fn details(failure: &Failure) -> String {
    let mut text = String::new();
    for cause in &failure.causes {
        let _ = writeln!(text, "{BELOW}Cause: {}", visible(cause));
    }
    if let Some(hint) = &failure.hint {
        let _ = writeln!(text, "{BELOW}What to do: {}", visible(hint));
    }
    let _ = writeln!(text, "{BELOW}Next try: in {}", times::short(failure.next_try_in));
    text
}

fn totals(summary: &Summary) -> String {
    let Summary { scans, failed_scans, changes, abandoned, policies, failing, .. } = summary;
    let (scans, changes) = (count(*scans, "scan", "scans"), count(*changes, "change", "changes"));
    let mut text = format!("{BELOW}{scans}, {failed_scans} failed; {changes}\n");
    if *abandoned > 0 {
        let _ = writeln!(text, "{BELOW}{abandoned} abandoned");
    }
    for (policy, image) in policies {
        let image = image.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
        let _ = writeln!(text, "{BELOW}{}: {image}", visible(&policy.to_string()));
    }
    for object in failing {
        let _ = writeln!(text, "{BELOW}{} fails", visible(&object.to_string()));
    }
    text
}

/// The tag, with the beginning of the digest; the whole name where it is another than the other's.
fn short(image: &ImageRef, other: &ImageRef) -> String {
    let tag = image.tag().map(Tag::as_str).unwrap_or_default();
    let digest = image.digest().map(|digest| {
        let start =
            digest.as_str().char_indices().nth(SHORT_DIGEST).map_or(digest.as_str().len(), |(at, _)| at);
        format!("@{}…", digest.as_str().get(..start).unwrap_or_default())
    });
    let name = if image.name() == other.name() { String::new() } else { format!("{}:", image.name()) };
    format!("{name}{tag}{}", digest.unwrap_or_default())
}

fn count(number: impl TryInto<u64>, one: &str, many: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{number} {}", if number == 1 { one } else { many })
}

/// What comes from files and registries moves no cursor and changes no colour.
fn visible(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

const BELOW: &str = "                     ";
/// `sha256:` and twelve more.
const SHORT_DIGEST: usize = 19;
