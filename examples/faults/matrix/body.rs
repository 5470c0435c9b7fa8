//! A body that comes as its fault has it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use aws_smithy_types::body::SdkBody;
use http_body::{Body, Frame};

/// What HTTP bodies are made of.
pub(crate) type Bytes = <SdkBody as Body>::Data;

/// How it goes on after what there is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    Proper,
    /// Open, and silent.
    Never,
    /// Broken off.
    Reset,
    /// This many blanks, in pieces.
    Blanks(u64),
}

#[derive(Debug)]
pub(crate) struct FaultyBody {
    first: Option<Bytes>,
    end: End,
    /// Of all bodies.
    taken: Arc<AtomicU64>,
}

impl FaultyBody {
    pub(crate) fn new(text: String, end: End, taken: &Arc<AtomicU64>) -> Self {
        let first = (!text.is_empty()).then(|| Bytes::from(text));
        Self { first, end, taken: taken.clone() }
    }

    fn take(&self, bytes: Bytes) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.taken.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

impl Body for FaultyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        const PIECE: &[u8] = &[b' '; 64 * 1024];
        if let Some(bytes) = self.first.take() {
            return self.take(bytes);
        }
        match self.end {
            End::Proper | End::Blanks(0) => Poll::Ready(None),
            End::Never => Poll::Pending,
            End::Reset => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
            End::Blanks(left) => {
                self.end = End::Blanks(left.saturating_sub(PIECE.len() as u64));
                self.take(Bytes::from_static(PIECE))
            }
        }
    }
}
