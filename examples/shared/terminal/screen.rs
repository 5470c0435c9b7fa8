//! A stream that people may be reading.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Stderr, Stdout, Write};

use anstream::stream::{AsLockedWrite, RawStream};
use anstream::{AutoStream, adapter};
use console::Term;
use textwrap::core::display_width;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// Writes styled text: with colours where they are wanted, and lines wrapped to the terminal's width where there is one.
///
/// A line that is too long goes on below the beginning of its last column, or two further in than it began. What has no spaces
/// is never broken, so that names can be copied whole.
///
/// ```
/// use std::io::Write;
///
/// use examples::terminal::Screen;
/// use examples::terminal::style::GOOD;
///
/// let mut screen = Screen::plain(Vec::new());
/// write!(screen, "{GOOD}1.0.0{GOOD:#} wins")?;
/// assert_eq!(screen.into_inner()?, b"1.0.0 wins");
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct Screen<W: RawStream> {
    out: AutoStream<W>,
    width: Option<usize>,
    /// A line that has not ended.
    line: Vec<u8>,
}

impl Screen<Stdout> {
    /// Standard output, for people.
    pub fn stdout() -> Self {
        let width = width_of(&Term::stdout(), &io::stdout());
        Self { out: AutoStream::auto(io::stdout()), width, line: Vec::new() }
    }
}

impl Screen<Stderr> {
    /// Standard error, for people.
    pub fn stderr() -> Self {
        let width = width_of(&Term::stderr(), &io::stderr());
        Self { out: AutoStream::auto(io::stderr()), width, line: Vec::new() }
    }
}

impl<W: RawStream> Screen<W> {
    /// Text without colours, each line as long as it is.
    pub fn plain(out: W) -> Self {
        Self { out: AutoStream::never(out), width: None, line: Vec::new() }
    }

    /// Everything as it is, for machines.
    pub fn as_is(out: W) -> Self {
        Self { out: AutoStream::always_ansi(out), width: None, line: Vec::new() }
    }

    /// What a terminal of this many columns would be sent.
    pub fn terminal(out: W, width: usize) -> Self {
        Self { out: AutoStream::always_ansi(out), width: Some(width), line: Vec::new() }
    }

    /// Whether this is a terminal, and not a file or a pipe.
    pub fn is_terminal(&self) -> bool {
        self.width.is_some()
    }
}

impl<W: RawStream + AsLockedWrite> Screen<W> {
    /// What was written to, after all of it has been.
    ///
    /// # Errors
    ///
    /// When a last line without an end could not be written.
    pub fn into_inner(mut self) -> io::Result<W> {
        self.flush()?;
        Ok(self.out.into_inner())
    }

    fn write_line(&mut self, line: &[u8], width: usize) -> io::Result<()> {
        let line = String::from_utf8_lossy(line);
        for part in wrapped(&line, width) {
            writeln!(self.out, "{part}")?;
        }
        Ok(())
    }
}

impl<W: RawStream + AsLockedWrite> Write for Screen<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(width) = self.width else { return self.out.write(bytes) };
        for &byte in bytes {
            if byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.write_line(&line, width)?;
            } else {
                self.line.push(byte);
            }
        }
        Ok(bytes.len())
    }

    /// Writes what there is of a line, too.
    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&std::mem::take(&mut self.line))?;
        self.out.flush()
    }
}

/// How many columns a terminal has; of what is none, nothing.
fn width_of(terminal: &Term, stream: &impl IsTerminal) -> Option<usize> {
    const USUAL: usize = 80;
    let columns = || terminal.size_checked().map_or(USUAL, |(_, columns)| usize::from(columns));
    stream.is_terminal().then(columns)
}

/// A line in as many as it takes.
fn wrapped(line: &str, width: usize) -> Vec<Cow<'_, str>> {
    if display_width(line) <= width {
        return vec![Cow::Borrowed(line)];
    }
    let (indentation, text) = line.split_at(line.len() - line.trim_start_matches(' ').len());
    let margin = " ".repeat(margin(line, width));
    let options = Options::new(width)
        .initial_indent(indentation)
        .subsequent_indent(&margin)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    textwrap::wrap(text, options).into_iter().map(|part| Cow::Owned(part.into_owned())).collect()
}

/// Where the last column in the left half begins, which two spaces or more set off; if there is one column, two further in.
fn margin(line: &str, width: usize) -> usize {
    let line = adapter::strip_str(line).to_string();
    let text = line.trim_start_matches(' ');
    let indentation = line.len() - text.len();
    let columns = text.match_indices("  ").map(|(gap, _)| {
        let spaces = text[gap..].len() - text[gap..].trim_start_matches(' ').len();
        indentation + display_width(&text[..gap + spaces])
    });
    columns.filter(|column| *column <= width / 2).last().unwrap_or(indentation + 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::style::{BAD, GOOD};

    fn shown(text: &str, width: usize) -> String {
        let mut screen = Screen::terminal(Vec::new(), width);
        screen.write_all(text.as_bytes()).unwrap();
        String::from_utf8(screen.into_inner().unwrap()).unwrap()
    }

    #[test]
    fn a_long_line_goes_on_below_its_last_column() {
        for (line, expected) in [
            ("one two three four", "one two\n  three\n  four\n"),
            ("  ok one two three", "  ok one\n    two\n    three\n"),
            (" ok  one two three", " ok  one\n     two\n     three\n"),
            ("a  b  c d e f g h i", "a  b  c d\n   e f g h\n   i\n"),
            ("  a:long-word-of-a-name and more", "  a:long-word-of-a-name\n    and\n    more\n"),
            ("  as it is", "  as it is\n"),
        ] {
            assert_eq!(shown(&format!("{line}\n"), 10), expected, "{line}");
        }
    }

    #[test]
    fn colours_take_no_room() {
        let line = format!("{GOOD}good{GOOD:#} {BAD}bad{BAD:#}\n");
        assert_eq!(shown(&line, 8), line);
        assert!(shown(&line, 7).contains("\n  "));
    }

    #[test]
    fn what_is_no_terminal_gets_the_text_alone() {
        let mut screen = Screen::plain(Vec::new());
        write!(screen, "{GOOD}a long line{GOOD:#} that stays one\nand a rest").unwrap();
        assert_eq!(screen.into_inner().unwrap(), b"a long line that stays one\nand a rest");
    }
}
