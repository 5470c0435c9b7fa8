//! Events as JSON for machines, one object a line.

use flux_ecr_reflect::ImageRef;
use serde_json::{Map, Value, json};

use crate::event::{Event, Failure, Recovery, Summary, What};
use crate::object::Object;
use crate::times;

/// One event: `time` and `event`, the object's `kind`, `namespace` and `name` where it is about one, and what belongs to the event.
pub(crate) fn event(event: &Event) -> Value {
    let (word, object, fields) = match &event.what {
        What::Serving { url } => ("metrics", None, json!({ "url": url })),
        What::Skipped { file, what } => ("skipped", None, json!({ "file": file, "object": what })),
        What::Suspended(object) => ("suspended", Some(object), json!({})),
        What::NotWatched { object, why } => ("notReady", Some(object), json!({ "reason": why })),
        What::State { object, problem } => ("state", Some(object), json!({ "problem": problem })),
        What::Story { text } => ("story", None, json!({ "text": text })),
        What::Ready { object, message, after } => ("ready", Some(object), ready(message, *after)),
        What::Changed { policy, from, to, reason } => {
            let from = from.as_ref().map(ToString::to_string);
            ("changed", Some(policy), json!({ "from": from, "to": to.to_string(), "reason": reason }))
        }
        What::NoMatch { policy, reason } => ("noMatch", Some(policy), json!({ "reason": reason })),
        What::Failing { object, failure } => ("failing", Some(object), failing(failure)),
        What::Stopping { under_way, grace } => {
            ("stopping", None, json!({ "underWay": under_way, "graceSeconds": grace.as_secs() }))
        }
        What::Stopped(summary) => ("stopped", None, stopped(summary)),
    };
    let mut line = Map::new();
    line.insert("time".to_owned(), times::rfc3339(event.at).into());
    line.insert("event".to_owned(), word.into());
    line.extend(object.map(named).unwrap_or_default());
    if let Value::Object(fields) = fields {
        line.extend(fields);
    }
    Value::Object(line)
}

fn named(object: &Object) -> Map<String, Value> {
    let fields = [("kind", object.kind.as_str()), ("namespace", &object.namespace), ("name", &object.name)];
    fields.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect()
}

fn ready(message: &str, after: Option<Recovery>) -> Value {
    let after = after.map(|after| json!({ "failures": after.failures, "seconds": after.lasted.as_secs() }));
    json!({ "message": message, "after": after })
}

fn failing(failure: &Failure) -> Value {
    json!({
        "error": failure.kind,
        "message": failure.message,
        "causes": failure.causes,
        "hint": failure.hint,
        "nextTryInSeconds": failure.next_try_in.as_secs(),
    })
}

fn stopped(summary: &Summary) -> Value {
    let chosen = |(policy, image): &(Object, Option<ImageRef>)| {
        let mut named = named(policy);
        named.insert("image".to_owned(), image.as_ref().map(ToString::to_string).into());
        named
    };
    json!({
        "reason": summary.reason,
        "scans": summary.scans,
        "failedScans": summary.failed_scans,
        "changes": summary.changes,
        "abandoned": summary.abandoned,
        "policies": summary.policies.iter().map(chosen).collect::<Vec<_>>(),
        "failing": summary.failing.iter().map(named).collect::<Vec<_>>(),
    })
}
