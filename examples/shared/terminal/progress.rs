//! What goes on while nothing is printed yet. On standard error, and only where that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How far a count has come, of `total` where that is known. The bar is the caller's to move and to clear.
pub fn bar(total: Option<u64>, unit: &str) -> ProgressBar {
    match total {
        Some(total) => {
            styled(ProgressBar::new(total), &format!("{{wide_bar}} {{human_pos}}/{{human_len}} {unit}"))
        }
        None => styled(ProgressBar::new_spinner(), &format!("{{spinner}} {{human_pos}} {unit}")),
    }
}

/// Says what takes its time, until it is dropped.
pub fn working(on: impl Into<String>) -> Working {
    const TICK: Duration = Duration::from_millis(100);
    let spinner = styled(ProgressBar::new_spinner(), "{spinner} {msg}").with_message(on.into());
    spinner.enable_steady_tick(TICK);
    Working(spinner)
}

/// Made by [`working`].
#[derive(Debug)]
#[must_use]
pub struct Working(ProgressBar);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A template that is not understood leaves the bar as it is.
fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
