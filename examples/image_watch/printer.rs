//! Where events go.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::event::Event;
use crate::watch::{Status, Teller};
use crate::{json, text};

/// Writes events, as text or as JSON. On a terminal the last line says how it stands.
pub(crate) struct Printer<W> {
    out: W,
    format: Format,
    bar: ProgressBar,
}

/// How an event is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// As text, with objects padded to this width.
    Text {
        width: usize,
    },
    Json,
}

impl<W: Write> Printer<W> {
    /// A printer without a last line.
    pub(crate) fn new(out: W, format: Format) -> Self {
        Self { out, format, bar: ProgressBar::hidden() }
    }

    /// With one, if both streams are terminals.
    pub(crate) fn with_last_line(mut self) -> Self {
        if matches!(self.format, Format::Text { .. }) && io::stdout().is_terminal() {
            self.bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                self.bar.set_style(style);
            }
            self.bar.enable_steady_tick(Duration::from_millis(200));
        }
        self
    }
}

impl<W: Write> Teller for Printer<W> {
    fn tell(&mut self, event: &Event) -> io::Result<()> {
        let line = match self.format {
            Format::Text { width } => text::event(event, width),
            Format::Json => format!("{}\n", json::event(event)),
        };
        let out = &mut self.out;
        self.bar.suspend(|| {
            out.write_all(line.as_bytes())?;
            out.flush()
        })
    }

    fn status(&mut self, status: &Status) {
        if !self.bar.is_hidden() {
            self.bar.set_message(text::status(status));
        }
    }
}

impl<W> Drop for Printer<W> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
