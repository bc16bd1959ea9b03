//! A simulated Trakt, strict about every request.
