//! What happens on the hub, in order and exactly once.

mod event;
mod follower;
mod range;

pub use event::{AssetKind, Event};
pub use follower::{Batch, Checkpoint, FollowConfig, FollowError, Follower, Happening};
