//! Reading header fields: the parts that lists of links and of challenges have in common.

/// What is left of a field to read ([RFC 9110, 5.6](https://www.rfc-editor.org/rfc/rfc9110#section-5.6)).
#[derive(Clone, Copy)]
pub(super) struct Scanner<'a>(&'a str);

impl<'a> Scanner<'a> {
    pub(super) fn new(field: &'a str) -> Self {
        Self(field)
    }

    pub(super) fn is_at_end(self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn is_at(self, character: char) -> bool {
        self.0.starts_with(character)
    }

    /// Passes over one character, if it is this one.
    pub(super) fn eat(&mut self, character: char) -> bool {
        match self.0.strip_prefix(character) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    pub(super) fn skip_space(&mut self) {
        self.take_while(is_space);
    }

    /// Passes over what separates the elements of a list, empty elements included.
    pub(super) fn skip_separators(&mut self) {
        self.take_while(|c| is_space(c) || c == ',');
    }

    pub(super) fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|c| !belongs(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    /// A name; empty where there is none.
    pub(super) fn token(&mut self) -> &'a str {
        self.take_while(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
    }

    /// What is behind an `=`: a quoted string without its quotes and escapes, or anything up to a separator. `None` for a quoted
    /// string that does not end.
    pub(super) fn value(&mut self) -> Option<String> {
        if !self.eat('"') {
            return Some(self.take_while(|c| !is_space(c) && !",;".contains(c)).to_owned());
        }
        let mut value = String::new();
        let mut characters = self.0.chars();
        loop {
            match characters.next()? {
                '"' => break,
                '\\' => value.push(characters.next()?),
                c => value.push(c),
            }
        }
        self.0 = characters.as_str();
        Some(value)
    }
}

fn is_space(c: char) -> bool {
    c == ' ' || c == '\t'
}
