//! Keys, values and errors without their types: what is decided about them is compiled once, and not again for each type.

use std::any::Any;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

use super::{Fault, LoadError, Loaded};

/// A value or an error of any type.
pub(super) type Erased = Arc<dyn Any + Send + Sync>;

/// The types of a handle or a cache, which must be those with which it was made: what is erased is known again by them. With a
/// type that could stand for a supertype, this would compile, and panic at the first value:
///
/// ```compile_fail,E0308
/// use flux_aws_auth::Error;
/// use flux_aws_auth::cache::Handle;
///
/// fn narrowed(handle: Handle<for<'a> fn(&'a str), Error>) -> Handle<fn(&'static str), Error> {
///     handle
/// }
/// ```
///
/// And this, and find no key:
///
/// ```compile_fail,E0308
/// use flux_aws_auth::Error;
/// use flux_aws_auth::cache::Cache;
///
/// fn widened(cache: Cache<fn(&'static str), (), Error>) -> Cache<for<'a> fn(&'a str), (), Error> {
///     cache
/// }
/// ```
pub(super) type Exactly<T> = PhantomData<fn(T) -> T>;

/// What a load brought.
pub(super) type Outcome = Result<Loaded<dyn Any + Send + Sync>, LoadError<Erased>>;

/// Makes the error of a fault.
pub(super) type MakeError = fn(Fault) -> Erased;

/// An error of type `E`.
pub(super) fn make_error<E: From<Fault> + Send + Sync + 'static>(fault: Fault) -> Erased {
    Arc::new(E::from(fault))
}

pub(super) fn erase<V, E>(outcome: Result<Loaded<V>, LoadError<E>>) -> Outcome
where
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    match outcome {
        Ok(Loaded { value, expiry, when_kept }) => Ok(Loaded { value, expiry, when_kept }),
        Err(LoadError::Transient(error)) => Err(LoadError::Transient(Arc::new(error))),
        Err(LoadError::Denied(error)) => Err(LoadError::Denied(Arc::new(error))),
    }
}

/// The `T` that was erased.
pub(super) fn typed<T: Send + Sync + 'static>(erased: Erased) -> Arc<T> {
    match erased.downcast() {
        Ok(typed) => typed,
        Err(_) => unreachable!("what a handle's own loader brought has the handle's types"),
    }
}

/// A key of any type.
pub(super) trait Key: Any + Send + Sync {
    fn is(&self, other: &dyn Key) -> bool;
    fn feed(&self, hasher: &mut dyn Hasher);
}

impl<K: Eq + Hash + Send + Sync + 'static> Key for K {
    fn is(&self, other: &dyn Key) -> bool {
        let other: &dyn Any = other;
        other.downcast_ref() == Some(self)
    }

    fn feed(&self, mut hasher: &mut dyn Hasher) {
        self.hash(&mut hasher);
    }
}

impl PartialEq for dyn Key {
    fn eq(&self, other: &Self) -> bool {
        self.is(other)
    }
}

impl Eq for dyn Key {}

impl Hash for dyn Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.feed(state);
    }
}
