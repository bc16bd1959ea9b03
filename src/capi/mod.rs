//! The C boundary: what `include/trakt.h` declares. The only place with `unsafe`.
//! Knows nothing of Trakt: each function checks what a foreign caller hands in, calls [`crate::client`] and hands text out.
//!
//! [`functions`] follows the header's order; `guard` keeps panics in, `handle` turns numbers into clients, `life` opens and
//! closes them, `text` passes strings in and out, [`signals`] starts threads that leave the host's signals
//! alone, [`fork`] makes a fork wait for the moments that a child must not inherit.

pub mod fork;
pub mod functions;
pub(crate) mod guard;
pub(crate) mod handle;
pub(crate) mod life;
pub mod signals;
pub mod status;
pub(crate) mod text;
