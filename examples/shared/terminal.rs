//! How the examples look: colours and lines that fit where somebody reads them on a terminal, plain text everywhere else.
//!
//! A program writes to a [`Screen`] and marks words with the [styles](style) of this module. Whether there are colours is
//! decided as [NO_COLOR] and [CLICOLOR_FORCE] ask, else by whether it is a terminal.
//!
//! [NO_COLOR]: https://no-color.org/
//! [CLICOLOR_FORCE]: https://bixense.com/clicolors/

mod paint;
mod progress;
mod screen;
mod table;
mod visible;

pub use paint::{painted, painted_decision};
pub use progress::{Working, bar, working};
pub use screen::Screen;
pub use table::Table;
pub use visible::{document, visible};

/// What a colour means. `{STYLE}text{STYLE:#}` marks a text.
pub mod style {
    use anstyle::{AnsiColor, Style};

    /// A title, a name.
    pub const HEADING: Style = Style::new().bold();
    /// What was chosen, what works.
    pub const GOOD: Style = AnsiColor::Green.on_default().bold();
    /// What is questionable.
    pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();
    /// What failed, what is wrong.
    pub const BAD: Style = AnsiColor::Red.on_default().bold();
    /// What is to be done.
    pub const REMEDY: Style = AnsiColor::Cyan.on_default().bold();
    /// What matters least.
    pub const MINOR: Style = Style::new().dimmed();
}
