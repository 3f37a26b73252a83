//! A table for the terminal: a line for each set, and a count of what failed.

/// A line of the table.
pub(crate) struct Line {
    /// The set.
    pub(crate) name: String,
    /// The figures, as the header has them.
    pub(crate) cells: Vec<String>,
    /// The verdict on it.
    pub(crate) verdict: String,
    /// True if this has to be looked into.
    pub(crate) failed: bool,
    /// The messages, for those who look into it.
    pub(crate) details: Vec<String>,
}

impl Line {
    /// A set that could not be tried.
    pub(crate) fn error(name: &str, why: &str) -> Self {
        Self {
            name: name.to_owned(),
            cells: Vec::new(),
            verdict: format!("ERROR: {why}"),
            failed: true,
            details: Vec::new(),
        }
    }
}

/// The table.
pub(crate) struct Table {
    /// The names of the cells.
    pub(crate) header: Vec<&'static str>,
    /// The lines.
    pub(crate) lines: Vec<Line>,
}

impl Table {
    /// Returns the number of lines that have to be looked into.
    pub(crate) fn failures(&self) -> usize {
        self.lines.iter().filter(|line| line.failed).count()
    }

    /// The table as text.
    pub(crate) fn text(&self) -> String {
        let cells = |line: &Line| {
            (0..self.header.len())
                .map(|place| line.cells.get(place).cloned().unwrap_or_default())
                .collect::<Vec<_>>()
        };
        let mut text = row(
            "",
            &self.header.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(),
            "",
        );
        for line in &self.lines {
            text.push_str(&row(&line.name, &cells(line), &line.verdict));
            for detail in &line.details {
                text.push_str(&format!("    {detail}\n"));
            }
        }
        let (all, failed) = (self.lines.len(), self.failures());
        text.push_str(&format!(
            "{} of {all} as they should be, {failed} to look into\n",
            all - failed
        ));
        text
    }
}

fn row(name: &str, cells: &[String], verdict: &str) -> String {
    let cells: String = cells.iter().map(|cell| format!(" {cell:>9}")).collect();
    format!("{name:<28}{cells}   {verdict}").trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted() {
        let line = Line {
            name: "a".to_owned(),
            cells: vec!["3".to_owned(), "12".to_owned()],
            verdict: "both take it".to_owned(),
            failed: false,
            details: Vec::new(),
        };
        let table = Table {
            header: vec!["objects", "lines"],
            lines: vec![line, Line::error("b", "git: no such tag")],
        };
        assert_eq!(
            table.text(),
            "                               objects     lines\n\
             a                                    3        12   both take it\n\
             b                                                  ERROR: git: no such tag\n\
             1 of 2 as they should be, 1 to look into\n"
        );
    }
}
