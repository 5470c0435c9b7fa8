//! How an examination reads at three in the morning: what is wrong and what to do first, then everything.

use std::fmt;

use super::{Examination, Finding, Severity};

impl fmt::Display for Examination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_headline(f)?;
        for severity in [Severity::Problem, Severity::Warning] {
            for finding in self.findings().filter(|finding| finding.severity() == severity) {
                write_in_full(f, finding)?;
            }
        }
        let mut area = None;
        for finding in self.findings() {
            if area != Some(finding.area()) {
                area = Some(finding.area());
                writeln!(f, "\n{}", finding.area())?;
            }
            writeln!(f, "  {:<8} {finding}", finding.severity())?;
            // How a source is set up interests only where something is wrong.
            if let (Severity::Note, Some(remedy)) = (finding.severity(), finding.hint())
                && self.severity() > Severity::Note
            {
                writeln!(f, "           {remedy}")?;
            }
        }
        if let Some(report) = &self.report {
            write!(f, "\nsources\n")?;
            for line in report.to_string().lines() {
                writeln!(f, "  {line}")?;
            }
        }
        if let Some(trust) = &self.trust_policy {
            writeln!(f, "\ntrust policy that the role needs\n{trust}")?;
        }
        Ok(())
    }
}

impl Examination {
    fn write_headline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |severity| self.findings().filter(|finding| finding.severity() == severity).count();
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        match (count(Severity::Problem), count(Severity::Warning)) {
            (0, 0) => writeln!(f, "Nothing wrong was found."),
            (problems, warnings) => {
                writeln!(f, "{problems} problem{}, {warnings} warning{}", plural(problems), plural(warnings))
            }
        }
    }
}

fn write_in_full(f: &mut fmt::Formatter<'_>, finding: &Finding) -> fmt::Result {
    write!(f, "  {:<8} {}: {finding}", finding.severity(), finding.area())?;
    match finding.reason() {
        Some(reason) => writeln!(f, " ({reason})")?,
        None => writeln!(f)?,
    }
    match finding.hint() {
        Some(remedy) => writeln!(f, "           What to do: {remedy}"),
        None => Ok(()),
    }
}
