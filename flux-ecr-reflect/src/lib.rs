//! What Flux CD's image-reflector does with Amazon ECR.

mod error;
mod image;
mod reflect;
mod registry;
mod scan;
mod tags;
mod walk;

pub use self::error::{Error, ErrorKind};
pub use self::image::{Digest, ImageName, ImageRef, Tag};
pub use self::reflect::{Reflector, ReflectorBuilder};
pub use self::registry::EcrRegistry;
pub use self::scan::Scan;
pub use self::tags::{Cursor, TagEntry, TagPage, TagSource};
pub use self::walk::{Listing, PageProgress};
