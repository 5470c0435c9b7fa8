//! Values and errors without their types: what is decided about them is compiled once, and not again for each type.

use std::any::Any;
use std::sync::Arc;

use super::{Fault, LoadError, Loaded};

/// A value or an error of any type.
pub(super) type Erased = Arc<dyn Any + Send + Sync>;

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
