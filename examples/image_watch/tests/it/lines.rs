//! Lines that the other tests do not bring about.

use std::io::Write;
use std::time::{Duration, SystemTime};

use examples::terminal::Screen;

use crate::event::{Event, What};
use crate::object::{Kind, Object};
use crate::{text, times};

fn line(what: What) -> String {
    let event = Event { at: SystemTime::UNIX_EPOCH, what };
    let mut screen = Screen::plain(Vec::new());
    screen.write_all(text::event(&event, 0).as_bytes()).unwrap();
    String::from_utf8(screen.into_inner().unwrap()).unwrap()
}

fn policy(name: &str) -> Object {
    Object { kind: Kind::ImagePolicy, namespace: "apps".to_owned(), name: name.to_owned() }
}

#[test]
fn what_comes_from_files_moves_no_cursor() {
    let why = "red: \u{1b}[31m\r\nnext";
    let what = What::NotWatched { object: policy("a\u{7}"), why: why.to_owned() };
    assert_eq!(line(what), "00:00:00  not ready  policy apps/a\\u{7}  red: \\u{1b}[31m\\r\\nnext\n");
}

#[test]
fn an_image_of_another_name_is_named_in_full() {
    let image = |text: &str| text.parse().unwrap();
    let (from, to) = (image("ghcr.io/org/old:1.0.0"), image("ghcr.io/org/new:1.0.0"));
    let what =
        What::Changed { policy: policy("app"), from: Some(from), to, reason: "moved house".to_owned() };
    assert_eq!(
        line(what),
        "00:00:00  changed    policy apps/app  ghcr.io/org/old:1.0.0 → 1.0.0: moved house\n"
    );
}

#[test]
fn times_are_read_as_they_are_written() {
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_603_600_999);
    assert_eq!(times::rfc3339(at), "2026-01-05T09:00:00Z");
    assert_eq!(times::parse("2026-01-05T09:00:00Z"), Some(at - Duration::from_millis(999)));
    for (seconds, expected) in [(0, "0s"), (59, "59s"), (3600, "1h"), (3_905, "1h5m5s")] {
        assert_eq!(times::short(Duration::from_secs(seconds)), expected);
    }
}
