//! Events as lines for people.

use std::fmt::Write as _;

use anstyle::Style;
use examples::terminal::style::{BAD, GOOD, HEADING, MINOR, REMEDY, WARNING};
use examples::terminal::visible;
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
        let (about, text) = (visible(about), visible(text));
        let line = match &*about {
            "" => format!("{MINOR}{time}{MINOR:#}  {style}{word:<9}{style:#}  {text}"),
            about => format!("{MINOR}{time}{MINOR:#}  {style}{word:<9}{style:#}  {about:<width$}  {text}"),
        };
        format!("{}\n", line.trim_end())
    };
    match &event.what {
        What::Serving { url } => line("metrics", HEADING, "", url),
        What::Skipped { file, what } => line("skipped", MINOR, "", &format!("{what} in {file}")),
        What::Suspended(object) => {
            line("suspended", MINOR, &object.to_string(), "left as it is: spec.suspend is true")
        }
        What::NotWatched { object, why } => line("not ready", BAD, &object.to_string(), why),
        What::State { object, problem } => line("state", BAD, &object.to_string(), problem),
        What::Story { text } => line("story", MINOR, "", text),
        What::Ready { object, message, after } => {
            line("ready", GOOD, &object.to_string(), &format!("{message}{}", again(*after)))
        }
        What::Changed { policy, from, to, reason } => {
            let from = from.as_ref().map_or_else(|| "nothing".to_owned(), |from| short(from, to));
            let text = format!("{from} → {}: {reason}", short(to, to));
            line("changed", REMEDY, &policy.to_string(), &text)
        }
        What::NoMatch { policy, reason } => line("no match", WARNING, &policy.to_string(), reason),
        What::Failing { object, failure } => {
            line("failing", BAD, &object.to_string(), &failure.message) + &details(failure)
        }
        What::Stopping { under_way, grace } => {
            let scans = count(*under_way, "scan", "scans");
            line("stopping", HEADING, "", &format!("{scans} under way, for {} at most", times::short(*grace)))
        }
        What::Stopped(summary) => line("stopped", HEADING, "", summary.reason) + &totals(summary),
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
        (1.., _) => write!(text, "; {under_way} under way"),
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
        let _ = writeln!(text, "{BELOW}{MINOR}Cause:{MINOR:#} {}", visible(cause));
    }
    if let Some(hint) = &failure.hint {
        let _ = writeln!(text, "{BELOW}{REMEDY}What to do:{REMEDY:#} {}", visible(hint));
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

const BELOW: &str = "                     ";
/// `sha256:` and twelve more.
const SHORT_DIGEST: usize = 19;
