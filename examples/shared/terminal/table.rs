//! Columns.

use std::fmt;

use anstyle::Style;
use textwrap::core::display_width;

use super::style::MINOR;

/// Rows whose columns are as wide as their widest cell. `Display` ends each with a line break; what is too long in the last
/// column, a [`Screen`](super::Screen) wraps.
///
/// ```
/// use examples::terminal::Table;
/// use examples::terminal::style::GOOD;
///
/// let mut table = Table::new(["tag", "verdict"]);
/// table.row([(GOOD, "1.10.0".to_owned()), (GOOD, "wins".to_owned())]);
/// let text = anstream::adapter::strip_str(&table.to_string()).to_string();
/// assert_eq!(text, "tag     verdict\n1.10.0  wins\n");
/// ```
#[derive(Debug)]
pub struct Table<const COLUMNS: usize> {
    rows: Vec<[(Style, String); COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// With these headings.
    pub fn new(headings: [&str; COLUMNS]) -> Self {
        Self { rows: vec![headings.map(|heading| (MINOR, heading.to_owned()))] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: [(Style, String); COLUMNS]) {
        self.rows.push(cells);
    }

    fn width(&self, column: usize) -> usize {
        // One that is longer pushes aside its own row alone.
        const WIDEST: usize = 40;
        let widths = self.rows.iter().filter_map(|row| row.get(column)).map(|(_, text)| display_width(text));
        widths.filter(|width| *width <= WIDEST).max().unwrap_or_default()
    }
}

impl<const COLUMNS: usize> fmt::Display for Table<COLUMNS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: [usize; COLUMNS] = std::array::from_fn(|column| self.width(column));
        for row in &self.rows {
            for (place, ((style, text), width)) in row.iter().zip(widths).enumerate() {
                write!(f, "{style}{text}{style:#}")?;
                if place + 1 < COLUMNS {
                    let gap = 2 + width.saturating_sub(display_width(text));
                    write!(f, "{:gap$}", "")?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
