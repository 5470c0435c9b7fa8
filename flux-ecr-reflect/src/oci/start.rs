//! Where a page of tags begins, and where the one after it does.

use super::answer::{list_path, path_of};
use super::failure::Subject;
use super::link::{self, Place};
use crate::error::ErrorKind;
use crate::image::Tag;
use crate::tags::{Cursor, TagEntry, TagPage};

/// Where a page of tags begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// At the first tag, with as many as are asked for.
    First { asked: u16 },
    /// Where a `Link` led: path and query.
    Linked(String),
    /// After the last tag of a page that was as long as was asked for and had no `Link`.
    After { tag: Tag, asked: u16 },
}

impl Start {
    /// What a cursor says; `None` if it is of no listing of these tags.
    pub(super) fn at(cursor: &Cursor, subject: Subject<'_>) -> Option<Self> {
        let path = list_path(subject);
        let Place::Here(place) = link::resolve(subject.origin, &path, cursor.as_str()) else { return None };
        if path_of(&place) != path {
            return None;
        }
        let is_ours = cursor.as_str().ends_with(UNLINKED);
        Some(is_ours.then(|| Self::after(&place)).flatten().unwrap_or(Self::Linked(place)))
    }

    fn after(place: &str) -> Option<Self> {
        let (_, query) = place.split_once('?')?;
        let (asked, tag) = query.strip_prefix("n=")?.split_once("&last=")?;
        Some(Self::After { tag: tag.parse().ok()?, asked: asked.parse().ok()? })
    }

    /// The path and query to ask.
    pub(super) fn place(&self, subject: Subject<'_>) -> String {
        let path = list_path(subject);
        match self {
            Self::First { asked } => format!("{path}?n={asked}"),
            Self::Linked(place) => place.clone(),
            // No character of a tag has a meaning in a query.
            Self::After { tag, asked } => format!("{path}?n={asked}&last={tag}"),
        }
    }

    /// The page of what a registry lists from here, and the cursor that its `Link` makes.
    pub(super) fn page(
        &self,
        subject: Subject<'_>,
        mut entries: Vec<TagEntry>,
        linked: Option<Cursor>,
    ) -> TagPage {
        let is_as_long = |asked: u16| entries.len() == usize::from(asked);
        let asked = match self {
            Self::First { asked } | Self::After { asked, .. } if is_as_long(*asked) => Some(*asked),
            _ => None,
        };
        if let Self::After { tag, .. } = self
            && let Some(at) = entries.iter().position(|entry| entry.tag() == tag)
        {
            // It was to list what comes after that tag. What it lists up to there was listed before.
            entries.drain(..=at);
        }
        let cut = asked.zip(entries.last()).map(|(asked, last)| {
            let after = Self::After { tag: last.tag().clone(), asked };
            Cursor::new(format!("{}{UNLINKED}", after.place(subject)))
        });
        let page = TagPage::new(entries);
        match linked.or(cut) {
            Some(next) => page.with_next(next),
            None => page,
        }
    }

    /// Whether a refusal means that nothing follows: the registry was asked for what comes after a tag without having said that it
    /// can tell.
    pub(super) fn is_end(&self, status: u16, refusal: ErrorKind) -> bool {
        let is_called_wrong = match refusal {
            ErrorKind::Configuration => true,
            ErrorKind::InvalidResponse => matches!(status, 400 | 405),
            _ => false,
        };
        matches!(self, Self::After { .. }) && is_called_wrong
    }
}

/// A fragment, which is never sent: it tells the cursors made here from those that a `Link` makes, which have none.
const UNLINKED: &str = "#unlinked";
