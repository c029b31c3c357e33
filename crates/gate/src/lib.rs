//! The gate of an HTTP service: what every service of Canut does with those who come in.
//!
//! - [`accept`] serves a router on a port: connections are bounded, in all and of one address, and slow ones are cut. A [`Port`] is
//!   all that most services need of it.
//! - [`Gate`] goes around the router: who asks too often is refused, what takes too long ends, answers are counted, and
//!   browsers may call from any page.
//! - [`Challenges`] log wallets in, as iExec's services do.
//! - [`Refusal`] is an error as clients see it: a status, and a sentence that says what to do; [`read`] is how they see it. [`excerpt`] and [`last_cause`]
//!   are for showing what others say.

mod answers;
mod challenge;
mod crowd;
mod limits;
mod port;
mod refusal;
mod server;
mod signature;
mod stream;
mod words;

pub use answers::Answers;
pub use challenge::Challenges;
pub use limits::{Gate, Limits};
pub use port::{ListenError, Port};
pub use refusal::{JSON, NoAnswer, Refusal, read};
pub use server::{Connections, Peer, accept};
pub use signature::recover;
pub use words::{excerpt, last_cause};
