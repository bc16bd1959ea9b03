//! libtrakt: a Trakt client for media centers.


